"""Unfair driving as strangers would record it: the forces of wheels, and nothing else.

A generator of its own: wheels of a width press on strips of an extent, by the formulas
of the recording alone. It shares no code with the simulators nor with the estimators.
"""

import json
import math

import numpy as np
import pytest

from wim.cli.__main__ import main

RATE_HZ = 2000.0
STRIP_M = 0.053
COUNTS_PER_N = 0.2
USUAL = {"left": (-1.75, 0.0), "right": (0.0, 1.75)}
CAR = ((900.0, 800.0), (0.0, 2.7), 0.2, 0.75)
LORRY = ((6500.0, 10_500.0), (0.0, 5.0), 0.3, 1.0)
FOUR = ((7000.0, 7000.0, 11_000.0, 11_000.0), (0.0, 1.9, 5.9, 7.25), 0.3, 1.0)
SIX = (
    (7000.0, 10_000.0, 10_000.0, 9000.0, 9000.0, 9000.0),
    (0.0, 3.3, 4.65, 11.65, 12.96, 14.27),
    0.45,
    0.98,
)
"""Loads [kg], places behind the first axle, width of a wheel, half the track [m]."""


class Station:
    """One lane of strips; ``extents`` by side and ``declared`` in its site file."""

    def __init__(
        self, *, rows=4, sides=("left", "right"), extents=USUAL, declared=True
    ):
        self.strips = [
            (row, side, 3.0 * row, extents[side])
            for row in range(rows)
            for side in sides
        ]
        lines = ['[station]\nid = "OUTSIDE-1"', "[[lanes]]\nnumber = 1"]
        lines.append("speed_range_kmh = [0.5, 120.0]")
        for channel, (row, side, place_m, (least_m, most_m)) in enumerate(self.strips):
            lines.append(
                f"[[lanes.strips]]\nchannel = {channel}\nrow = {row}\n"
                f'side = "{side}"\nposition_m = {place_m}\nwidth_m = {STRIP_M}\n'
                f"counts_per_newton = {COUNTS_PER_N}\ntime_constant_s = 5.0"
            )
            if declared:
                lines.append(f"lateral_from_m = {least_m}\nlateral_to_m = {most_m}")
        self.toml = "\n".join(lines)

    def counts(self, vehicles, *, seconds):
        """``vehicles`` are triples: vehicle, way, place across the lane."""
        rng = np.random.default_rng(3)
        t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
        force_n = np.zeros((len(t), len(self.strips)))
        for (loads, behind, width_m, half_track_m), gone_m, across_m in vehicles:
            along = gone_m(t)
            for axle, (load, back) in enumerate(zip(loads, behind, strict=True)):
                bounce = 1.0 + 0.015 * np.sin(2.0 * math.pi * (2.1 + 0.3 * axle) * t)
                for channel, (_, _, place_m, (least, most)) in enumerate(self.strips):
                    near = along - back - place_m
                    resting = _share(near + STRIP_M / 2) - _share(near - STRIP_M / 2)
                    for sign in (-1.0, 1.0):
                        middle = across_m + sign * half_track_m
                        over = min(middle + width_m / 2, most)
                        over -= max(middle - width_m / 2, least)
                        part = min(max(over / width_m, 0.0), 1.0)
                        force_n[:, channel] += (
                            0.5 * part * load * 9.80665 * resting * bounce
                        )
        keep = math.exp(-1.0 / (5.0 * RATE_HZ))
        sagged = np.zeros(len(self.strips))
        counts = np.zeros_like(force_n)
        for i, now in enumerate(COUNTS_PER_N * force_n):
            counts[i] = now - sagged
            sagged = keep * sagged + (1.0 - keep) * now
        counts += rng.uniform(-200.0, 200.0, len(self.strips))
        counts += rng.normal(0.0, 6.0, counts.shape)
        return np.rint(counts).astype(np.int32)


def _share(along_m, length_m=0.22):
    """Part of a footprint behind a place: half a sine of pressure along its length."""
    return 0.5 + 0.5 * np.sin(math.pi * np.clip(along_m / length_m, -0.5, 0.5))


def steady(speed_mps, *, at_s=1.5, behind_m=0.0):
    return lambda t: speed_mps * (t - at_s) - behind_m


