"""Bytes of the sensor line into weighed vehicles, with the host's time put on them.

It takes no picture and stores nothing. A device that is missing, silent or noisy is a
state with counters, never an exception; the next good frame goes on.

The weigher that runs all the time finds the vehicles; the figures of each are those of
a clip of samples around it that is weighed anew. So what is sent is what the sealed
clip gives, to the bit, whatever came before.
"""

import datetime as dt
import math
import queue
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

import structlog

from edge.clock import Clock
from edge.config import LineConfig, ScaleConfig
from edge.devices.drivers import Chunk, LineEvent, LineLost, LineOpened, LineReader
from edge.devices.scales import ScaleDriver
from edge.devices.watch import DeviceWatch
from edge.lane_charts import NOTHING_LEARNED, Learned
from edge.lane_memory import LaneMemory, Memory
from edge.sample_ring import SampleRing
from wim.calibration import NO_CALIBRATION, Calibration
from wim.clips import Clip, weighed as weighed_clip
from wim.passage import Event, Passage, VehicleEntered, Weigher
from wim.protocols import strip
from wim.protocols.noise import LineNoise
from wim.protocols.readings import FaultReason, ScaleFault, ScaleReading
from wim.samples import Site

__all__ = [
    "Entered",
    "Left",
    "LineWeighing",
    "LoadFinder",
    "ScaleLine",
    "ScaleWeighed",
    "Settled",
    "StripLine",
    "Timeline",
    "Weighed",
]

_TICK_S = 0.2
_JUDGED_S = 1.0
"""The state of a line is judged over so long."""
_NOISY_SHARE = 0.1
_LONGEST_LOSS_S = 10.0
"""After a longer loss the samples begin a new stream."""
_SAME_VEHICLE_S = 0.1
_LEAD_S = 1.0
"""A clip begins so much before the way that must be free before a vehicle."""
_LEADS = (1.0, 4.0)
"""So many times that way: what another vehicle spoils may come out with more of it."""
_SAME_MASS = 0.01
"""Gross masses closer than this share are one: they differ by the offsets alone."""
_SAID = frozenset({"unweighed_vehicles", "separator_overruns"})
"""Doubts that are logged beside being counted: each is a vehicle or a device."""
_LOAD_GAP_S = 1.0
_STAY_GAP_S = 10.0
"""After a longer gap in the readings another vehicle may stand on the scale."""


class Entered(NamedTuple):
    """A vehicle's first axle has crossed row 0, or a load has come to rest."""

    vehicle: int
    lane: int
    at_s: float


class Weighed(NamedTuple):
    """A vehicle is through; times are on the host's monotonic clock.

    ``clip`` gives the passage when it is weighed again; None where it does not, or is
    not kept any more.
    """

    vehicle: int
    passage: Passage
    first_axle_at_s: float
    middle_at_s: float
    ended_at_s: float
    clip: Clip | None = None


class ScaleWeighed(NamedTuple):
    """A load has left the static scale."""

    vehicle: int
    mass_kg: float
    settled_at_s: float


class Timeline:
    """Maps sample numbers of a stream onto the host's monotonic clock.

    It keeps when the ends of the last blocks arrived and interpolates between them, so
    that a stream may run faster or slower than its nominal rate.
    """

    def __init__(self, depth: int = 8192) -> None:
        self._depth = depth
        self._samples: list[int] = []
        self._times_s: list[float] = []

    def note(self, sample: int, at_s: float) -> None:
        """Remember when the block that ends before ``sample`` had arrived."""
        self._samples.append(sample)
        self._times_s.append(at_s)
        if len(self._samples) > 2 * self._depth:
            del self._samples[: self._depth]
            del self._times_s[: self._depth]

    def at_s(self, sample: float) -> float:
        """Return when a sample was there; outside what is known, the nearest time.

        >>> timeline = Timeline()
        >>> timeline.note(80, 10.0); timeline.note(160, 10.5)
        >>> timeline.at_s(120)
        10.25
        """
        after = bisect_left(self._samples, sample)
        if after == 0:
            return self._times_s[0]
        if after == len(self._samples):
            return self._times_s[-1]
        s0, s1 = self._samples[after - 1], self._samples[after]
        t0, t1 = self._times_s[after - 1], self._times_s[after]
        # rounded up, the end of a block would come after the time of its end
        return min(t0 + (t1 - t0) * (sample - s0) / (s1 - s0), t1)


