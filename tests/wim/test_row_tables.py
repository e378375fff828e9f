"""What kernels tell of a vehicle's rows is what plain functions tell of them."""

import math

from hypothesis import given, settings, strategies as st

from wim.axles import group_axles
from wim.calibration import interpolated
from wim.row_loads import RowLoad, RowTable
from wim.scatter import scatter_of
from wim.sides import Sides, sides_of

_SPEEDS_MPS = (1.5, 3.0, 4.5, 7.0, 12.0, 17.0, 22.0, 28.0)
_SHARES = (0.013, 0.017, 0.022, 0.03, 0.045, 0.0625, 0.077, 0.091)
_LOADS_KG = (2e3, 3e3, 4e3, 5e3, 7e3, 1e4, 1.6e4, 2.4e4)
_FACTORS = (2.2, 1.65, 1.37, 1.25, 1.12, 0.77, 0.59, 0.54)
_STRIPS = 0.01
_ALIKE = 0.5
_LONGEST_GROUP_M = 1.8
_LIGHT_KG = 3000.0
_STEER_SWING = (0.02, 0.002)
_ALL_SWING = (0.02, 0.003)


class SomeAxle:
    def __init__(self, rows):
        self.rows = rows


@st.composite
def vehicles(draw):
    """Axles of which rows may have missed a wheel or all, on two-sided rows or full."""
    axles = []
    for _ in range(draw(st.integers(1, 6))):
        rows = []
        for row in range(draw(st.integers(1, 6))):
            if rows and not draw(st.integers(0, 5)):
                continue
            left, right = draw(st.floats(0.0, 9e3)), draw(st.floats(0.0, 9e3))
            what = draw(st.sampled_from("bbbbblrf"))
            left_kg = left if what in "bl" else None
            right_kg = right if what in "br" else None
            load = (left_kg or 0.0) + (right_kg or 0.0) if what != "f" else left + right
            skew = st.none() | st.floats(-0.3, 0.3)
            rows.append(
                RowLoad(
                    rank=row,
                    row=row,
                    at_s=1.0 + 0.2 * row,
                    place_m=3.0 * row,
                    speed_mps=draw(st.floats(0.5, 30.0)),
                    speed_sigma_mps=0.01,
                    left_kg=left_kg,
                    right_kg=right_kg,
                    load_kg=load,
                    sigma_kg=10.0,
                    whole=what in "bf",
                    skew_m=draw(skew) if what == "b" else None,
                )
            )
        axles.append(SomeAxle(tuple(rows)))
    return axles


@settings(max_examples=200, deadline=None)
@given(vehicles())
def test_a_table_has_all_that_its_rows_say(axles):
    rows = [axle.rows for axle in axles]
    assert RowTable.of(rows).by_axle() == [list(own) for own in rows]


@settings(max_examples=300, deadline=None)
@given(vehicles())
def test_the_scatter_is_that_of_plain_functions(axles):
    told = scatter_of(RowTable.of([axle.rows for axle in axles]))
    assert told == naive_scatter_of(axles)


@settings(max_examples=300, deadline=None)
@given(
    vehicles(), st.sets(st.integers(0, 5)), st.sampled_from((None, 0, -1)), st.data()
)
def test_the_sides_are_those_of_plain_functions(axles, rows, steered, data):
    spacing = st.sampled_from((1.31, 1.8, 3.3, 7.0))
    spacings_m = [data.draw(spacing) for _ in axles[1:]]
    told = sides_of(
        RowTable.of([axle.rows for axle in axles]),
        steered=None if steered is None else steered % len(axles),
        told_by=sorted(rows),
        spacings_m=spacings_m,
    )
    front = None if steered is None else axles[steered]
    assert told == naive_sides_of(axles, front, rows, spacings_m)


def naive_scatter_of(axles):
    speeds = [row.speed_mps for axle in axles for row in axle.rows]
    share = interpolated(_SPEEDS_MPS, _SHARES, math.fsum(speeds) / max(len(speeds), 1))
    expected = 0.0
    rests = {}
    for axle in axles:
        whole = [row for row in axle.rows if row.whole]
        if len(whole) < 2:
            continue
        mean = math.fsum([row.load_kg for row in whole]) / len(whole)
        usual = mean * share * interpolated(_LOADS_KG, _FACTORS, mean)
        expected += usual * usual + (_STRIPS * mean) * (_STRIPS * mean)
        freedom = math.sqrt(len(whole) - 1)
        for row in whole:
            rests.setdefault(row.row, []).append((row.load_kg - mean) / freedom)
    if expected <= 0.0:
        return None, None
    lengths = {
        row: math.fsum([rest * rest for rest in own]) for row, own in rests.items()
    }
    squares = math.fsum([_square(own, lengths[row]) for row, own in rests.items()])
    worst = max(lengths, key=lengths.__getitem__)
    return math.sqrt(squares / expected), worst


