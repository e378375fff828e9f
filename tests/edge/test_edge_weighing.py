import datetime as dt

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from edge.config import LineConfig, ScaleConfig, load_config
from edge.devices.drivers import Chunk, LineReader, open_line
from edge.devices.scales import scale_driver
from edge.devices.watch import DeviceWatch
from edge.errors import DeviceLostError
from edge.weighing import (
    Left,
    LineWeighing,
    LoadFinder,
    ScaleLine,
    Settled,
    StripLine,
    Timeline,
)
from wim.calibration import NO_CALIBRATION
from wim.clips import weighed as weigh_clip
from wim.passage import Passage, Weigher
from wim.protocols import strip, xk3190

EPOCH = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
RATE_HZ = 4000.0
BLOCK = 80


@pytest.fixture
def site(repository):
    return load_config(repository / "configs/edge/station.toml").site


class Sensors:
    """A lane's strips as seen by one steady vehicle: triangles, one an axle and row.

    ``sway`` is the share of its load that an axle gains or loses from row to row.
    """

    def __init__(self, site, *, speed_mps=15.0, lane=1, sway=0.0):
        self.sway = sway
        self.lane = next(each for each in site.lanes if each.number == lane)
        self.channels = site.channels
        self.speed_mps = speed_mps

    def crossing(self, loads_kg, spacings_m, *, before_s=0.5, after_s=0.6):
        """Return counts and inputs of one crossing."""
        behind = np.concatenate([[0.0], np.cumsum(spacings_m)])
        last_m = max(strip.position_m for strip in self.lane.strips)
        long_s = before_s + after_s + (behind[-1] + last_m) / self.speed_mps
        n = int(long_s * RATE_HZ) // BLOCK * BLOCK
        at_s = np.arange(n) / RATE_HZ
        rng = np.random.default_rng(1)
        counts = 300.0 + rng.normal(0.0, 3.0, (n, self.channels))
        footprint_m = 0.25
        for each in self.lane.strips:
            for axle, offset_m in enumerate(behind):
                sign = -1.0 if (axle + each.row) % 2 else 1.0
                load_kg = loads_kg[axle] * (1.0 + sign * self.sway)
                centre_s = before_s + (each.position_m + offset_m) / self.speed_mps
                x_m = (at_s - centre_s) * self.speed_mps
                shape = np.clip(1.0 - np.abs(x_m) / footprint_m, 0.0, None)
                force = load_kg / 2.0 * 9.80665 * each.width_m / footprint_m
                counts[:, each.channel] += each.counts_per_newton * force * shape
        length_s = behind[-1] / self.speed_mps
        present = (at_s > before_s - 0.08) & (at_s < before_s + length_s + 0.08)
        inputs = present.astype(int) << self.lane.presence_input
        return np.round(counts).astype(np.int32), inputs


def frames(counts, inputs, *, first_sequence=0, first_sample=0):
    """Return the encoded frames of a stretch of samples."""
    encoded = []
    for number, start in enumerate(range(0, len(counts), BLOCK)):
        frame = strip.SampleFrame(
            sequence=first_sequence + number,
            first_sample=first_sample + start,
            sample_rate_hz=RATE_HZ,
            counts=np.ascontiguousarray(counts[start : start + BLOCK]),
            inputs=int(inputs[start + BLOCK - 1]),
        )
        encoded.append(strip.encode(frame))
    return encoded


TRUCK = ([7000.0, 12000.0, 11000.0], [3.6, 1.35])


class Station:
    """A strip line with everything that came out of it."""

    def __init__(self, site, clock, **left):
        self.entered, self.weighed = [], []
        self.watch = DeviceWatch("line", clock=clock)
        self.line = StripLine(
            site,
            watch=self.watch,
            on_entered=self.entered.append,
            on_weighed=self.weighed.append,
            utc_of=lambda at_s: EPOCH + dt.timedelta(seconds=at_s),
            **left,
        )

    def feed(self, chunks, *, seconds_a_chunk=BLOCK / RATE_HZ, from_s=100.0):
        for number, chunk in enumerate(chunks):
            self.line.receive(chunk, from_s + (number + 1) * seconds_a_chunk)