def through(*points):
    """A way through (time, place) points at speeds that change smoothly."""
    times, places = np.array(points, dtype=float).T

    def gone(t):
        around = np.linspace(-0.6, 0.6, 25)
        return sum(np.interp(t + d, times, places) for d in around) / len(around)

    return gone


def processed(tmp_path, capsysbinary, station, vehicles, *, seconds):
    recording, site = tmp_path / "recording.npz", tmp_path / "site.toml"
    counts = station.counts(vehicles, seconds=seconds)
    np.savez(recording, counts=counts, sample_rate_hz=RATE_HZ)
    site.write_text(station.toml, "utf-8")
    assert main(["process", str(recording), "--site", str(site), "--json"]) == 0
    lines = capsysbinary.readouterr().out.splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("across_m", [0.0, 0.3, -0.35])
@pytest.mark.parametrize("vehicle", [LORRY, SIX])
def test_wheels_on_their_strips_are_weighed(tmp_path, capsysbinary, vehicle, across_m):
    (passage,) = processed(
        tmp_path,
        capsysbinary,
        Station(),
        [(vehicle, steady(16.0), across_m)],
        seconds=4.5,
    )
    assert passage["flags"] == []
    assert passage["gross_mass_kg"] == pytest.approx(sum(vehicle[0]), rel=0.02)


@pytest.mark.parametrize("rows", [2, 4])
@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("across_m", [0.68, -0.75, 0.9])
@pytest.mark.parametrize("vehicle", [LORRY, SIX])
def test_wheels_partly_beside_their_strips_bar_evidence(
    tmp_path, capsysbinary, vehicle, across_m, declared, rows
):
    found = processed(
        tmp_path,
        capsysbinary,
        Station(rows=rows, declared=declared),
        [(vehicle, steady(14.0), across_m)],
        seconds=4.5,
    )
    assert found
    for passage in found:
        assert passage["gross_mass_kg"] < 0.96 * sum(vehicle[0])
        assert not passage["valid"]
        assert {"edge", "s_path", "straddling"} & set(passage["flags"])


def test_strips_too_short_for_a_lorry_bar_its_evidence(tmp_path, capsysbinary):
    """Both sides are cut alike: nothing but the site tells."""
    short = {"left": (-1.05, -0.3), "right": (0.3, 1.05)}
    (passage,) = processed(
        tmp_path,
        capsysbinary,
        Station(extents=short),
        [(LORRY, steady(14.0), 0.0)],
        seconds=4.0,
    )
    assert passage["gross_mass_kg"] < 0.9 * sum(LORRY[0])
    assert passage["flags"] == ["edge"]
    assert not passage["valid"]


@pytest.mark.parametrize(("first", "second"), [(CAR, LORRY), (LORRY, CAR), (CAR, FOUR)])
@pytest.mark.parametrize("gap_m", [3.5, 4.0, 4.6])
def test_a_car_and_a_lorry_close_together_at_one_speed_are_two(
    tmp_path, capsysbinary, first, second, gap_m
):
    behind_m = first[1][-1] + gap_m
    found = processed(
        tmp_path,
        capsysbinary,
        Station(),
        [(first, steady(12.0), 0.0), (second, steady(12.0, behind_m=behind_m), 0.0)],
        seconds=6.0,
    )
    assert [passage["gross_mass_kg"] for passage in found] == pytest.approx(
        [sum(first[0]), sum(second[0])], rel=0.03
    )
    for passage in found:
        assert passage["flags"] == ["tailgating"]
        assert not passage["valid"]


@pytest.mark.parametrize(
    "points",
    [
        # its tractor has crossed, and its trailer comes after twenty seconds
        ((0, -4), (9.6, 9.5), (29, 9.5), (40, 30)),
        # the same, but backwards over the rows before it drives on
        ((0, -4), (9.6, 9.5), (20, 9.5), (27, 0.5), (29, 0.5), (41, 30)),
        # it turns twice, and only three axles cross at the end
        ((0, -4), (5, 7.2), (8, 7.2), (12, 2.6), (20, 2.6), (23, 6), (33, 6), (42, 24)),
    ],
)
def test_half_a_truck_that_stood_or_turned_on_two_rows_is_no_evidence(
    tmp_path, capsysbinary, points
):
    found = processed(
        tmp_path,
        capsysbinary,
        Station(rows=2),
        [(SIX, through(*points), 0.0)],
        seconds=points[-1][0] + 1,
    )
    assert found
    assert not any(passage["valid"] for passage in found)


