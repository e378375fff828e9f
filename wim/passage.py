"""From samples to passages (过车记录): a streaming weigher for all lanes of a site.

It reads no clock and does no I/O: samples come in blocks of any size, and the same
samples give the same bits whatever the blocks. It names no
manoeuvre by itself.

A vehicle of a lane with a separator is closed when the separator has seen its end and
its last axle has crossed the last row; the figures come from the samples alone, the
separator only says which axles belong together. Where no separator speaks, a vehicle
ends with an axle gap at its own speed.
"""

import hashlib
import math
from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from wim.axles import Axle, group_axles
from wim.calibration import NO_CALIBRATION, Calibration, VehicleClass, calibrated
from wim.drift import (
    Alarm,
    DriftRules,
    DriftState,
    alarms,
    follow,
    readings,
    row_sums,
)
from wim.geometry import geometry_of
from wim.headings import skews_m
from wim.health import Health, Run
from wim.kernels.hit_table import END
from wim.kinematics import Kinematics
from wim.lanes import Assembly, Crossing, Entry, LaneEvent, LaneWatch
from wim.lateral import Ranges, lateral_ranges_m
from wim.loads import Known
from wim.manoeuvres import Figures, Finding, Thresholds, figures_of
from wim.messages import Flag
from wim.notations import group_notation
from wim.pulses import Detection, Pulse, PulseDetector
from wim.samples import Lane, Site
from wim.scatter import UsualScatter
from wim.standing import Stand, Standing
from wim.statics import Estimation, static_loads
from wim.straddling import Straddling
from wim.uncertainty import Contribution
from wim.validity import Fairness, bars_evidence, findings_of, flags_of
from wim.vehicles import Shapes, kind_of

__all__ = [
    "Event",
    "Parameters",
    "Passage",
    "VehicleEntered",
    "Weigher",
    "parameter_hash",
]

_GAPS_KEPT_S = 600.0


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures of the method; legally relevant, so their hash goes into every record.

    ``group_spacing_m`` is the longest axle spacing (轴距) within an axle group (轴组).
    """

    detection: Detection = Detection()
    kinematics: Kinematics = Kinematics()
    shapes: Shapes = Shapes()
    health: Health = Health()
    assembly: Assembly = Assembly()
    stand: Stand = Stand()
    fairness: Fairness = Fairness()
    manoeuvres: Thresholds = Thresholds()
    estimation: Estimation = Estimation()
    drift: DriftRules = DriftRules()
    group_spacing_m: Annotated[float, msgspec.Meta(gt=0.0)] = 1.8


class VehicleEntered(msgspec.Struct, frozen=True, kw_only=True):
    """A first axle has crossed row 0 (the last row when reversing).

    ``first_axle_s`` [s since the first sample] agrees with that of the passage within
    a few milliseconds. What enters and is no vehicle after all leaves no passage.
    """

    lane: int
    first_axle_s: float


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle over one lane; what is not known is None.

    Times [s] count from the first sample of the stream, lost samples included, and
    are those of row 0 (of the last row when reversing); ``ended_s`` is when the last
    wheel left the last row. Speed is that of the first axle at ``first_axle_s``,
    acceleration the mean over the crossing, positive when gaining speed. ``axles`` are
    what calibration and drift watch look at: each axle row by row; ``figures`` what the
    thresholds of manoeuvres were held against; ``contributions`` what the uncertainty
    of the gross mass is put together from; ``layout`` the lane with its strips, None
    for one that straddles, since what another lane's strips saw counts from another
    centre, and ``damaged`` the indices of those that could not be relied on. A speed
    that the crossing does not show is None; so are spacings, groups and configuration
    together where one spacing is not shown. What is valid has them all.
    """

    lane: int
    first_axle_s: float
    last_axle_s: float
    ended_s: float
    direction: Literal["forward", "reverse"]
    speed_mps: float | None
    acceleration_mps2: float | None
    axle_loads_kg: tuple[float, ...]
    axle_load_uncertainties_kg: tuple[float, ...] | None
    axle_spacings_m: tuple[float, ...] | None
    gross_mass_kg: float
    gross_mass_uncertainty_kg: float | None
    axle_groups: tuple[tuple[int, ...], ...] | None
    axle_configuration: str | None
    vehicle_class: VehicleClass | None
    vehicle_class_probability: float | None
    flags: tuple[Flag, ...]
    findings: tuple[Finding, ...]
    valid: bool
    samples_lost: int
    axles: tuple[Axle, ...] = ()
    figures: Figures | None = None
    contributions: tuple[Contribution, ...] = ()
    layout: Lane | None = None
    damaged: tuple[int, ...] = ()

    @property
    def lateral_ranges_m(self) -> tuple[Ranges | None, ...] | None:
        """Return where across the lane its middle may have been, on each row."""
        if self.layout is None:
            return None
        return lateral_ranges_m(self.axles, self.layout, damaged=self.damaged)

    @property
    def skews_m(self) -> tuple[float | None, ...] | None:
        """Return how far left wheels came before right ones on each row."""
        if self.layout is None:
            return None
        shown = skews_m(self.axles)
        rows = sorted({strip.row for strip in self.layout.strips})
        return tuple(shown.get(row) for row in rows)

    @property
    def gross_mass_standard_uncertainties_kg(self) -> dict[str, float] | None:
        """Return the contributions by their names, k = 1; None where there are none."""
        named: dict[str, float] = {
            part.name: part.gross_mass_kg for part in self.contributions
        }
        return named or None