def test_a_vehicle_is_weighed_and_stamped_with_the_hosts_time(site, clock):
    station = Station(site, clock)
    station.feed(frames(*Sensors(site).crossing(*TRUCK)))
    (weighed,) = station.weighed
    (entered,) = station.entered
    assert weighed.vehicle == entered.vehicle
    assert weighed.passage.gross_mass_kg == pytest.approx(30_000.0, rel=0.02)
    assert weighed.first_axle_at_s == pytest.approx(100.5, abs=0.005)
    assert entered.at_s == pytest.approx(100.5, abs=0.005)
    crossing_s = (3.6 + 1.35 + 9.0) / 15.0
    assert weighed.ended_at_s == pytest.approx(100.5 + crossing_s, abs=0.05)
    assert weighed.first_axle_at_s < weighed.middle_at_s < weighed.ended_at_s


@pytest.mark.parametrize("speed_mps", [4.0, 15.0, 25.0])
def test_the_clip_of_a_vehicle_gives_what_was_sent_of_it(site, clock, speed_mps):
    station = Station(site, clock)
    sensors = Sensors(site, speed_mps=speed_mps, lane=2)
    for _ in range(2):
        crossing = sensors.crossing(*TRUCK, before_s=6.0, after_s=1.5)
        station.feed(frames(*crossing))
        station.line._end_stream()
    for weighed in station.weighed:
        (again,) = weigh_clip(weighed.clip, site, calibration=NO_CALIBRATION)
        assert again == weighed.passage
        assert again.valid
        assert again.first_axle_s > 12.0 / speed_mps
        passed_s = weighed.clip.start_time_s + again.first_axle_s
        assert passed_s == pytest.approx(
            EPOCH.timestamp() + weighed.first_axle_at_s, abs=0.01
        )
    known = {run.sound for run in station.weighed[1].clip.runs}
    assert known == {0, 1}, "the strips of the lane have seen one vehicle"


def live_passages(site, counts, inputs):
    """Return what a weigher makes of a whole stream, and what it remembers after it."""
    weigher = Weigher(site, sample_rate_hz=RATE_HZ, joins=True)
    events = []
    for start in range(0, len(counts), BLOCK):
        block = np.ascontiguousarray(counts[start : start + BLOCK])
        events += weigher.receive(block, int(inputs[start + BLOCK - 1]))
    return [event for event in events if isinstance(event, Passage)], weigher


def one_after_the_other(*crossings):
    counts, inputs = zip(*crossings, strict=True)
    return np.concatenate(counts), np.concatenate(inputs)


def test_on_a_rough_road_a_clip_is_held_against_what_is_usual_there(site, clock):
    """The last one sways more than a smooth road's lorries, and no more than these."""
    rough = Sensors(site, sway=0.06).crossing(*TRUCK)
    last = Sensors(site, sway=0.1).crossing(*TRUCK, before_s=1.0)
    counts, inputs = one_after_the_other(*[rough] * 12, last)
    live, weigher = live_passages(site, counts, inputs)
    station = Station(site, clock)
    station.feed(frames(counts, inputs))
    assert [w.passage.flags for w in station.weighed] == [p.flags for p in live]
    final = station.weighed[-1]
    assert final.passage.valid
    assert final.passage.figures.scatter > 3.0
    assert weigher.usual_scatters[0] > 1.0
    *_, again = weigh_clip(final.clip, site, calibration=NO_CALIBRATION)
    assert again == final.passage
    smooth = msgspec.structs.replace(final.clip, usual_scatters=())
    *_, jumped = weigh_clip(smooth, site, calibration=NO_CALIBRATION)
    assert jumped.flags == ("jump",)


def test_what_is_usual_is_the_same_to_the_bit_in_the_stream_and_in_its_clips(
    site, clock
):
    """Vehicles that a clip shows before its own are not counted a second time."""
    rough = Sensors(site, sway=0.06).crossing(*TRUCK)
    jump = Sensors(site, sway=0.25).crossing(*TRUCK)
    counts, inputs = one_after_the_other(rough, rough, rough, rough, jump)
    live, weigher = live_passages(site, counts, inputs)
    station = Station(site, clock)
    station.feed(frames(counts, inputs))
    final = station.weighed[-1]
    shown = weigh_clip(final.clip, site, calibration=NO_CALIBRATION)
    assert len(shown) > 1
    (said,), (first,) = final.passage.findings, live[-1].findings
    assert said.flag == first.flag == "jump"
    assert said.threshold == first.threshold
    assert station.line._memory.latest.usual_scatters == weigher.usual_scatters