@pytest.mark.parametrize(
    ("rows", "points"),
    [
        # two rows: its tractor has left them evenly when it stops
        (2, ((0, -6), (5, 9), (6.5, 10.4), (11, 10.4), (13, 13), (16.5, 22))),
        # four rows: its trailer stands on them when its tractor has left them
        (4, ((0, -6), (6.2, 14.6), (8, 17), (13, 17.1), (15.5, 21), (19, 32))),
    ],
)
def test_a_lorry_that_stops_behind_its_tractor_is_one_vehicle_and_no_evidence(
    tmp_path, capsysbinary, rows, points
):
    (passage,) = processed(
        tmp_path,
        capsysbinary,
        Station(rows=rows),
        [(SIX, through(*points), 0.0)],
        seconds=points[-1][0] + 20,
    )
    assert len(passage["axle_loads_kg"]) == 6
    assert "stop_and_go" in passage["flags"]
    assert not passage["valid"]
    stood = [f for f in passage["findings"] if f["figure"] == "stood_between_s"]
    assert [found["value"] > 3.0 for found in stood] == [True] * (rows == 2)


def test_slow_lorries_that_follow_one_another_evenly_are_evidence(
    tmp_path, capsysbinary
):
    """Two rows leave room for a stop between them, and nothing says that one was."""
    far_m = LORRY[1][-1] + 14.0
    found = processed(
        tmp_path,
        capsysbinary,
        Station(rows=2),
        [(LORRY, steady(2.5), 0.0), (LORRY, steady(2.5, behind_m=far_m), 0.0)],
        seconds=30.0,
    )
    assert [len(passage["axle_loads_kg"]) for passage in found] == [2, 2]
    assert [passage["flags"] for passage in found] == [[], []]


@pytest.mark.parametrize("rows", [2, 4])
@pytest.mark.parametrize("kmh", [30.0, 50.0, 85.0])
def test_a_lorry_on_short_footprints_neither_stops_nor_falls_apart(road, rows, kmh):
    """Empty trailer axles stand on half the usual contact: their pulses are short."""
    site = road.site_of(road.site_text(rows=rows))
    loads_kg = (5200.0, 4200.0, 1900.0, 1900.0, 1900.0)
    truck = road.Truck(loads_kg, (3.8, 7.3, 1.31, 1.31), kmh, footprint_m=0.12)
    counts, _ = road.drive(site, [truck], seconds=6.0)
    (passage,) = road.passages(road.weigh(site, counts, separator=False))
    assert passage.axle_configuration == "1+1+3"
    assert passage.flags == ()
    assert passage.gross_mass_kg == pytest.approx(truck.gross_kg, rel=5e-3)


def test_a_recording_that_ends_with_a_lorry_on_the_rows_is_no_evidence(
    tmp_path, capsysbinary
):
    """Cut off at any moment: what was seen of it until then is never a valid lorry."""
    station = Station()
    counts = station.counts([(SIX, steady(14.0), 0.0)], seconds=5.0)
    recording, site = tmp_path / "recording.npz", tmp_path / "site.toml"
    site.write_text(station.toml, "utf-8")
    # its first axle reaches the first row at 1.5 s, its last one leaves at 3.17 s
    told = {}
    for end_s in np.arange(1.5, 3.6, 0.06).tolist():
        cut = counts[: round(end_s * RATE_HZ)]
        np.savez(recording, counts=cut, sample_rate_hz=RATE_HZ)
        assert main(["process", str(recording), "--site", str(site), "--json"]) == 0
        lines = [json.loads(x) for x in capsysbinary.readouterr().out.splitlines()]
        told[end_s] = [len(each["axle_loads_kg"]) for each in lines if each["valid"]]
    early = [valid for end_s, valid in told.items() if end_s < 3.1]
    late = [valid for end_s, valid in told.items() if end_s > 3.3]
    assert early
    assert not any(early)
    assert late
    assert all(valid == [6] for valid in late)