def _square(rests, length):
    """Return the square of what the axles show at one row, the common part for less.

    That is the squared length (Mahalanobis) of figures that are alike in pairs;
    ``length`` is that of figures that are not.
    """
    count = len(rests)
    total = math.fsum(rests)
    common = total * total / count
    own = max(length - common, 0.0)
    return common / (1.0 + (count - 1) * _ALIKE) + own / (1.0 - _ALIKE)


def naive_sides_of(axles, steered, rows, spacings_m):
    wheels = [_wheels_kg(axle, rows) for axle in axles]
    left_kg = math.fsum([left for left, _ in wheels])
    right_kg = math.fsum([right for _, right in wheels])
    if left_kg + right_kg <= 0.0:
        return Sides()
    tilts = []
    for group in group_axles(spacings_m, longest_m=_LONGEST_GROUP_M):
        left = math.fsum([wheels[i][0] for i in group])
        right = math.fsum([wheels[i][1] for i in group])
        tilts.append((left - right) / max(left + right, _LIGHT_KG * len(group)))
    speeds = [row.speed_mps for axle in axles for row in axle.rows]
    pace_mps = math.fsum(speeds) / len(speeds)
    moved = [_moved_kg(axle, rows) for axle in axles]
    front = [k for k, axle in enumerate(axles) if axle is steered]
    steer_left, steer_right = wheels[front[0]] if front else (0.0, 0.0)
    steer_kg = steer_left + steer_right
    steer_swing, steer_swing_rows = _swing(
        [moved[k] for k in front], _STEER_SWING, pace_mps
    )
    vehicle_swing, vehicle_swing_rows = _swing(moved, _ALL_SWING, pace_mps)
    return Sides(
        steer=abs(steer_left - steer_right) / steer_kg if steer_kg > 0.0 else None,
        vehicle=abs(left_kg - right_kg) / (left_kg + right_kg),
        group=max(map(abs, tilts)),
        spread=max(tilts) - min(tilts),
        steer_swing=steer_swing,
        vehicle_swing=vehicle_swing,
        rows=len(rows),
        told_by=tuple(sorted(rows)),
        steer_light=_lighter(steer_left - steer_right),
        vehicle_light=_lighter(left_kg - right_kg),
        group_light=_lighter(max(tilts, key=abs)),
        steer_swing_rows=steer_swing_rows,
        vehicle_swing_rows=vehicle_swing_rows,
    )


def _wheels_kg(axle, rows):
    """Return the means over some rows of what left and right wheels pressed."""
    own = [row for row in axle.rows if row.row in rows]
    if not own:
        return 0.0, 0.0
    left_kg = math.fsum([row.left_kg or 0.0 for row in own])
    right_kg = math.fsum([row.right_kg or 0.0 for row in own])
    return left_kg / len(own), right_kg / len(own)


def _lighter(left_less_right):
    """Return the side that bears less, None where both bear the same."""
    if left_less_right == 0.0:
        return None
    return "right" if left_less_right > 0.0 else "left"


def _moved_kg(axle, rows):
    """Return by how much more an axle pressed on the left of each row than on average.

    Each axle is held against its own mean, so that one which a row missed does not
    make that row another's; one row alone says nothing.
    """
    own = [
        (row.row, row.left_kg or 0.0, row.load_kg)
        for row in axle.rows
        if row.row in rows and row.load_kg > 0.0
    ]
    if len(own) < 2:
        return []
    total_kg = math.fsum([load_kg for _, _, load_kg in own])
    share = math.fsum([left_kg for _, left_kg, _ in own]) / total_kg
    return [
        (number, left_kg - share * load_kg, load_kg) for number, left_kg, load_kg in own
    ]


def _swing(axles, usual, pace_mps):
    """Return how much the sides change from row to row, over what is usual, and where.

    Args:
        axles: of each, what :func:`_moved_kg` says of it.
        usual: what the road makes of the sides, standing and for each m/s.
        pace_mps: mean speed.
    """
    off_kg = {}
    both_kg = {}
    for own in axles:
        for number, more_kg, load_kg in own:
            off_kg[number] = off_kg.get(number, 0.0) + more_kg
            both_kg[number] = both_kg.get(number, 0.0) + load_kg
    if len(off_kg) < 2:
        return None, ()
    parts = {row: off_kg[row] / both_kg[row] for row in off_kg}
    most, least = max(parts, key=parts.__getitem__), min(parts, key=parts.__getitem__)
    swing = (parts[most] - parts[least]) / (usual[0] + usual[1] * pace_mps)
    return swing, tuple(sorted({most, least}))