def test_what_is_usual_on_a_lane_outlasts_a_restart_of_the_device(site, clock):
    rough = Sensors(site, sway=0.06).crossing(*TRUCK)
    counts, inputs = one_after_the_other(*[rough] * 12)
    station = Station(site, clock)
    station.feed(frames(counts, inputs))
    last = Sensors(site, sway=0.1).crossing(*TRUCK, before_s=3.0)
    station.feed(frames(*last), from_s=200.0)
    assert station.watch.status().counters["stream_restarts"] == 1
    assert station.weighed[-1].clip.usual_scatters[0] > 1.0
    assert station.weighed[-1].passage.valid


def test_what_is_usual_on_a_lane_outlasts_a_restart_of_the_daemon(site, clock):
    """Who sways no more than all others of a rough lane does not jump after one."""
    rough = Sensors(site, sway=0.06).crossing(*TRUCK)
    counts, inputs = one_after_the_other(*[rough] * 12)
    before = Station(site, clock)
    before.feed(frames(counts, inputs))
    last = Sensors(site, sway=0.1).crossing(*TRUCK, before_s=3.0)
    after = Station(site, clock, learned=before.line.learned)
    after.feed(frames(*last))
    (weighed,) = after.weighed
    assert weighed.passage.valid
    assert weighed.clip.usual_scatters == before.line.learned.usual_scatters
    anew = Station(site, clock)
    anew.feed(frames(*last))
    assert anew.weighed[0].passage.flags == ("jump",)


def test_a_vehicle_whose_samples_are_not_kept_is_sent_without_a_clip(
    site, clock, monkeypatch
):
    monkeypatch.setattr("edge.sample_ring._LONGEST_S", 1.0)
    station = Station(site, clock)
    station.feed(frames(*Sensors(site).crossing(*TRUCK, before_s=3.0)))
    (weighed,) = station.weighed
    assert weighed.clip is None
    assert weighed.passage.gross_mass_kg == pytest.approx(30_000.0, rel=0.02)
    assert station.watch.status().counters["clips_too_long"] == 1


LIGHT = {"gross_mass_kg": 0.744, "flags": ("jump", "edge"), "valid": False}
HEAVY = {"gross_mass_kg": 1.3, "flags": (), "valid": True}
FLAGGED = {"gross_mass_kg": 1.0, "flags": ("jump",), "valid": False}
ALIKE = {"gross_mass_kg": 1.004, "flags": (), "valid": True}


@pytest.fixture
def sent_of(site, clock, monkeypatch):
    """Feed one vehicle, of which the clips give the named figures, the shortest first.

    The mass is a share of what such a clip gives without.
    """

    def sent_of(*made, lost=0):
        shown = []

        def weighed(clip, site, *, calibration):
            (*before, own) = weigh_clip(clip, site, calibration=calibration)
            made_of_it = dict(made[len(shown)])
            made_of_it["gross_mass_kg"] *= own.gross_mass_kg
            shown.append((clip, msgspec.structs.replace(own, **made_of_it)))
            return [*before, shown[-1][1]]

        monkeypatch.setattr("edge.weighing.weighed_clip", weighed)
        station = Station(site, clock)
        chunks = frames(*Sensors(site).crossing(*TRUCK, before_s=6.0))
        gap = round(6.3 * RATE_HZ / BLOCK)
        station.feed(chunks[:gap] + chunks[gap + lost :])
        (sent,) = station.weighed
        return sent, shown, station.watch.status().counters

    return sent_of


@pytest.mark.parametrize(
    ("made", "kept"),
    [
        ((ALIKE,), 0),
        ((FLAGGED, LIGHT), 0),
        ((LIGHT, FLAGGED), 1),
        ((FLAGGED, ALIKE), 1),
        ((HEAVY, ALIKE), 1),
        ((HEAVY, FLAGGED), 1),
    ],
)
def test_of_the_clips_that_were_tried_the_one_nearest_to_the_live_vehicle_is_sent(
    sent_of, made, kept
):
    sent, shown, counters = sent_of(*made)
    assert len(shown) == len(made)
    assert len({len(clip.counts) for clip, _ in shown}) == len(made)
    assert (sent.clip, sent.passage) == shown[kept]
    assert "clips_of_another_mass" not in counters


