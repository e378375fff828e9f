"""What crosses between roadside and centre: flat, versioned, checked on arrival.

It neither sends nor stores. Topics (MQTT v5, QoS 1), ``<station>`` being the id of a
station or of a source enterprise:

========================================  ============================  ============
topic                                     payload                       direction
========================================  ============================  ============
``luheng/v1/<station>/passage``           :class:`PassageMessage`       up
``luheng/v1/<source>/weighing``           :class:`WeighingMessage`      up
``luheng/v1/<station>/evidence``          :class:`EvidenceManifest`     up
``luheng/v1/<station>/status``            :class:`StatusMessage`        up, retained
``luheng/v1/<station>/ack``               :class:`AckMessage`           down
``luheng/v1/<station>/command``           reserved                      down
========================================  ============================  ============

What is not known is ``null``, never zero. Times are UTC, masses kg, lengths metres.
"""

import datetime as dt
import inspect
import math
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, get_args

import msgspec

from wim.errors import MessageError

__all__ = [
    "BARRING_FLAGS",
    "FLAGS",
    "MESSAGES",
    "MOST_CONTRIBUTIONS",
    "MOST_FINDINGS",
    "AckMessage",
    "AssessmentFields",
    "DeviceStatus",
    "EvidenceKind",
    "EvidenceManifest",
    "EvidenceNote",
    "FindingNote",
    "Flag",
    "PassageMessage",
    "PlateNote",
    "StatusMessage",
    "UpMessage",
    "WeighingMessage",
    "decode",
    "encode",
    "json_schema",
    "topic",
]

Identifier: TypeAlias = Annotated[
    str, msgspec.Meta(pattern="^[A-Z0-9][A-Z0-9-]{1,31}$", description="station id")
]
Uuid: TypeAlias = Annotated[
    str,
    msgspec.Meta(
        pattern="^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
    ),
]
Sha256: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Signature: TypeAlias = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{128})?$")]
Instant: TypeAlias = Annotated[dt.datetime, msgspec.Meta(tz=True)]
Probability: TypeAlias = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
NotNegative: TypeAlias = Annotated[float, msgspec.Meta(ge=0.0)]
Name: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,63}$")]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]

Flag: TypeAlias = Literal[
    "accelerating",
    "braking",
    "tap_braking",
    "stop_and_go",
    "rush",
    "crawl",
    "jump",
    "s_path",
    "straddling",
    "edge",
    "tailgating",
    "reverse",
    "axle_missing",
    "strip_damaged",
    "signal_clipped",
    "speed_out_of_range",
    "drifting",
]
FLAGS: tuple[Flag, ...] = get_args(Flag)
"""The closed list; flags speak of fairness and signals, never of overload."""

BARRING_FLAGS: frozenset[Flag] = frozenset(FLAGS) - {"accelerating", "braking"}
"""Flags that bar a passage from being evidence (``valid`` is then false)."""

EvidenceKind: TypeAlias = Literal[
    "photo_front", "photo_side", "photo_rear", "plate_crop", "video", "samples"
]
Proves: TypeAlias = Literal[
    "vehicle_front_and_plate",
    "vehicle_side_and_axles",
    "vehicle_rear_and_load",
    "plate",
    "passage_in_motion",
    "measured_signal",
]
Pattern: TypeAlias = Annotated[
    str,
    msgspec.Meta(
        pattern=r"[^?]\?|\?[^?]",
        max_length=16,
        description="characters of a plate, ? for each that cannot be read",
    ),
]
PlateColour: TypeAlias = Literal[
    "blue", "yellow", "black", "white", "green", "yellow_green", "gradient_green"
]
UnreadReason: TypeAlias = Literal[
    "no_frame",
    "no_plate",
    "too_small",
    "off_frame",
    "blurred",
    "glare",
    "covered",
    "doubtful",
    "grammar",
]
VehicleClass: TypeAlias = Literal["rigid", "articulated", "centre_axle", "full_trailer"]


MOST_FINDINGS = 64
"""A passage carries at most so many findings."""

MOST_CONTRIBUTIONS = 32
"""The uncertainty of a gross mass is put together from at most so many."""