class LineProtocol(Protocol):
    """What one protocol makes of the bytes of a line."""

    @property
    def interval_s(self) -> float | None:
        """Return how often the device is asked; None if it talks by itself."""

    def ask(self, now_s: float) -> bytes:
        """Return what to send to the device now, often nothing."""

    def receive(self, content: bytes, at_s: float) -> tuple[int, int]:
        """Take bytes; return how many frames were good and how many bytes noise."""


class StripLine:
    """The strip protocol and the weigher behind it."""

    interval_s: float | None = None

    def __init__(
        self,
        site: Site,
        *,
        watch: DeviceWatch,
        on_entered: Callable[[Entered], None],
        on_weighed: Callable[[Weighed], None],
        calibration: Calibration = NO_CALIBRATION,
        temperature_c: float | None = None,
        learned: Learned = NOTHING_LEARNED,
        utc_of: Callable[[float], dt.datetime] | None = None,
    ) -> None:
        self._site = site
        self._utc_of = utc_of
        self._calibration = calibration
        self._temperature_c = temperature_c
        self._watch = watch
        self._on_entered = on_entered
        self._on_weighed = on_weighed
        self._log = structlog.get_logger("edge.weighing")
        self._decoder = strip.Decoder()
        self._weigher: Weigher | None = None
        self._timeline = Timeline()
        self._ring: SampleRing | None = None
        self._memory = LaneMemory(
            Memory(drift=learned.drift, usual_scatters=learned.usual_scatters)
        )
        self._fed = 0
        self._seen: dict[str, int] = {}
        self._vehicles = 0
        self._open: deque[tuple[Entered, float]] = deque(maxlen=64)

    def ask(self, now_s: float) -> bytes:  # noqa: ARG002 -- a digitiser is never asked
        """Return nothing: the line runs one way."""
        return b""

    def receive(self, content: bytes, at_s: float) -> tuple[int, int]:
        """Take bytes; return how many frames were good and how many bytes noise."""
        good = noise = 0
        for event in self._decoder.receive(content):
            match event:
                case strip.SampleFrame():
                    good += self._take(event, at_s)
                case strip.FramesLost():
                    self._lose(event)
                case strip.LineNoise():
                    noise += event.n_bytes
                    self._watch.count("noise_bytes", event.n_bytes)
                    self._watch.count(f"noise_{event.reason}")
        return good, noise

    def _take(self, frame: strip.SampleFrame, at_s: float) -> int:
        samples, channels = frame.counts.shape
        if channels < self._site.channels:
            self._watch.count("frames_of_wrong_width")
            self._miss(samples)
            return 0
        weigher = self._weigher
        if weigher is None or weigher.sample_rate_hz != frame.sample_rate_hz:
            self._end_stream()
            memory = self._memory.latest
            weigher = Weigher(
                self._site,
                sample_rate_hz=frame.sample_rate_hz,
                calibration=self._calibration,
                temperature_c=self._temperature_c,
                joins=True,
                runs=memory.runs,
                drift=memory.drift,
                usual_scatters=memory.usual_scatters,
                start_time_s=self._unix_s(at_s),
            )
            self._weigher = weigher
            self._ring = SampleRing(
                sample_rate_hz=frame.sample_rate_hz, channels=self._site.channels
            )
        events = weigher.receive(frame.counts, frame.inputs)
        if self._ring is not None:
            self._ring.note(frame.counts, frame.inputs)
        self._fed += samples
        self._timeline.note(self._fed, at_s)
        self._watch.count("frames")
        self._pass_on(events)
        return 1

    def _lose(self, loss: strip.FramesLost) -> None:
        self._watch.count("lost_frames", loss.frames)
        self._watch.count("lost_samples", loss.samples)
        if self._weigher is None:
            return
        longest = _LONGEST_LOSS_S * self._weigher.sample_rate_hz
        if loss.restarted or loss.samples > longest:
            self._watch.count("stream_restarts")
            self._end_stream()
        else:
            self._miss(loss.samples)

    def _miss(self, samples: int) -> None:
        """Tell the weigher how many samples of each channel it does not get."""
        if self._weigher is not None and samples:
            events = self._weigher.lose(samples)
            if self._ring is not None:
                self._ring.lose(samples)
            self._fed += samples
            self._pass_on(events)

    def _end_stream(self) -> None:
        """Close what is open, which is not whole, and begin a new count of samples."""
        if self._weigher is not None and self._fed:
            self._pass_on(self._weigher.flush(interrupted=True))
        self._weigher = None
        self._ring = None
        self._memory.begin_anew()
        self._seen = {}
        self._timeline, self._fed = Timeline(), 0
        self._open.clear()

    def _pass_on(self, events: list[Event]) -> None:
        if any(isinstance(event, Passage) for event in events):
            self._remember()
        for event in events:
            match event:
                case VehicleEntered():
                    self._enter(event.lane, event.first_axle_s)
                case Passage():
                    self._close(event)
        self._count_doubts()

    def _remember(self) -> None:
        """Keep what the vehicles up to this sample left, as long as a clip can ask."""
        if self._weigher is not None and self._ring is not None:
            self._memory.note(self._weigher, self._fed)
            self._memory.forget_before(self._ring.first)

    def _count_doubts(self) -> None:
        """Count what the weigher saw and could make nothing sure of."""
        if self._weigher is None:
            return
        seen = _doubts(self._weigher)
        for name, number in seen.items():
            if new := number - self._seen.get(name, 0):
                self._watch.count(name, new)
                if name in _SAID:
                    self._log.warning("weigher_doubted", doubt=name, number=new)
        self._seen = seen

    def _enter(self, lane: int, first_axle_s: float) -> Entered:
        self._vehicles += 1
        entered = Entered(self._vehicles, lane, self._at_s(first_axle_s))
        self._open.append((entered, first_axle_s))
        self._on_entered(entered)
        return entered

    def _close(self, passage: Passage) -> None:
        entered = self._entry_of(passage)
        middle_s = (passage.first_axle_s + passage.ended_s) / 2.0
        weighed = Weighed(
            vehicle=entered.vehicle,
            passage=passage,
            first_axle_at_s=entered.at_s,
            middle_at_s=self._at_s(middle_s),
            ended_at_s=self._at_s(passage.ended_s),
        )
        self._on_weighed(self._from_clip(weighed))

    def _from_clip(self, weighed: Weighed) -> Weighed:
        """Take the figures from a clip, so that whoever weighs it again finds them.

        A clip that shows another vehicle, or is blind to what bars this one, is none:
        then the first figures stand, without samples. Of the others it is the one that
        is nearest to them: they have seen all that came before, and more samples are
        not always better ones.
        """
        passage = weighed.passage
        tried: list[tuple[Passage, Clip]] = []
        for lead in _LEADS:
            cut = self._cut(passage, lead=lead)
            if cut is None:
                self._watch.count("clips_too_long")
                break
            again = self._of_vehicle(passage, *cut)
            if again is None or (again.valid and not passage.valid):
                continue
            tried.append((again, cut[0]))
            if _distance(passage, again)[:2] == (0.0, 0):
                break
        if not tried:
            self._watch.count("passages_without_clip")
            return weighed
        again, clip = min(tried, key=lambda each: _distance(passage, each[0]))
        if _distance(passage, again)[0] > 0.0:
            self._watch.count("clips_of_another_mass")
        return weighed._replace(passage=again, clip=clip)

    def _cut(self, passage: Passage, *, lead: float) -> tuple[Clip, float] | None:
        """Return a clip of a passage that has just closed, and when it begins."""
        if self._weigher is None or self._ring is None:
            return None
        before_s = _LEAD_S + lead * _lead_s(passage, self._weigher)
        rate_hz = self._weigher.sample_rate_hz
        since = max(0, int((passage.first_axle_s - before_s) * rate_hz))
        found = self._ring.since(since)
        if found is None:
            return None
        first, counts, blocks = found
        memory = self._memory.at(first)
        clip = Clip(
            counts=counts,
            sample_rate_hz=rate_hz,
            start_time_s=self._unix_s(self._at_s(first / rate_hz)),
            temperature_c=self._temperature_c,
            blocks=blocks,
            runs=memory.runs,
            drift=memory.drift,
            usual_scatters=memory.usual_scatters,
        )
        return clip, first / rate_hz

    def _of_vehicle(
        self, passage: Passage, clip: Clip, start_s: float
    ) -> Passage | None:
        """Return what a clip makes of a vehicle, None if it shows another."""
        first_s = passage.first_axle_s - start_s
        for found in weighed_clip(clip, self._site, calibration=self._calibration):
            if (
                found.lane == passage.lane
                and found.direction == passage.direction
                and len(found.axle_loads_kg) == len(passage.axle_loads_kg)
                and abs(found.first_axle_s - first_s) <= _SAME_VEHICLE_S
            ):
                return found
        return None

    def _entry_of(self, passage: Passage) -> Entered:
        """Return the entry of this passage; one that was not announced is made now."""
        for pair in self._open:
            entered, first_axle_s = pair
            apart_s = abs(first_axle_s - passage.first_axle_s)
            if entered.lane == passage.lane and apart_s <= _SAME_VEHICLE_S:
                self._open.remove(pair)
                return entered
        self._watch.count("passages_not_announced")
        entered = self._enter(passage.lane, passage.first_axle_s)
        self._open.pop()
        return entered

    @property
    def learned(self) -> Learned:
        """Return what the lanes know of themselves after the latest passage."""
        memory = self._memory.latest
        return Learned(memory.drift, memory.usual_scatters)

    def _unix_s(self, at_s: float) -> float | None:
        return None if self._utc_of is None else self._utc_of(at_s).timestamp()

    def _at_s(self, stream_s: float) -> float:
        if self._weigher is None:
            raise AssertionError
        return self._timeline.at_s(stream_s * self._weigher.sample_rate_hz)