def test_a_vehicle_of_which_no_clip_gives_its_mass_is_counted(sent_of):
    sent, shown, counters = sent_of(LIGHT, HEAVY)
    assert sent.passage == shown[0][1]
    assert counters["clips_of_another_mass"] == 1


def test_a_clip_that_is_blind_to_what_bars_the_vehicle_is_never_sent(sent_of):
    for made, kept in (((ALIKE, FLAGGED), 1), ((FLAGGED, ALIKE), 0)):
        sent, shown, _ = sent_of(*made, lost=2)
        assert sent.passage == shown[kept][1]
    sent, _, counters = sent_of(ALIKE, ALIKE, lost=2)
    assert sent.clip is None
    assert "axle_missing" in sent.passage.flags
    assert counters["passages_without_clip"] == 1


def test_samples_lost_on_the_line_are_lost_in_the_clip(site, clock):
    station = Station(site, clock)
    chunks = frames(*Sensors(site).crossing(*TRUCK, before_s=3.0))
    gap = round(3.3 * RATE_HZ / BLOCK)
    station.feed(chunks[:gap] + chunks[gap + 2 :])
    weighed = station.weighed[0]
    assert weighed.passage.samples_lost == 2 * BLOCK
    assert sum(block.lost_before for block in weighed.clip.blocks) == 2 * BLOCK


def test_times_hold_when_the_line_runs_twenty_times_faster(site, clock):
    station = Station(site, clock)
    chunks = frames(*Sensors(site).crossing(*TRUCK))
    station.feed(chunks, seconds_a_chunk=BLOCK / RATE_HZ / 20.0)
    (weighed,) = station.weighed
    assert weighed.first_axle_at_s == pytest.approx(100.0 + 0.5 / 20.0, abs=0.001)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 4000), min_size=1, max_size=30), st.binary(max_size=80))
def test_frames_cut_anywhere_after_garbage_give_the_same_vehicle(
    site_once, clock_once, cuts, garbage
):
    station = Station(site_once, clock_once)
    stream = garbage + b"".join(frames(*Sensors(site_once).crossing(*TRUCK)))
    edges = np.clip(np.cumsum(cuts), 0, len(stream)).tolist()
    pieces = [
        stream[a:b] for a, b in zip([0, *edges], [*edges, len(stream)], strict=True)
    ]
    station.feed(pieces)
    (weighed,) = station.weighed
    assert weighed.passage.gross_mass_kg == pytest.approx(30_000.0, rel=0.02)


@pytest.fixture(scope="module")
def site_once():
    from pathlib import Path  # noqa: PLC0415 -- module scope has no repository fixture

    root = Path(__file__).parents[2]
    return load_config(root / "configs/edge/station.toml").site


@pytest.fixture(scope="module")
def clock_once():
    from edge.clock import Clock  # noqa: PLC0415 -- as above

    return Clock()


def test_lost_frames_are_counted_and_told_to_the_weigher(site, clock):
    station = Station(site, clock)
    chunks = frames(*Sensors(site).crossing(*TRUCK))
    half = len(chunks) // 2
    station.feed(chunks[:half] + chunks[half + 2 :])
    counters = station.watch.status().counters
    assert counters["lost_frames"] == 2
    assert counters["lost_samples"] == 2 * BLOCK
    assert all(w.passage.samples_lost == 2 * BLOCK for w in station.weighed)


def test_a_restarted_device_begins_a_new_stream(site, clock):
    station = Station(site, clock)
    once = frames(*Sensors(site).crossing(*TRUCK))
    station.feed([*once, *once], from_s=100.0)
    assert len(station.weighed) == 2
    assert station.watch.status().counters["stream_restarts"] == 1
    first, second = station.weighed
    apart_s = second.first_axle_at_s - first.first_axle_at_s
    assert apart_s == pytest.approx(len(once) * BLOCK / RATE_HZ, abs=0.01)


def test_a_vehicle_that_a_restart_of_the_device_cut_off_is_not_valid(site, clock):
    station = Station(site, clock)
    counts, inputs = Sensors(site, speed_mps=5.0).crossing([7000.0, 9000.0], [9.5])
    chunks = frames(counts, inputs)
    first_axle_through = int((0.5 + 9.3 / 5.0) * RATE_HZ) // BLOCK
    station.feed(chunks[:first_axle_through] + chunks[:30])
    (weighed,) = station.weighed
    assert len(weighed.passage.axle_loads_kg) == 1
    assert not weighed.passage.valid