class FindingNote(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """The evidence of one flag: which figure went beyond which threshold, and where.

    ``value`` is ``null`` where the figure has no finite value. ``strips`` are the
    channels that showed it, none where it is the whole vehicle's. ``severe`` is a
    finding that bars evidence though its flag alone does not.
    """

    flag: Flag
    figure: Name
    value: float | None
    threshold: float | None
    strips: Annotated[tuple[Count, ...], msgspec.Meta(max_length=256)] = ()
    severe: bool = False


class PlateNote(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    omit_defaults=True,
):
    """One reading of one plate by one camera.

    Exactly one of ``text`` and ``unread_reason`` is set: a plate that cannot be read
    is "unread" with a reason and never a guess. ``pattern`` is what can be read of a
    covered plate, with ``?`` for each other character; without one the key is absent.
    """

    camera: str
    view: Literal["front", "rear", "side", "gate"]
    read_at: Instant
    text: str | None
    colour: PlateColour | None
    character_confidences: tuple[Probability, ...]
    unread_reason: UnreadReason | None
    pattern: Pattern | None = None

    def __post_init__(self) -> None:
        """Refuse a reading that is both read and unread, or neither, and odd parts."""
        if (self.text is None) == (self.unread_reason is None):
            message = "plate reading needs either text or unread_reason"
            raise ValueError(message)
        if self.pattern is not None and self.unread_reason != "covered":
            message = "plate reading has a pattern, but is not unread as covered"
            raise ValueError(message)
        if self.text is not None and len(self.text) != len(self.character_confidences):
            message = (
                f"plate reading of {len(self.text)} characters has "
                f"{len(self.character_confidences)} confidences"
            )
            raise ValueError(message)


class EvidenceNote(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """One evidence file as announced: its bytes travel apart, over HTTP(S)."""

    kind: EvidenceKind
    sha256: Sha256
    size_bytes: Annotated[int, msgspec.Meta(ge=1)]
    media_type: str
    recorder: str
    recorded_at: Instant
    proves: Proves


class AssessmentFields(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """A verdict on one passage, with the rule that was applied."""

    rule_id: str
    vehicle_class: VehicleClass | None
    limit_kg: NotNegative
    limit_certain: bool
    deduction_kg: NotNegative
    effective_mass_kg: float
    excess_kg: NotNegative
    overload_ratio: float
    overloaded: bool


class _Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every message of a station's outbox carries."""

    station_id: Identifier
    boot_id: Uuid
    previous_hash: Sha256
    signature: Signature = ""


class PassageMessage(_Sealed, frozen=True, kw_only=True):
    """One vehicle's passage over one lane, as weighed and read at the roadside.

    Lists follow the order in which the axles crossed; uncertainties are expanded
    (k = 2) and ``null`` where not known. ``gross_mass_standard_uncertainties_kg`` are
    what that of the gross mass is put together from, by name and k = 1.
    ``vehicle_class`` is what the axles alone say of the class, with how probable that
    is; ``findings`` are the evidence of the flags. ``speed_mps`` is ``null`` where the
    crossing does not show it; ``axle_spacings_m``, ``axle_groups`` and
    ``axle_configuration`` are all known or all ``null``. A valid passage has them all.
    """

    schema: Literal["luheng.passage/1"] = "luheng.passage/1"
    passage_id: Uuid
    sequence: Annotated[int, msgspec.Meta(ge=1)]
    passed_at: Instant
    clock_error_bound_s: NotNegative | None
    lane: Annotated[int, msgspec.Meta(ge=1)]
    direction: Literal["forward", "reverse"]
    speed_mps: NotNegative | None
    acceleration_mps2: float | None
    axle_loads_kg: Annotated[
        tuple[NotNegative, ...], msgspec.Meta(min_length=1, max_length=64)
    ]
    axle_load_uncertainties_kg: tuple[NotNegative, ...] | None
    axle_spacings_m: tuple[NotNegative, ...] | None
    gross_mass_kg: NotNegative
    gross_mass_uncertainty_kg: NotNegative | None
    gross_mass_standard_uncertainties_kg: (
        Annotated[dict[Name, NotNegative], msgspec.Meta(max_length=MOST_CONTRIBUTIONS)]
        | None
    ) = None
    axle_groups: tuple[tuple[Count, ...], ...] | None
    axle_configuration: Annotated[str, msgspec.Meta(pattern=r"^\d+(\+\d+)*$")] | None
    vehicle_class: VehicleClass | None = None
    vehicle_class_probability: Probability | None = None
    flags: tuple[Flag, ...]
    findings: Annotated[
        tuple[FindingNote, ...], msgspec.Meta(max_length=MOST_FINDINGS)
    ] = ()
    valid: bool
    samples_lost: Count
    plate_readings: tuple[PlateNote, ...]
    assessment: AssessmentFields | None
    evidence: tuple[EvidenceNote, ...]
    wim_version: str
    parameter_hash: Sha256

    def __post_init__(self) -> None:
        """Check what the figures of one passage owe to each other."""
        n = len(self.axle_loads_kg)
        self._check_geometry(n)
        u = self.axle_load_uncertainties_kg
        if u is not None and len(u) != n:
            message = f"{n} axles need {n} uncertainties, not {len(u)}"
            raise ValueError(message)
        if abs(math.fsum(self.axle_loads_kg) - self.gross_mass_kg) > 1.0:
            message = (
                f"gross_mass_kg {self.gross_mass_kg:.1f} is not the sum of the axle "
                f"loads, {math.fsum(self.axle_loads_kg):.1f}"
            )
            raise ValueError(message)
        if (self.vehicle_class is None) != (self.vehicle_class_probability is None):
            message = "vehicle_class and its probability are both known or both not"
            raise ValueError(message)
        unsaid = {finding.flag for finding in self.findings}.difference(self.flags)
        if unsaid:
            message = f"findings of flags that are not set: {', '.join(sorted(unsaid))}"
            raise ValueError(message)
        if self.valid and any(finding.severe for finding in self.findings):
            message = "valid passage carries a severe finding"
            raise ValueError(message)
        if self.valid and BARRING_FLAGS.intersection(self.flags):
            message = f"valid passage carries barring flags {', '.join(self.flags)}"
            raise ValueError(message)

    def _check_geometry(self, n: int) -> None:
        """Check spacings, groups and configuration of n axles against each other."""
        spacings, groups = self.axle_spacings_m, self.axle_groups
        if spacings is None or groups is None or self.axle_configuration is None:
            known = [
                name
                for name in ("axle_spacings_m", "axle_groups", "axle_configuration")
                if getattr(self, name) is not None
            ]
            if known:
                message = (
                    "axle_spacings_m, axle_groups and axle_configuration are all known "
                    f"or all null, not only {', '.join(known)}"
                )
                raise ValueError(message)
        else:
            if len(spacings) != n - 1:
                message = f"{n} axles need {n - 1} spacings, not {len(spacings)}"
                raise ValueError(message)
            if [i for group in groups for i in group] != list(range(n)):
                message = (
                    f"axle_groups must name axles 0 to {n - 1} once each, in order"
                )
                raise ValueError(message)
            counts = "+".join(str(len(group)) for group in groups)
            if counts != self.axle_configuration:
                message = (
                    f"axle_configuration {self.axle_configuration} is not {counts}"
                )
                raise ValueError(message)
        if self.valid and (self.speed_mps is None or spacings is None):
            message = "valid passage without speed or axle spacings"
            raise ValueError(message)


class WeighingMessage(_Sealed, frozen=True, kw_only=True):
    """One loaded vehicle on the static scale of a source enterprise."""

    schema: Literal["luheng.weighing/1"] = "luheng.weighing/1"
    weighing_id: Uuid
    sequence: Annotated[int, msgspec.Meta(ge=1)]
    weighed_at: Instant
    clock_error_bound_s: NotNegative | None
    gross_mass_kg: NotNegative
    gross_mass_uncertainty_kg: NotNegative | None
    scale: str
    plate_readings: tuple[PlateNote, ...]
    evidence: tuple[EvidenceNote, ...]


class EvidenceManifest(_Sealed, frozen=True, kw_only=True):
    """The final list of evidence files of one passage or weighing.

    ``subject_hash`` is the SHA-256 of the passage's or weighing's payload bytes, so
    the manifest cannot be moved to another. ``plate_readings`` are those that came
    after the first message; ``missing`` names the views of which no picture could be
    taken.
    """

    schema: Literal["luheng.evidence/1"] = "luheng.evidence/1"
    subject_id: Uuid
    subject_hash: Sha256
    sealed_at: Instant
    items: tuple[EvidenceNote, ...]
    missing: tuple[EvidenceKind, ...]
    plate_readings: tuple[PlateNote, ...]


class DeviceStatus(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """How one device of a station is, and what was counted on it since the boot."""

    name: str
    state: Literal["ok", "missing", "silent", "noisy", "stale"]
    since: Instant
    counters: dict[str, Count]


class StatusMessage(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """The heartbeat of a station, retained; the last will says ``online`` false.

    Below ``lowest_unacknowledged_sequence`` a missing number is a gap; above it only
    priority.
    """

    schema: Literal["luheng.status/1"] = "luheng.status/1"
    station_id: Identifier
    role: Literal["roadside", "source"]
    online: bool
    boot_id: Uuid
    sent_at: Instant | None
    taking: bool
    not_taking_reason: str | None
    lowest_unacknowledged_sequence: int | None
    outbox_depth: Count
    oldest_unacknowledged_at: Instant | None
    devices: tuple[DeviceStatus, ...]
    counters: dict[str, Count]


class AckMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The centre's receipt, sent only after COMMIT; signed by the server.

    ``payload_sha256`` is the hash of the bytes as they arrived: a receipt for other
    bytes than the outbox holds is no receipt. A quarantined message is kept by the
    centre with its reason and is not sent again.
    """

    schema: Literal["luheng.ack/1"] = "luheng.ack/1"
    station_id: Identifier
    payload_sha256: Sha256
    outcome: Literal["stored", "duplicate", "quarantined"]
    reason: str | None
    acked_at: Instant
    signature: Signature = ""


UpMessage: TypeAlias = PassageMessage | WeighingMessage | EvidenceManifest
Message = TypeVar("Message", bound=msgspec.Struct)

MESSAGES: dict[str, type[msgspec.Struct]] = {
    "passage": PassageMessage,
    "weighing": WeighingMessage,
    "evidence": EvidenceManifest,
    "status": StatusMessage,
    "ack": AckMessage,
}
"""Last level of the topic → what travels on it."""


def topic(station_id: str, leaf: str) -> str:
    """Return the MQTT topic of one station's leaf.

    >>> topic("DEMO-001", "passage")
    'luheng/v1/DEMO-001/passage'
    """
    return f"luheng/v1/{station_id}/{leaf}"


def encode(message: msgspec.Struct) -> bytes:
    """Return the JSON payload of a message."""
    return msgspec.json.encode(message)


def decode(payload: bytes, kind: type[Message]) -> Message:
    """Read and check one payload.

    Raises:
        MessageError: not JSON, an unknown, missing or impossible field, or figures
            that contradict each other; the text names the field.
    """
    try:
        message = msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = f"not a {kind.__name__}: {error}"
        raise MessageError(text) from error
    _refuse_infinite(message)
    return message


def json_schema() -> dict[str, Any]:
    """Return one JSON Schema (2020-12) document with all messages in ``$defs``."""
    kinds = list(MESSAGES.values())
    _, components = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    for component in components.values():
        # newer Pythons take the indentation out of docstrings, older ones leave it in
        if "description" in component:
            component["description"] = inspect.cleandoc(component["description"])
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Luheng messages, version 1",
        "oneOf": [{"$ref": f"#/$defs/{kind.__name__}"} for kind in kinds],
        "$defs": components,
    }
    # defaults that are tuples become what JSON has for them
    return msgspec.json.decode(msgspec.json.encode(document), type=dict[str, Any])


def _refuse_infinite(message: msgspec.Struct) -> None:
    """Refuse figures that JSON can spell but no scale can measure (1e999)."""
    for name in message.__struct_fields__:
        value = getattr(message, name)
        figures = value if isinstance(value, tuple) else (value,)
        for figure in figures:
            if isinstance(figure, float) and not math.isfinite(figure):
                text = f"not a {type(message).__name__}: {name} is not finite"
                raise MessageError(text)
