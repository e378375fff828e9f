"""Joins what was weighed with what was seen into signed messages in the outbox.

It measures and photographs nothing. A message waits a moment for its plate and no
longer; what comes later goes into the final manifest. Every accepted message gets
exactly one manifest, also when the daemon was killed in between.
"""

import datetime as dt
import math
import queue
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec
import structlog

from edge.capture import Capture, Look
from edge.clock import Clock
from edge.config import StationConfig, View
from edge.errors import StorageError, StorageFullError
from edge.evidence import PHOTO, EvidenceItem, measured_signal
from edge.outbox import Link, Outbox, Subject
from edge.pairing import Moment
from edge.weighing import Entered, ScaleWeighed, Weighed
from wim import __version__ as wim_version
from wim.calibration import NO_CALIBRATION, Calibration
from wim.clips import Clip, encoded
from wim.errors import TableError
from wim.limits import table_in_force
from wim.messages import (
    MOST_FINDINGS,
    AssessmentFields,
    EvidenceKind,
    EvidenceManifest,
    EvidenceNote,
    FindingNote,
    PassageMessage,
    PlateNote,
    WeighingMessage,
    encode,
)
from wim.overload import assess, class_to_judge_by
from wim.passage import Parameters, Passage, parameter_hash
from wim.seal import GENESIS, sign

__all__ = ["Sealed", "Sealer"]

_PLATE_WAIT_S = 0.08
_LOOK_WAIT_S = 3.0
_TICK_S = 0.5
_DEPTH = 256
_KEPT_LOOKS = 64
_MOST_CLIPS = 16
"""So many clips wait for their manifests at most: each is some megabytes."""
_MAKE_UP_S = 60.0


class Sealed(NamedTuple):
    """A message that has just become durable, for whoever shows it."""

    leaf: Literal["passage", "weighing"]
    message: PassageMessage | WeighingMessage
    took_s: float


class _Pending(NamedTuple):
    """A subject whose manifest waits for its last photographs."""

    subject_id: str
    told: frozenset[str]
    """The views whose reading stands in the first message."""
    announced: tuple[EvidenceNote, ...]
    """The files that the first message announced."""
    looks: tuple[Look, ...]
    samples: "_Samples | None"


class _Samples(NamedTuple):
    """The clip of a passage, and when that was."""

    clip: Clip
    passed_at: dt.datetime