def test_a_frame_without_all_channels_is_lost_samples_and_not_lost_time(site, clock):
    station = Station(site, clock)
    counts, inputs = Sensors(site).crossing(*TRUCK)
    chunks = frames(counts, inputs)
    narrow = frames(counts[:, :4], inputs)
    half = len(chunks) // 2
    station.feed([*chunks[:half], narrow[half], *chunks[half + 1 :]])
    (weighed,) = station.weighed
    assert weighed.passage.samples_lost == BLOCK
    assert not weighed.passage.valid
    assert station.watch.status().counters["frames_of_wrong_width"] == 1


def test_what_the_weigher_doubts_stands_among_the_counters(site, clock):
    station = Station(site, clock)
    crossings = [Sensors(site).crossing(*TRUCK, after_s=2.5) for _ in range(2)]
    counts = np.concatenate([counts for counts, _ in crossings])
    inputs = np.concatenate([inputs for _, inputs in crossings])
    inputs[2000:] |= 1 << site.lanes[0].presence_input
    station.feed(frames(counts, inputs))
    assert station.watch.status().counters["separator_overruns"] == 1
    assert [w.passage.valid for w in station.weighed] == [False, False]


@given(st.lists(st.integers(1, 500), min_size=2, max_size=50), st.integers(1, 10_000))
def test_a_timeline_never_runs_backwards(blocks, probe):
    timeline, end = Timeline(), 0
    for number, samples in enumerate(blocks):
        end += samples
        timeline.note(end, number * 0.02)
    assert timeline.at_s(probe) <= timeline.at_s(probe + 1)
    assert timeline.at_s(end) == pytest.approx((len(blocks) - 1) * 0.02)


@pytest.mark.parametrize("blocks", range(2, 40))
def test_no_sample_of_a_block_comes_after_its_end(blocks):
    for samples in range(1, 90):
        timeline = Timeline()
        for number in range(blocks):
            timeline.note((number + 1) * samples, number * 0.02)
        last = blocks * samples
        assert timeline.at_s(last) <= timeline.at_s(last + 1)


# ------------------------------------------------------------------ the line


@pytest.fixture
def watched(pty_line, clock):
    """A scale's line read by the real threads, and what it says of itself."""
    config = LineConfig(
        protocol="xk3190", device=str(pty_line.link), baud=9600, silent_after_s=0.5
    )
    watch = DeviceWatch("line", clock=clock)
    weighed = []
    scale = ScaleLine(
        ScaleConfig(stable_for_s=0.3),
        driver=scale_driver(config),
        watch=watch,
        on_entered=lambda _: None,
        on_weighed=weighed.append,
    )
    reader = LineReader(config, clock=clock)
    weighing = LineWeighing(config, scale, reader=reader, watch=watch, clock=clock)
    weighing.start()
    reader.start()
    yield watch, weighed
    reader.stop()
    weighing.stop()


def test_a_line_missing_at_the_start_unplugged_and_back_goes_on(
    watched, pty_line, eventually
):
    watch, _ = watched
    assert eventually(lambda: watch.status().counters.get("not_there"))
    assert watch.state == "missing"
    for _ in range(2):
        pty_line.plug()
        assert eventually(lambda: watch.state == "silent")
        pty_line.write(xk3190.encode(1560.0) * 3)
        assert eventually(lambda: watch.state == "ok")
        pty_line.unplug()
        assert eventually(lambda: watch.state == "missing")
    counters = watch.status().counters
    assert counters["readings"] == 6
    assert counters["opened"] == 2
    assert counters["became_missing"] == 2


def test_a_line_falls_silent_and_speaks_again(watched, pty_line, eventually):
    watch, _ = watched
    pty_line.plug()
    assert eventually(lambda: watch.state == "silent")
    pty_line.write(xk3190.encode(0.0))
    assert eventually(lambda: watch.state == "ok")
    assert eventually(lambda: watch.state == "silent", 4.0)
    pty_line.write(xk3190.encode(0.0))
    assert eventually(lambda: watch.state == "ok")