Event: TypeAlias = VehicleEntered | Passage


class _Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Missing samples."""

    start_s: float
    end_s: float
    samples: int


class Weigher:
    """Samples of one station in, vehicles out.

    The first samples (``detection.first_estimate_s``) are kept until offset and noise
    are known from them and are then weighed like all others.

    Counters: ``samples`` per channel, those lost included; ``samples_lost``;
    ``pulses``; ``passages``.

    Args:
        site: the strips.
        sample_rate_hz: of every channel.
        parameters: of the estimators.
        calibration: of the station.
        temperature_c: of the pavement, None where it is not known.
        joins: the samples join traffic under way, as those of a line that comes back:
            a vehicle whose beginning may lie before the first of them is not valid.
        runs: what another weigher remembered of the strips, in the site's order.
        drift: the control charts of lanes as another weigher left them.
        usual_scatters: how far the rows of each lane usually are from each other, in
            the site's order, as another weigher left it.
        start_time_s: Unix time of the first sample, from which the charts count;
            None counts from the first sample.

    Raises:
        ValueError: the sample rate is not positive, the runs are not one a strip, or
            the usual scatters are not one a lane or none that can be usual.
    """

    def __init__(
        self,
        site: Site,
        *,
        sample_rate_hz: float,
        parameters: Parameters | None = None,
        calibration: Calibration = NO_CALIBRATION,
        temperature_c: float | None = None,
        joins: bool = False,
        runs: Sequence[Run] = (),
        drift: Sequence[DriftState] = (),
        usual_scatters: Sequence[float] = (),
        start_time_s: float | None = None,
    ) -> None:
        if not (math.isfinite(sample_rate_hz) and sample_rate_hz > 0.0):
            message = f"sample_rate_hz {sample_rate_hz} must be positive"
            raise ValueError(message)
        self.calibration = calibration
        self.temperature_c = temperature_c
        site = calibrated(site, calibration)
        self.site = site
        self.sample_rate_hz = sample_rate_hz
        self.parameters = parameters or Parameters()
        self.samples = 0
        self.samples_lost = 0
        self.pulses = 0
        self.passages = 0
        self._start_time_s = start_time_s or 0.0
        left = {state.lane: state for state in drift}
        self._drift = {
            lane.number: left.get(lane.number, DriftState(lane=lane.number))
            for lane in site.lanes
        }
        detection = self.parameters.detection
        self._channels = site.channels
        self._needed = max(1, round(detection.first_estimate_s * sample_rate_hz))
        self._kept: list[tuple[npt.NDArray[np.int32], int]] | None = []
        self._kept_samples = 0
        self._inputs = 0
        self._gaps: list[_Gap] = []
        if joins:
            self._gaps.append(_Gap(start_s=-math.inf, end_s=0.0, samples=0))
        self._detector = PulseDetector(
            tuple(strip for lane in site.lanes for strip in lane.strips),
            sample_rate_hz=sample_rate_hz,
            detection=detection,
        )
        if usual_scatters and len(usual_scatters) != len(site.lanes):
            message = (
                f"{len(usual_scatters)} usual scatters of {len(site.lanes)} lanes; "
                f"give one each"
            )
            raise ValueError(message)
        usual = [UsualScatter(figure) for figure in usual_scatters]
        usual = usual or [UsualScatter() for _ in site.lanes]
        self._scatters = {
            lane.number: each for lane, each in zip(site.lanes, usual, strict=True)
        }
        self._lanes: list[LaneWatch] = []
        self._lane_of_strip: list[int] = []
        strips = sum(len(lane.strips) for lane in site.lanes)
        if runs and len(runs) != strips:
            message = f"{len(runs)} runs of {strips} strips; give one each"
            raise ValueError(message)
        for lane in site.lanes:
            watch = LaneWatch(
                lane,
                first_index=len(self._lane_of_strip),
                assembly=self.parameters.assembly,
                kinematics=self.parameters.kinematics,
                shapes=self.parameters.shapes,
                health=self.parameters.health,
                runs=runs[len(self._lane_of_strip) :][: len(lane.strips)],
            )
            self._lane_of_strip += [len(self._lanes)] * len(lane.strips)
            self._lanes.append(watch)
        self._straddling = Straddling(self._lanes)
        self._standing = Standing(
            self._lanes, stand=self.parameters.stand, shapes=self.parameters.shapes
        )

    @property
    def runs(self) -> tuple[Run, ...]:
        """Return what is remembered of the strips, in the site's order."""
        return tuple(run for watch in self._lanes for run in watch.runs)

    @property
    def drift(self) -> tuple[DriftState, ...]:
        """Return the control charts of each lane."""
        return tuple(self._drift.values())

    @property
    def usual_scatters(self) -> tuple[float, ...]:
        """Return how far the rows of each lane usually are from each other."""
        return tuple(usual.figure for usual in self._scatters.values())

    @property
    def drift_alarms(self) -> tuple[Alarm, ...]:
        """Return what is drifting now; since when is Unix time if that is known."""
        return tuple(found for state in self.drift for found in alarms(state))

    @property
    def stray_pulses(self) -> int:
        """Return how many pulses became no axle of any passage."""
        return sum(lane.stray_pulses for lane in self._lanes)

    @property
    def empty_presences(self) -> int:
        """Return how often a separator reported something without an axle."""
        return sum(lane.empty_presences for lane in self._lanes)

    @property
    def unweighed_vehicles(self) -> int:
        """Return how many were seen by strips, but on too few rows to be weighed."""
        return sum(lane.unweighed_vehicles for lane in self._lanes)

    @property
    def separator_overruns(self) -> int:
        """Return how often a separator reported more than one vehicle can be."""
        return sum(lane.separator_overruns for lane in self._lanes)

    @property
    def offsets_renewed(self) -> int:
        """Return how often a channel's offset had to be taken anew."""
        return self._detector.offsets_renewed

    def receive(self, counts: npt.NDArray[np.int32], inputs: int = 0) -> list[Event]:
        """Take the next block.

        Args:
            counts: int32 of shape (samples, channels), channels as in the site.
            inputs: digital inputs at the end of the block, one bit each.

        Raises:
            ValueError: the block has another shape or type.
        """
        if (
            counts.ndim != 2
            or counts.dtype != np.int32
            or counts.shape[1] < self._channels
        ):
            message = (
                f"counts {counts.dtype} of shape {counts.shape}; expected int32 of "
                f"shape (samples, {self._channels} or more)"
            )
            raise ValueError(message)
        if self._kept is None:
            return self._take(counts, inputs)
        self._kept_samples += len(counts)
        if self._kept_samples >= self._needed:
            self._kept.append((counts, inputs))
            return self._begin()
        self._kept.append((counts.copy(), inputs))
        return []

    def lose(self, n_samples: int) -> list[Event]:
        """Take note that so many samples of every channel are missing here.

        A passage that they touch is not valid and says how many they are.

        Raises:
            ValueError: the number is negative.
        """
        if n_samples < 0:
            message = f"n_samples {n_samples} must not be negative"
            raise ValueError(message)
        if n_samples == 0:
            return []
        if self._kept is not None:
            n_samples += self._kept_samples
            self._kept = []
            self._kept_samples = 0
        start_s = self._now_s
        self.samples += n_samples
        self.samples_lost += n_samples
        self._detector.forget()
        self._gaps = [g for g in self._gaps if g.end_s > start_s - _GAPS_KEPT_S]
        self._gaps.append(_Gap(start_s=start_s, end_s=self._now_s, samples=n_samples))
        return [
            self._told(lane, event)
            for watch in self._lanes
            for lane, event in self._settled(watch, watch.interrupt(self._now_s))
        ]

    def flush(self, *, interrupted: bool = False) -> list[Event]:
        """Close what is open, as at the end of a recording.

        A vehicle that its separator still reports, or that is still on the rows, is not
        whole and not valid.

        Args:
            interrupted: the samples broke off, so that no open vehicle is whole.
        """
        events = self._begin() if self._kept else []
        if self._kept is None:
            for pulse in self._detector.finish(self.samples):
                self.pulses += 1
                watch = self._lanes[self._lane_of_strip[pulse.strip]]
                found = watch.take(pulse, pulse.last_sample / self.sample_rate_hz)
                told = self._settled(watch, found)
                events += [self._told(lane, event) for lane, event in told]
        for watch in self._lanes:
            closed = watch.close(now_s=self._now_s, interrupted=interrupted)
            told = self._settled(watch, closed)
            events += [self._told(lane, event) for lane, event in told]
        halves = self._straddling.release(everything=True)
        rest = [told for half in halves for told in self._standing.take(*half)]
        rest += self._standing.release(math.inf)
        return events + [self._told(lane, crossing) for lane, crossing in rest]

    @property
    def _now_s(self) -> float:
        return self.samples / self.sample_rate_hz

    def _begin(self) -> list[Event]:
        kept = self._kept or []
        first = np.concatenate([counts[: self._needed] for counts, _ in kept])
        self._kept = None
        self._detector.begin(first[: self._needed])
        return [event for block in kept for event in self._take(*block)]

    def _take(self, counts: npt.NDArray[np.int32], inputs: int) -> list[Event]:
        pulses = self._detector.receive(counts, self.samples)
        return self.weigh(pulses, samples=len(counts), inputs=inputs)

    def weigh(
        self, pulses: Sequence[Pulse], *, samples: int, inputs: int = 0
    ) -> list[Event]:
        """Take pulses instead of the samples in which somebody else found them.

        Args:
            pulses: in the order in which they were known.
            samples: how many of every channel they stand for, those before included.
            inputs: digital inputs after them, one bit each.
        """
        told: list[tuple[Lane, LaneEvent]] = []
        start_s = self._now_s
        rate_hz = self.sample_rate_hz
        self.samples += samples
        self.pulses += len(pulses)
        lanes, lane_of_strip = self._lanes, self._lane_of_strip
        # until when nothing but pulses changes anything: of each lane, and of all
        quiet_s: list[float] = []
        quiet_until_s = -math.inf
        for pulse in pulses:
            known_s = pulse.last_sample / rate_hz
            at = lane_of_strip[pulse.strip]
            watch = lanes[at]
            advances = known_s >= quiet_until_s
            if advances:
                told += self._advance(known_s)
            elif watch.pass_by(pulse):
                continue
            found = watch.take(pulse, known_s)
            own_s = watch.quiet_until_s
            if advances or found:
                told += self._settled(watch, found)
                quiet_s = [lane.quiet_until_s for lane in lanes]
            elif own_s != quiet_s[at]:
                quiet_s[at] = own_s
            else:
                continue
            quiet_until_s = min(*quiet_s, self._standing.due_s)
            if self._straddling.waits:
                quiet_until_s = -math.inf
        told += self._advance(self._now_s)
        changed = inputs ^ self._inputs
        self._inputs = inputs
        for watch in self._lanes:
            bit = watch.lane.presence_input
            if bit is None or not changed >> bit & 1:
                continue
            if inputs >> bit & 1:
                found = watch.appear(start_s, self._now_s)
            else:
                found = watch.vanish(self._now_s, active=self._detector.is_active)
            told += self._settled(watch, found)
        return [self._told(lane, event) for lane, event in told]

    def _advance(self, now_s: float) -> list[tuple[Lane, LaneEvent]]:
        """Let time pass on all lanes, in the order in which their waits end."""
        told: list[tuple[Lane, LaneEvent]] = []
        while True:
            lanes_s = [watch.due_s(now_s) for watch in self._lanes]
            due_s = min(*lanes_s, self._standing.due_s)
            if due_s > now_s:
                break
            told += self._standing.release(due_s)
            watch = self._lanes[lanes_s.index(min(lanes_s))]
            if watch.due_s(now_s) <= due_s:
                told += self._settled(watch, watch.advance(due_s))
        for watch in self._lanes:
            found = watch.advance(now_s)
            if found or self._straddling.waits:
                told += self._settled(watch, found)
        return told

    def _settled(
        self, watch: LaneWatch, found: Sequence[LaneEvent]
    ) -> list[tuple[Lane, LaneEvent]]:
        """Let crossings wait that may be half of a vehicle, beside or behind it."""
        told: list[tuple[Lane, LaneEvent]] = []
        for event in found:
            if isinstance(event, Crossing):
                for crossing in self._straddling.take(watch.lane, event):
                    told += self._standing.take(*crossing)
            else:
                told.append((watch.lane, event))
        for crossing in self._straddling.release():
            told += self._standing.take(*crossing)
        return told

    def _told(self, lane: Lane, event: LaneEvent) -> Event:
        match event:
            case Entry(at_s=at_s):
                return VehicleEntered(lane=lane.number, first_axle_s=at_s)
            case Crossing():
                self.passages += 1
                return self._passage(lane, event)

    def _passage(self, lane: Lane, crossing: Crossing) -> Passage:
        axles = crossing.axles
        first_s = axles[0].crossed_s
        ended_s = max(crossing.hits.hits[:, END].tolist())
        gaps = self._gaps_in(crossing, first_s, ended_s) if self._gaps else []
        # spacings and groups as they seem are good enough for loads and figures that
        # are rough where they are; a record only has those that were shown
        shown = geometry_of(crossing, kinematics=self.parameters.kinematics)
        shown_m, spacings = shown.all_spacings_m, shown.seeming_m
        groups = group_axles(spacings, longest_m=self.parameters.group_spacing_m)
        figures = figures_of(crossing, lane=lane, spacings_m=spacings)
        findings = findings_of(
            crossing,
            figures,
            lane=lane,
            fairness=self.parameters.fairness,
            thresholds=self.parameters.manoeuvres,
            geometry=shown,
            incomplete=bool(gaps),
            usual_scatter=self._scatters[lane.number].figure,
        )
        self._scatters[lane.number].follow(figures.scatter)
        findings += tuple(
            finding
            for alarm in alarms(self._drift[lane.number])
            for finding in (
                Finding("drifting", f"{alarm.chart}_shift", abs(alarm.shift), 0.0),
                Finding("drifting", f"{alarm.chart}_since_s", alarm.since_s, 0.0),
            )
        )
        flags = flags_of(findings)
        kind = None
        if shown_m is not None:
            kind = kind_of(
                shown_m,
                shapes=self.parameters.shapes,
                longest_group_m=self.parameters.group_spacing_m,
            )
        statics = static_loads(
            crossing.rows,
            lane=lane,
            spacings_m=spacings,
            groups=groups,
            reverse=crossing.reverse,
            acceleration_mps2=figures.acceleration_mps2,
            scatter=figures.scatter,
            flags=flags,
            known=Known(
                calibration=self.calibration,
                temperature_c=self.temperature_c,
                vehicle_class=None if kind is None else kind.vehicle_class,
            ),
            estimation=self.parameters.estimation,
        )
        self._drift[lane.number] = follow(
            self._drift[lane.number],
            readings(
                axle_loads_kg=statics.loads.axle_loads_kg,
                axle_groups=groups,
                sums=row_sums(crossing.rows),
                rows=len({strip.row for strip in lane.strips}),
                flags=flags,
                rules=self.parameters.drift,
            ),
            at_s=self._start_time_s + first_s,
            rules=self.parameters.drift,
        )
        return Passage(
            lane=lane.number,
            first_axle_s=first_s,
            last_axle_s=axles[-1].crossed_s,
            ended_s=ended_s,
            direction="reverse" if crossing.reverse else "forward",
            speed_mps=shown.speed_mps,
            acceleration_mps2=figures.acceleration_mps2,
            axle_loads_kg=statics.loads.axle_loads_kg,
            axle_load_uncertainties_kg=statics.budget.axle_load_uncertainties_kg,
            axle_spacings_m=shown_m,
            gross_mass_kg=statics.loads.gross_mass_kg,
            gross_mass_uncertainty_kg=statics.budget.gross_mass_uncertainty_kg,
            axle_groups=None if shown_m is None else groups,
            axle_configuration=None if shown_m is None else group_notation(groups),
            vehicle_class=None if kind is None else kind.vehicle_class,
            vehicle_class_probability=None if kind is None else kind.probability,
            flags=flags,
            findings=findings,
            valid=not bars_evidence(findings),
            samples_lost=sum(gap.samples for gap in gaps),
            axles=axles,
            figures=figures,
            contributions=statics.budget.contributions,
            layout=None if crossing.straddles else lane,
            damaged=tuple(damage.strip for damage in crossing.damages),
        )

    def _gaps_in(
        self, crossing: Crossing, first_s: float, ended_s: float
    ) -> list[_Gap]:
        """Return which samples are missing of a crossing or of the way before it."""
        slow_mps = min(
            speed for axle in crossing.axles for speed in axle.local_speeds_mps
        )
        before_m = max(crossing.view.length_m, self.parameters.assembly.axle_gap_m)
        before_s = before_m / max(slow_mps, 0.1)
        return [
            gap
            for gap in self._gaps
            if gap.end_s >= first_s - before_s and gap.start_s <= ended_s
        ]


def parameter_hash(
    site: Site, parameters: Parameters, calibration: Calibration = NO_CALIBRATION
) -> str:
    """Return the SHA-256 of everything but the samples that decides a mass."""
    decisive = [site, parameters, calibration]
    content = msgspec.json.encode(decisive, order="deterministic")
    return hashlib.sha256(content).hexdigest()