class Sealer:
    """The station's notary: one thread for messages, one for manifests."""

    def __init__(
        self,
        config: StationConfig,
        *,
        private_key: bytes,
        boot_id: str,
        outbox: Outbox,
        capture: Capture,
        clock: Clock,
        calibration: Calibration = NO_CALIBRATION,
        on_sealed: Callable[[Sealed], None],
        on_news: Callable[[], None],
        on_broken: Callable[[str], None],
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._config = config
        self._private_key = private_key
        self._boot_id = boot_id
        self._outbox = outbox
        self._capture = capture
        self._clock = clock
        self._on_sealed = on_sealed
        self._on_news = on_news
        self._on_broken = on_broken
        self._log = structlog.get_logger("edge.sealer")
        self._parameters = (
            None
            if config.site is None
            else parameter_hash(config.site, Parameters(), calibration)
        )
        self._weighed: queue.Queue[tuple[Weighed | ScaleWeighed, float]]
        self._weighed = queue.Queue(_DEPTH)
        self._pending: queue.Queue[_Pending] = queue.Queue(_DEPTH)
        self._first_looks: deque[Look] = deque(maxlen=_KEPT_LOOKS)
        self._under_way: set[str] = set()
        self._refusing = False
        self._stopping = threading.Event()
        self._threads = tuple(
            threading.Thread(target=target, name=name, daemon=True)
            for target, name in (
                (self._run_messages, "sealer"),
                (self._run_manifests, "manifests"),
            )
        )

    def start(self) -> None:
        """Begin to seal; manifests left over from before are made first."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End when every weighed vehicle has its message.

        Manifests that are still due are made at the next start.
        """
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        """Return whether both threads still run."""
        return all(thread.is_alive() for thread in self._threads)

    def entered(self, entered: Entered) -> None:
        """Order the first photograph of a vehicle, so that its plate is ready."""
        view: View = "front" if self._config.station.role == "roadside" else "gate"
        moment = Moment(entered.vehicle, view, entered.lane, entered.at_s)
        self._first_looks.append(self._capture.look(moment))

    def weighed(self, weighed: Weighed | ScaleWeighed) -> None:
        """Take a weighed vehicle; never blocks."""
        try:
            self._weighed.put_nowait((weighed, self._clock.monotonic_s()))
        except queue.Full:
            self.counters["vehicles_dropped"] += 1
            self._log.error("vehicle_dropped", reason="the sealer does not keep up")

    # --------------------------------------------------------------- messages

    def _run_messages(self) -> None:
        while not (self._stopping.is_set() and self._weighed.empty()):
            try:
                weighed, closed_s = self._weighed.get(timeout=_TICK_S)
            except queue.Empty:
                continue
            try:
                self._seal(weighed, closed_s)
            except StorageFullError as error:
                self._refuse(str(error))
            except StorageError as error:
                self._refuse(str(error))
                self._on_broken(str(error))
            except Exception as error:  # noqa: BLE001 -- a thread's loop: logged, counted
                self.counters["sealing_failures"] += 1
                self._log.exception("sealing_failed", error=str(error))

    def _seal(self, weighed: Weighed | ScaleWeighed, closed_s: float) -> None:
        first = self._first_look(weighed.vehicle)
        in_time = first is not None and first.wait(_PLATE_WAIT_S)
        item, note = self._capture.result(first) if in_time and first else (None, None)
        notes = () if note is None else (note,)
        if isinstance(weighed, Weighed):
            sealed = self._seal_passage(weighed, item, notes)
        else:
            sealed = self._seal_weighing(weighed, item, notes)
        self._on_news()
        self._refusing = False
        self.counters[f"{sealed.leaf}s"] += 1
        if not in_time and first is not None and first.camera is not None:
            self.counters["plates_late"] += 1
        self._on_sealed(sealed._replace(took_s=self._clock.monotonic_s() - closed_s))
        looks: tuple[Look, ...] = () if first is None else (first,)
        if isinstance(weighed, Weighed):
            looks += self._look_after(weighed)
        told = frozenset(note.view for note in notes)
        subject_id = _subject_id(sealed.message)
        pending = _Pending(
            subject_id,
            told,
            sealed.message.evidence,
            looks,
            self._samples_of(weighed, sealed.message),
        )
        try:
            self._pending.put_nowait(pending)
        except queue.Full:  # made from what the message announced
            self.counters["manifests_hurried"] += 1
            self._under_way.discard(subject_id)

    def _seal_passage(
        self,
        weighed: Weighed,
        item: EvidenceItem | None,
        notes: tuple[PlateNote, ...],
    ) -> Sealed:
        passage = weighed.passage
        draft = PassageMessage(
            station_id=self._config.station.id,
            boot_id=self._boot_id,
            previous_hash=GENESIS,
            passage_id=self._clock.identifier(),
            sequence=1,
            passed_at=self._clock.utc_of(weighed.first_axle_at_s),
            clock_error_bound_s=self._config.clock.error_bound_s,
            lane=passage.lane,
            direction=passage.direction,
            speed_mps=passage.speed_mps,
            acceleration_mps2=passage.acceleration_mps2,
            axle_loads_kg=passage.axle_loads_kg,
            axle_load_uncertainties_kg=passage.axle_load_uncertainties_kg,
            axle_spacings_m=passage.axle_spacings_m,
            gross_mass_kg=passage.gross_mass_kg,
            gross_mass_uncertainty_kg=passage.gross_mass_uncertainty_kg,
            gross_mass_standard_uncertainties_kg=(
                passage.gross_mass_standard_uncertainties_kg
            ),
            axle_groups=passage.axle_groups,
            axle_configuration=passage.axle_configuration,
            vehicle_class=passage.vehicle_class,
            vehicle_class_probability=passage.vehicle_class_probability,
            findings=_notes(passage),
            flags=passage.flags,
            valid=passage.valid,
            samples_lost=passage.samples_lost,
            plate_readings=notes,
            assessment=self._assess(passage, weighed.first_axle_at_s),
            evidence=() if item is None else (item.note,),
            wim_version=wim_version,
            parameter_hash=self._parameters or GENESIS,
        )
        return self._accept("passage", draft, draft.passage_id)

    def _seal_weighing(
        self,
        weighed: ScaleWeighed,
        item: EvidenceItem | None,
        notes: tuple[PlateNote, ...],
    ) -> Sealed:
        scale = self._config.scale
        draft = WeighingMessage(
            station_id=self._config.station.id,
            boot_id=self._boot_id,
            previous_hash=GENESIS,
            weighing_id=self._clock.identifier(),
            sequence=1,
            weighed_at=self._clock.utc_of(weighed.settled_at_s),
            clock_error_bound_s=self._config.clock.error_bound_s,
            gross_mass_kg=weighed.mass_kg,
            gross_mass_uncertainty_kg=None,
            scale="scale" if scale is None else scale.name,
            plate_readings=notes,
            evidence=() if item is None else (item.note,),
        )
        return self._accept("weighing", draft, draft.weighing_id)

    def _accept(
        self,
        leaf: Literal["passage", "weighing"],
        draft: PassageMessage | WeighingMessage,
        subject_id: str,
    ) -> Sealed:
        """Number, sign and store a draft; what was signed is what is returned."""
        signed: list[PassageMessage | WeighingMessage] = []

        def build(link: Link) -> bytes:
            linked = msgspec.structs.replace(
                draft, sequence=link.sequence, previous_hash=link.previous_hash
            )
            signature = sign(linked, self._private_key)
            signed.append(msgspec.structs.replace(linked, signature=signature))
            return encode(signed[-1])

        self._under_way.add(subject_id)
        try:
            self._outbox.accept(
                leaf,
                build,
                subject_id=subject_id,
                items=draft.evidence,
                wanted=self._wanted(draft),
            )
        except BaseException:
            self._under_way.discard(subject_id)
            raise
        return Sealed(leaf, signed[-1], 0.0)

    def _wanted(
        self, message: PassageMessage | WeighingMessage
    ) -> tuple[EvidenceKind, ...]:
        views: tuple[View, ...] = ("front", "side", "rear")
        if self._config.station.role == "source":
            views = ("gate",)
        photos = tuple(PHOTO[view][0] for view in views)
        return (*photos, "samples") if self._keeps_samples(message) else photos

    def _keeps_samples(self, message: PassageMessage | WeighingMessage) -> bool:
        """Tell whether the samples of a passage are to be evidence."""
        if not isinstance(message, PassageMessage):
            return False
        match self._config.samples:
            case "all":
                return True
            case "overloaded":
                verdict = message.assessment
                return verdict is not None and verdict.overloaded
            case "none":
                return False

    def _samples_of(
        self,
        weighed: Weighed | ScaleWeighed,
        message: PassageMessage | WeighingMessage,
    ) -> _Samples | None:
        """Return the clip that is to be sealed."""
        if not isinstance(weighed, Weighed) or not isinstance(message, PassageMessage):
            return None
        if weighed.clip is None or not self._keeps_samples(message):
            return None
        if self._pending.qsize() >= _MOST_CLIPS:
            self.counters["samples_dropped"] += 1
            return None
        return _Samples(weighed.clip, message.passed_at)

    def _assess(self, passage: Passage, at_s: float) -> AssessmentFields | None:
        """Hold a mass against the limits in force; None where no limit is known."""
        try:
            table = table_in_force(
                self._config.limits, self._clock.utc_of(at_s), self._config.region
            )
        except TableError as error:
            self.counters["passages_without_limits"] += 1
            self._log.warning("limits_not_found", error=str(error))
            return None
        verdict = assess(
            gross_mass_kg=passage.gross_mass_kg,
            axle_count=len(passage.axle_loads_kg),
            vehicle_class=class_to_judge_by(
                passage.vehicle_class, passage.vehicle_class_probability
            ),
            table=table,
            axle_configuration=passage.axle_configuration,
            gross_mass_uncertainty_kg=passage.gross_mass_uncertainty_kg,
        )
        if verdict is None:
            self.counters["passages_without_limits"] += 1
            return None
        return AssessmentFields(
            rule_id=verdict.rule_id,
            vehicle_class=verdict.vehicle_class,
            limit_kg=verdict.limit_kg,
            limit_certain=verdict.limit_certain,
            deduction_kg=verdict.deduction_kg,
            effective_mass_kg=verdict.effective_mass_kg,
            excess_kg=verdict.excess_kg,
            overload_ratio=verdict.overload_ratio,
            overloaded=verdict.overloaded,
        )

    def _first_look(self, vehicle: int) -> Look | None:
        for look in tuple(self._first_looks):
            if look.moment.vehicle == vehicle:
                self._first_looks.remove(look)
                return look
        return None

    def _look_after(self, weighed: Weighed) -> tuple[Look, ...]:
        """Order the photographs whose moments are known once the vehicle is through."""
        moments = {"side": weighed.middle_at_s, "rear": weighed.ended_at_s}
        lane = weighed.passage.lane
        views: tuple[View, ...] = ("side", "rear")
        return tuple(
            self._capture.look(Moment(weighed.vehicle, view, lane, moments[view]))
            for view in views
        )

    def _refuse(self, reason: str) -> None:
        """A vehicle that cannot be stored is counted; the reason is said once."""
        self.counters["vehicles_refused"] += 1
        if not self._refusing:
            self._log.error("vehicles_refused", reason=reason)
        self._refusing = True

    # -------------------------------------------------------------- manifests

    def _run_manifests(self) -> None:
        made_up_s = 0.0
        while not self._stopping.is_set():
            try:
                if self._clock.monotonic_s() - made_up_s > _MAKE_UP_S or not made_up_s:
                    made_up_s = self._clock.monotonic_s()
                    self._make_up()
                pending = self._pending.get(timeout=_TICK_S)
                self._close(pending)
            except queue.Empty:
                continue
            except StorageError as error:
                self.counters["manifests_postponed"] += 1
                self._log.warning("manifest_postponed", error=str(error))
                self._stopping.wait(_TICK_S)
            except Exception as error:  # noqa: BLE001 -- a thread's loop: logged, counted
                self.counters["manifest_failures"] += 1
                self._log.exception("manifest_failed", error=str(error))

    def _make_up(self) -> None:
        """Make manifests that were left over from what their messages announced."""
        for subject in self._outbox.subjects():
            if subject.subject_id not in self._under_way:
                self._accept_manifest(subject.subject_id, None, (), ())
                self.counters["manifests_made_up"] += 1
                self._log.info("manifest_made_up", subject_id=subject.subject_id)

    def _close(self, pending: _Pending) -> None:
        """Wait for the last photographs of a subject and seal its manifest."""
        deadline_s = self._clock.monotonic_s() + _LOOK_WAIT_S
        items: list[EvidenceItem] = []
        notes: list[PlateNote] = []
        for look in pending.looks:
            look.wait(max(0.0, deadline_s - self._clock.monotonic_s()))
            item, note = self._capture.result(look)
            if item is not None:
                items.append(item)
            if note is not None and note.view not in pending.told:
                notes.append(note)
        if pending.samples is not None:
            clip, passed_at = pending.samples
            items.append(measured_signal(encoded(clip), recorded_at=passed_at))
        try:
            for kept in items:  # a manifest may have waited longer than the folder does
                self._capture.keep(kept)
            self._accept_manifest(
                pending.subject_id,
                tuple(item.note for item in items),
                tuple(notes),
                pending.announced,
            )
        except StorageFullError:
            self._postpone(pending)
            raise
        except BaseException:
            self._under_way.discard(pending.subject_id)
            raise
        self._under_way.discard(pending.subject_id)

    def _postpone(self, pending: _Pending) -> None:
        try:
            self._pending.put_nowait(pending)
        except queue.Full:  # made up later from what its message announced
            self._under_way.discard(pending.subject_id)

    def _accept_manifest(
        self,
        subject_id: str,
        items: tuple[EvidenceNote, ...] | None,
        notes: tuple[PlateNote, ...],
        announced: Sequence[EvidenceNote],
    ) -> None:
        """Store one manifest; without ``items`` it lists what the message announced."""

        def build(subject: Subject, head: str) -> bytes:
            listed = subject.items if items is None else items
            kinds = {note.kind for note in listed}
            manifest = EvidenceManifest(
                station_id=self._config.station.id,
                boot_id=self._boot_id,
                previous_hash=head,
                subject_id=subject.subject_id,
                subject_hash=subject.subject_hash,
                sealed_at=self._clock.now(),
                items=listed,
                missing=tuple(kind for kind in subject.wanted if kind not in kinds),
                plate_readings=notes,
            )
            signature = sign(manifest, self._private_key)
            return encode(msgspec.structs.replace(manifest, signature=signature))

        known = {note.sha256 for note in announced}
        fresh = [note for note in items or () if note.sha256 not in known]
        if self._outbox.accept_manifest(subject_id, build, items=fresh) is not None:
            self.counters["manifests"] += 1
            self._on_news()


def _notes(passage: Passage) -> tuple[FindingNote, ...]:
    """Return the evidence of a passage's flags as it is sent."""
    return tuple(
        FindingNote(
            flag=finding.flag,
            figure=finding.figure,
            value=_finite(finding.value),
            threshold=_finite(finding.threshold),
            strips=finding.strips,
            severe=finding.severe,
        )
        for finding in passage.findings[:MOST_FINDINGS]
    )


def _finite(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None


def _subject_id(message: PassageMessage | WeighingMessage) -> str:
    if isinstance(message, PassageMessage):
        return message.passage_id
    return message.weighing_id