def test_garbage_is_a_state_with_counters_and_cuts_cost_one_reading(
    watched, pty_line, eventually
):
    watch, _ = watched
    pty_line.plug()
    assert eventually(lambda: watch.state == "silent")
    pty_line.write(b"\x02" + bytes(range(32, 127)) * 8)
    assert eventually(lambda: watch.state == "noisy")
    assert watch.status().counters["noise_bytes"] > 700
    frame = xk3190.encode(20_000.0)
    for cut in range(1, len(frame)):
        pty_line.write(frame[:cut] + frame)
    assert eventually(lambda: watch.status().counters.get("readings") == 11)
    for _ in range(40):
        pty_line.write(frame * 4)
        if eventually(lambda: watch.state == "ok", 0.1):
            break
    assert watch.state == "ok"


def test_a_load_on_a_real_line_is_weighed_once(watched, pty_line, eventually):
    watch, weighed = watched
    pty_line.plug()
    assert eventually(lambda: watch.state == "silent")
    masses = [0.0, 9000.0, 21_000.0] + [48_020.0] * 30 + [30_000.0, 0.0, 0.0]
    for mass_kg in masses:
        pty_line.write(xk3190.encode(mass_kg))
        eventually(lambda: False, 0.02)
    assert eventually(lambda: weighed)
    assert [each.mass_kg for each in weighed] == [48_020.0]


def test_the_replay_driver_keeps_the_same_contract_as_the_port(tmp_path):
    path = tmp_path / "line.bin"
    content = bytes(range(256)) * 8
    path.write_bytes(content)
    config = LineConfig(
        protocol="strip", device=str(path), driver="replay", baud=1_000_000
    )
    line = open_line(config)
    assert line.read() + line.read() == content
    assert line.read() == b""
    line.close()
    for driver in ("replay", "serial"):
        gone = LineConfig(
            protocol="strip", device=str(tmp_path / "gone"), driver=driver
        )
        with pytest.raises(DeviceLostError, match="gone"):
            open_line(gone)


def test_a_reader_with_a_stuck_consumer_counts_what_it_drops(pty_line, clock):
    pty_line.plug()
    config = LineConfig(protocol="strip", device=str(pty_line.link))
    reader = LineReader(config, clock=clock, depth=1)
    reader._hand_over(Chunk(0.0, b"kept"))
    reader._hand_over(Chunk(0.0, b"dropped"))
    assert reader.counters["line_bytes_dropped"] == 7


# ------------------------------------------------------------------ the scale


def stay(*levels, rate_hz=10.0, from_s=0.0):
    """Return readings: each level is a mass and how long it lasts."""
    readings, at_s = [], from_s
    for mass_kg, lasts_s in levels:
        for _ in range(int(lasts_s * rate_hz)):
            readings.append((mass_kg, at_s))
            at_s += 1.0 / rate_hz
    return readings


def found(readings, **config):
    finder = LoadFinder(ScaleConfig(stable_for_s=2.0, **config))
    return [event for reading in readings for event in finder.receive(*reading)]


def test_one_stay_is_one_weighing_of_its_greatest_resting_load():
    events = found(
        stay((0, 2), (8000, 0.5), (20_000, 5), (31_000, 5), (12_000, 3), (0, 2))
    )
    assert [type(event) for event in events] == [Settled, Left]
    assert events[-1].mass_kg == 31_000


def test_what_rolls_over_without_resting_is_no_weighing():
    assert found(stay((0, 2), (20_000, 1.5), (30_000, 1.5), (0, 2))) == []
    swaying = [(20_000.0 + 200.0 * (i % 2), i / 10.0) for i in range(80)]
    assert found([*swaying, (0.0, 8.1)]) == []


def test_light_things_and_a_gap_in_the_readings_are_no_resting_load():
    assert found(stay((2500, 10), (0, 2))) == []
    readings = [*stay((20_000, 1.5)), *stay((20_000, 1.5), from_s=8.0), (0.0, 10.0)]
    assert found(readings) == []


def test_a_load_before_a_long_silence_is_not_the_load_after_it():
    readings = [*stay((20_000, 5)), *stay((48_000, 5), (0, 1), from_s=60.0)]
    events = found(readings)
    assert [type(event) for event in events] == [Settled, Left, Settled, Left]
    assert [event.mass_kg for event in events[1::2]] == [20_000, 48_000]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 5000.0, 20_000.0, 48_000.0]), st.floats(0.2, 6)
        ),
        max_size=12,
    )
)
def test_every_load_that_settled_leaves_exactly_once(levels):
    events = found([*stay(*levels), (0.0, 1e6)])
    kinds = [type(event) for event in events]
    assert kinds == [Settled, Left] * (len(kinds) // 2)