def _distance(passage: Passage, again: Passage) -> tuple[float, int, float]:
    """Return how far two weighings of one vehicle are apart; the less, the nearer.

    First counts by how much the gross masses [kg] differ, zero where they are one, then
    how many flags only one of them has, then the difference as it is.
    """
    apart_kg = abs(again.gross_mass_kg - passage.gross_mass_kg)
    same = apart_kg <= _SAME_MASS * passage.gross_mass_kg
    other_flags = len({*again.flags} ^ {*passage.flags})
    return (0.0 if same else apart_kg), other_flags, apart_kg


def _lead_s(passage: Passage, weigher: Weigher) -> float:
    """Return how long before its first axle a vehicle must have been alone.

    It is the way that the weigher wants to have seen, at the slowest pace.
    """
    lane = next(each for each in weigher.site.lanes if each.number == passage.lane)
    places_m = [strip.position_m for strip in lane.strips]
    before_m = max(
        max(places_m) - min(places_m), weigher.parameters.assembly.axle_gap_m
    )
    slow_mps = min(
        (speed for axle in passage.axles for speed in axle.local_speeds_mps),
        default=passage.speed_mps or 0.0,
    )
    return before_m / max(slow_mps, 0.1)


def _doubts(weigher: Weigher) -> dict[str, int]:
    return {
        "stray_pulses": weigher.stray_pulses,
        "empty_presences": weigher.empty_presences,
        "unweighed_vehicles": weigher.unweighed_vehicles,
        "separator_overruns": weigher.separator_overruns,
        "offsets_renewed": weigher.offsets_renewed,
    }


