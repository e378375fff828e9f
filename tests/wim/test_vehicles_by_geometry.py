"""What axles tell by places and times alone: where vehicles end, and what they are."""

import pytest
from hypothesis import given, settings, strategies as st

from wim.kinematics import Kinematics
from wim.vehicles import Shapes, kind_of, separate, untangle

SHAPES = Shapes()
ROWS = (0.0, 3.0, 6.0, 9.0)
ARTIC = (3.3, 1.35, 7.0, 1.31, 1.31)
RIGID = (4.5,)
DRAWBAR = (4.2, 1.35, 4.1, 4.5, 1.31)


def places(spacings):
    behind = [0.0]
    for spacing in spacings:
        behind.append(behind[-1] + spacing)
    return behind


def traffic(*vehicles):
    """Crossings and spacings of vehicles: (spacings, gap before [m], speed [m/s])."""
    crossings, spacings = [], []
    begins_s = 0.0
    for spacings_m, gap_m, speed in vehicles:
        begins_s += gap_m / speed
        if crossings:
            spacings.append(gap_m)
        spacings += spacings_m
        crossings += [
            [(begins_s + (row + back) / speed, row) for row in ROWS]
            for back in places(spacings_m)
        ]
        begins_s += sum(spacings_m) / speed
    return crossings, spacings


@pytest.fixture(scope="module")
def parts(row_times):
    """How many axles each vehicle has; the first one's weigh another than others."""

    def parts_of(*vehicles, axles_kg=(5000.0, 5000.0)):
        crossings, spacings = traffic(*vehicles)
        first = len(vehicles[0][0]) + 1

        def mass_kg(begin, end):
            return sum(axles_kg[i >= first] for i in range(begin, end))

        found = separate(
            row_times(crossings),
            spacings,
            mass_kg=mass_kg,
            longest_gap_m=12.0,
            shapes=SHAPES,
            kinematics=Kinematics(),
        )
        assert [part.first for part in found[1:]] == [part.end for part in found[:-1]]
        return [part.end - part.first for part in found]

    return parts_of


@pytest.mark.parametrize("spacings", [ARTIC, RIGID, DRAWBAR, (1.9, 4.0, 1.35)])
def test_one_vehicle_stays_one(parts, spacings):
    assert parts((spacings, 0.0, 15.0)) == [len(spacings) + 1]


@pytest.mark.parametrize("gap_m", [5.0, 6.5, 8.5, 11.0])
@pytest.mark.parametrize("first", [ARTIC, RIGID])
@pytest.mark.parametrize("second", [ARTIC, RIGID, (4.0, 1.35)])
def test_followers_closer_than_twelve_metres_are_two(parts, first, second, gap_m):
    assert parts((first, 0.0, 15.0), (second, gap_m, 15.0)) == [
        len(first) + 1,
        len(second) + 1,
    ]


def test_a_short_gap_is_told_from_a_drawbar_by_the_speeds(parts):
    assert parts((RIGID, 0.0, 15.0), (RIGID, 4.3, 15.0)) == [4]
    assert parts((RIGID, 0.0, 15.0), (RIGID, 4.3, 15.4)) == [2, 2]


def test_a_car_close_to_a_lorry_is_no_part_of_a_road_train(parts):
    car, lorry = ((2.7,), 0.0, 15.0), (RIGID, 0.0, 15.0)
    before, behind = (RIGID, 4.0, 15.0), ((2.7,), 4.0, 15.0)
    assert parts(car, before, axles_kg=(800.0, 6000.0)) == [2, 2]
    assert parts(lorry, behind, axles_kg=(6000.0, 800.0)) == [2, 2]
    trailer = (RIGID, 4.0, 15.0)  # as light, but its axles are further apart
    assert parts(lorry, trailer, axles_kg=(6000.0, 2000.0)) == [4]
    tandem = ((1.31,), 4.0, 15.0)
    assert parts(car, tandem, axles_kg=(800.0, 500.0)) == [4]


def test_three_in_a_row_are_three(parts):
    assert parts((ARTIC, 0.0, 15.0), (RIGID, 6.0, 15.2), (ARTIC, 7.0, 15.1)) == [
        6,
        2,
        6,
    ]


@pytest.mark.parametrize(
    ("spacings", "expected"),
    [
        ((4.5,), "rigid"),
        ((4.0, 1.35), "rigid"),
        ((1.9, 4.0, 1.35), "rigid"),
        ((3.5, 6.5, 1.31), "articulated"),
        (ARTIC, "articulated"),
        ((4.8, 5.2, 1.31), "centre_axle"),
        ((4.3, 1.35, 5.0, 1.31), "centre_axle"),
        ((4.8, 4.1, 4.6), "full_trailer"),
        (DRAWBAR, "full_trailer"),
    ],
)
def test_the_kind_comes_out_of_the_geometry_with_a_probability(spacings, expected):
    kind = kind_of(spacings, shapes=SHAPES, longest_group_m=1.8)
    assert kind.vehicle_class == expected
    assert 0.5 <= kind.probability < 1.0


def test_no_kind_is_made_up():
    assert kind_of((), shapes=SHAPES, longest_group_m=1.8) is None
    assert kind_of((3.0,) * 6, shapes=SHAPES, longest_group_m=1.8) is None


def to_and_fro(spacings, turns, *, speed=1.5):
    """Return when each row is crossed by a vehicle that goes to these places."""
    rows_s = [[] for _ in ROWS]
    here, now = -2.0, 0.0
    for there in turns:
        step = speed if there > here else -speed
        for back in places(spacings):
            for row, times in zip(ROWS, rows_s, strict=True):
                at_s = now + (row + back - here) / step
                if min(here, there) < row + back < max(here, there):
                    times.append(at_s)
        now += abs(there - here) / speed
        here = there
    return [sorted(times) for times in rows_s]


@settings(max_examples=60, deadline=None)
@given(
    spacings=st.sampled_from([RIGID, (4.0, 1.35), (1.9, 4.0, 1.35), ARTIC]),
    turn=st.floats(0.35, 1.0),
    back=st.floats(3.0, 9.0),
)
def test_to_and_fro_never_adds_an_axle(spacings, turn, back):
    turn_m = turn * (sum(spacings) + ROWS[-1])
    back_m = min(back, turn_m + 0.5)
    rows_s = to_and_fro(spacings, [turn_m, turn_m - back_m, 40.0])
    axles = len(spacings) + 1
    if all(len(row) == axles for row in rows_s):
        return
    found = untangle(rows_s)
    assert found is not None
    assert found.axles <= axles
    assert all(len(kept) == found.axles for kept in found.kept)


def test_four_axles_that_look_like_six_are_four():
    rows_s = to_and_fro((1.9, 4.0, 1.35), [17.5, 6.5, 40.0])
    assert max(len(row) for row in rows_s) >= 6
    assert untangle(rows_s).axles == 4


def test_what_only_goes_forward_is_no_tangle():
    assert untangle(to_and_fro(ARTIC, [40.0])) is None