class Settled(NamedTuple):
    """A load has come to rest on the scale."""

    at_s: float


class Left(NamedTuple):
    """A load has left: the greatest that rested during its stay, and since when."""

    mass_kg: float
    settled_at_s: float


class LoadFinder:
    """Tells from the readings of a static scale when one load has been weighed.

    A load rests when its readings stay within the tolerance for long enough. While it
    stands, more may be loaded: the greatest resting mass counts, once the scale has
    fallen below the minimum again or has said nothing for long.
    """

    def __init__(self, config: ScaleConfig) -> None:
        self._config = config
        self._readings: deque[tuple[float, float]] = deque()
        self._heard_s = -math.inf
        self._best: Left | None = None

    def receive(
        self, mass_kg: float, at_s: float, *, stable: bool | None = None
    ) -> list[Settled | Left]:
        """Take one reading and return what it decides.

        ``stable`` is what the scale says of motion: a reading in motion may show that
        a load has left, but is no part of one that rests. None: it does not say.
        """
        silent_s, self._heard_s = at_s - self._heard_s, at_s
        if silent_s > _LOAD_GAP_S:
            self._readings.clear()
        over: list[Settled | Left] = []
        light = mass_kg < self._config.minimum_mass_kg
        if self._best is not None and (light or silent_s > _STAY_GAP_S):
            over.append(self._best)
            self._best = None
        if light:
            self._readings.clear()
            return over
        if stable is False:
            self._readings.clear()
            return over
        self._readings.append((at_s, mass_kg))
        stable_s = self._config.stable_for_s
        while len(self._readings) > 1 and self._readings[1][0] <= at_s - stable_s:
            self._readings.popleft()
        return over + self._settle(at_s)

    def interrupt(self, at_s: float) -> None:
        """Note that the scale is there and has no mass to give: nothing rests on it."""
        self._heard_s = at_s
        self._readings.clear()

    def _settle(self, at_s: float) -> list[Settled | Left]:
        masses = sorted(mass_kg for _, mass_kg in self._readings)
        long_enough = at_s - self._readings[0][0] >= self._config.stable_for_s
        if not long_enough or masses[-1] - masses[0] > self._config.tolerance_kg:
            return []
        resting_kg = masses[len(masses) // 2]
        if self._best is None:
            self._best = Left(resting_kg, at_s)
            return [Settled(at_s)]
        if resting_kg > self._best.mass_kg + self._config.tolerance_kg:
            self._best = Left(resting_kg, at_s)
        return []


class ScaleLine:
    """The driver of a static scale and the finder of loads behind it."""

    def __init__(
        self,
        config: ScaleConfig,
        *,
        driver: ScaleDriver,
        watch: DeviceWatch,
        on_entered: Callable[[Entered], None],
        on_weighed: Callable[[ScaleWeighed], None],
    ) -> None:
        self._finder = LoadFinder(config)
        self._watch = watch
        self._on_entered = on_entered
        self._on_weighed = on_weighed
        self._driver = driver
        self._maximum_kg = config.maximum_mass_kg
        self._log = structlog.get_logger("edge.weighing").bind(scale=config.name)
        self._fault: FaultReason | None = None
        self._seen: dict[str, int] = {}
        self._vehicles = 0

    @property
    def interval_s(self) -> float | None:
        """Return how often the scale is asked; None if it talks by itself."""
        return self._driver.interval_s

    def ask(self, now_s: float) -> bytes:
        """Return what to send to the scale now, often nothing."""
        question = self._driver.ask(now_s)
        for name, number in self._driver.counters.items():
            if new := number - self._seen.get(name, 0):
                self._watch.count(name, new)
                self._seen[name] = number
        return question

    def receive(self, content: bytes, at_s: float) -> tuple[int, int]:
        """Take bytes; return how many frames were good and how many bytes noise."""
        good = noise = 0
        for event in self._driver.receive(content):
            match event:
                case ScaleReading() if abs(event.mass_kg) <= self._maximum_kg:
                    good += 1
                    self._fault = None
                    self._watch.count("readings")
                    self._weigh(event.mass_kg, at_s, stable=event.stable)
                case ScaleReading():
                    good += 1
                    self._doubt("out_of_range", at_s)
                case ScaleFault():
                    good += event.reason != "refused"
                    self._doubt(event.reason, at_s)
                case LineNoise():
                    noise += event.n_bytes
                    self._watch.count("noise_bytes", event.n_bytes)
                    self._watch.count(f"noise_{event.reason}")
        return good, noise

    def _doubt(self, reason: FaultReason, at_s: float) -> None:
        """Count that there was no mass; say it when it begins."""
        self._finder.interrupt(at_s)
        self._watch.count(f"fault_{reason}")
        if reason != self._fault:
            self._log.warning("scale_has_no_mass", reason=reason)
        self._fault = reason

    def _weigh(self, mass_kg: float, at_s: float, *, stable: bool | None) -> None:
        for event in self._finder.receive(mass_kg, at_s, stable=stable):
            match event:
                case Settled():
                    self._vehicles += 1
                    self._on_entered(Entered(self._vehicles, 1, event.at_s))
                case Left():
                    weighed = ScaleWeighed(
                        self._vehicles, event.mass_kg, event.settled_at_s
                    )
                    self._on_weighed(weighed)


_Judged: TypeAlias = tuple[int, int, int]


class LineWeighing:
    """The thread between the line's bytes and a protocol; it also judges the line."""

    def __init__(
        self,
        config: LineConfig,
        protocol: LineProtocol,
        *,
        reader: LineReader,
        watch: DeviceWatch,
        clock: Clock,
    ) -> None:
        self._config = config
        self._protocol = protocol
        self._reader = reader
        self._watch = watch
        self._clock = clock
        self._log = structlog.get_logger("edge.weighing")
        self._present = False
        self._heard_s = 0.0
        self._judged_s = 0.0
        self._seen: _Judged = (0, 0, 0)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="weighing", daemon=True)

    def start(self) -> None:
        """Begin to weigh."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End; a vehicle that is just crossing is not taken."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        """Return whether the thread still runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        interval_s = self._protocol.interval_s
        tick_s = _TICK_S if interval_s is None else min(_TICK_S, interval_s / 4.0)
        while not self._stopping.is_set():
            try:
                event: LineEvent | None = self._reader.events.get(timeout=tick_s)
            except queue.Empty:
                event = None
            try:
                self._handle(event)
                self._ask(self._clock.monotonic_s())
                self._judge(self._clock.monotonic_s())
            except Exception as error:  # noqa: BLE001 -- a thread's loop: logged, counted
                self._watch.count("failures")
                self._log.exception("weighing_failed", error=str(error))

    def _handle(self, event: LineEvent | None) -> None:
        match event:
            case LineOpened(at_s):
                self._present, self._heard_s = True, at_s
                self._watch.count("opened")
                self._watch.become("silent", f"{self._config.device} opened")
            case LineLost(_, reason):
                self._present = False
                self._watch.count("not_there")
                self._watch.become("missing", reason)
            case Chunk(at_s, content):
                good, noise = self._protocol.receive(content, at_s)
                if good:
                    self._heard_s = at_s
                heard, frames, bad = self._seen
                self._seen = (heard + len(content), frames + good, bad + noise)
                if good and self._watch.state in ("missing", "silent"):
                    self._watch.become("ok", "frames arrive")
            case None:
                pass

    def _ask(self, now_s: float) -> None:
        """Put the next question to a device that is there and has to be asked."""
        if not self._present:
            return
        if (question := self._protocol.ask(now_s)) and not self._reader.send(question):
            self._watch.count("questions_not_sent")

    def _judge(self, now_s: float) -> None:
        """Say once a second how the line is."""
        if not self._present or now_s - self._judged_s < _JUDGED_S:
            return
        heard, frames, noise = self._seen
        self._judged_s, self._seen = now_s, (0, 0, 0)
        if noise > _NOISY_SHARE * heard:
            self._watch.become("noisy", f"{noise} of {heard} bytes in no frame")
        elif frames:
            self._watch.become("ok", "frames arrive")
        elif now_s - self._heard_s > self._config.silent_after_s:
            text = f"no frame for {self._config.silent_after_s:.1f} s"
            self._watch.become("silent", text)
