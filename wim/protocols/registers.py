"""Which registers of a Modbus transmitter hold its mass and its status, and what of it.

Makers agree on nothing here, so the map is configuration; it names registers as most
manuals do, by their reference: 40001 is the first holding register (function 3), 30001
the first input register (function 4); a manual that gives addresses counts from 0:
address 7 of a holding register is 40008. Bits count from 0, the least.

It knows no frame and opens no port.

Maps that manuals give (check yours):

=============================  ==========================  =========================
device                         mass                        status
=============================  ==========================  =========================
Laumas TLB/TLU/TLS/W, Bosche   40008, u32, highest word    40007: negative 7, stable
WTS                            first, magnitude            11, out of range 2 3 4,
                                                           device 0 1
Tunaylar ID551PN               40003, f32                  40005: moving 12, out of
                                                           range 9 10, well 13 15
Dini Argeo DGT4X, scale 1      40203-40204, s32            40202: stable 1, out of
                                                           range 2 3
=============================  ==========================  =========================

Sources: Laumas TLU and LCB manuals (list of registers, status register), Tunaylar
ID551PN manual section 3.5, Dini Argeo DGT4X technical manual (registers for data
reading).
"""

import math
import struct
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec

from wim.protocols.readings import ScaleFault, ScaleReading

__all__ = ["MassRegister", "RegisterMap", "Span", "StatusRegister", "WordOrder"]

Reference: TypeAlias = Annotated[int, msgspec.Meta(ge=30001, le=49999)]
Bit: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=15)]
Kind: TypeAlias = Literal["u16", "s16", "u32", "s32", "f32"]
WordOrder: TypeAlias = Literal["high_first", "low_first"]

_FORMATS: dict[Kind, str] = {"u16": ">H", "s16": ">h", "u32": ">I", "s32": ">i"}
_FORMATS["f32"] = ">f"
_WIDEST = 32
"""Registers that a transmitter gives in one answer; some give no more."""


class Span(msgspec.Struct, frozen=True):
    """Registers asked for at once: function 3 or 4, address of the first, how many."""

    function: Literal[3, 4]
    address: int
    count: int


class MassRegister(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Where the gross mass is, of what kind, and what one step of it weighs."""

    register: Reference
    kind: Kind = "s32"
    word_order: WordOrder = "high_first"
    kg_per_step: Annotated[float, msgspec.Meta(gt=0.0)] = 1.0

    def __post_init__(self) -> None:
        """Refuse a reference between the tables."""
        _check_reference(self.register)

    @property
    def words(self) -> int:
        """Return how many registers it fills."""
        return 1 if self.kind.endswith("16") else 2


class StatusRegister(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What the bits of the status register mean; a meaning may have several or none.

    ``stable``: the load rests when one of these is set. ``moving``: it does not.
    ``negative``: the mass is a magnitude and below zero. ``out_of_range`` and
    ``device``: there is no mass. ``well``: there is none unless all of these are set.
    """

    register: Reference
    stable: tuple[Bit, ...] = ()
    moving: tuple[Bit, ...] = ()
    negative: tuple[Bit, ...] = ()
    out_of_range: tuple[Bit, ...] = ()
    device: tuple[Bit, ...] = ()
    well: tuple[Bit, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a reference between the tables."""
        _check_reference(self.register)


class RegisterMap(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The registers of one transmitter."""

    mass: MassRegister
    status: StatusRegister | None = None
    unit: Annotated[int, msgspec.Meta(ge=1, le=247)] = 1

    @property
    def spans(self) -> tuple[Span, ...]:
        """Return what to ask for: all at once where the registers lie close.

        >>> laumas = RegisterMap(
        ...     mass=MassRegister(register=40008, kind="u32"),
        ...     status=StatusRegister(register=40007, stable=(11,), negative=(7,)),
        ... )
        >>> laumas.spans
        (Span(function=3, address=6, count=3),)
        """
        mass = Span(*_place(self.mass.register), self.mass.words)
        if self.status is None:
            return (mass,)
        status = Span(*_place(self.status.register), 1)
        first = min(mass.address, status.address)
        count = max(mass.address + mass.count, status.address + 1) - first
        if mass.function == status.function and count <= _WIDEST:
            return (Span(mass.function, first, count),)
        return (mass, status)

    def read(self, values: Mapping[tuple[int, int], int]) -> ScaleReading | ScaleFault:
        """Return what the registers say.

        Args:
            values: function and address of every register of :attr:`spans` → its value.
        """
        status = self.status
        state = 0 if status is None else values[_place(status.register)]
        if status is not None and (fault := _fault(status, state)):
            return fault
        function, address = _place(self.mass.register)
        words = [values[function, address + k] for k in range(self.mass.words)]
        if self.mass.word_order == "low_first":
            words.reverse()
        packed = b"".join(word.to_bytes(2, "big") for word in words)
        (figure,) = struct.unpack(_FORMATS[self.mass.kind], packed)
        if not math.isfinite(figure):
            return ScaleFault(reason="device")
        mass_kg = figure * self.mass.kg_per_step
        if status is not None and _any(state, status.negative):
            mass_kg = -abs(mass_kg)
        return ScaleReading(mass_kg=mass_kg, stable=_stable(status, state))

    def write(
        self,
        mass_kg: float,
        *,
        stable: bool = True,
        out_of_range: bool = False,
        device: bool = False,
    ) -> dict[tuple[int, int], int]:
        """Return the registers of a transmitter that shows a mass: its other side.

        Raises:
            ValueError: the mass does not fit its kind.
        """
        status, kind = self.status, self.mass.kind
        bits: tuple[int, ...] = ()
        if status is not None:
            bits += status.stable if stable else status.moving
            bits += status.well
            bits += status.out_of_range[:1] if out_of_range else ()
            bits += status.device[:1] if device else ()
            bits += status.negative if mass_kg < 0.0 else ()
        figure = mass_kg / self.mass.kg_per_step
        if status is not None and status.negative:
            figure = abs(figure)
        try:
            exact = figure if kind == "f32" else round(figure)
            packed = struct.pack(_FORMATS[kind], exact)
        except (struct.error, OverflowError) as error:
            message = f"mass_kg {mass_kg} does not fit a register of kind {kind}"
            raise ValueError(message) from error
        words = [int.from_bytes(packed[k : k + 2]) for k in range(0, len(packed), 2)]
        if self.mass.word_order == "low_first":
            words.reverse()
        function, address = _place(self.mass.register)
        values: dict[tuple[int, int], int] = {
            (function, address + k): word for k, word in enumerate(words)
        }
        if status is not None:
            values[_place(status.register)] = sum(1 << bit for bit in set(bits))
        return values


def _check_reference(register: int) -> None:
    if not (30001 <= register <= 39998 or 40001 <= register <= 49998):
        message = f"register {register} must be 30001 to 39998 or 40001 to 49998"
        raise ValueError(message)


def _place(register: int) -> tuple[Literal[3, 4], int]:
    """Return function and address of a reference."""
    return (3, register - 40001) if register > 40000 else (4, register - 30001)


def _any(state: int, bits: tuple[int, ...]) -> bool:
    return any(state >> bit & 1 for bit in bits)


def _fault(status: StatusRegister, state: int) -> ScaleFault | None:
    if _any(state, status.device):
        return ScaleFault(reason="device", code=state)
    if _any(state, status.out_of_range):
        return ScaleFault(reason="out_of_range", code=state)
    if not all(state >> bit & 1 for bit in status.well):
        return ScaleFault(reason="device", code=state)
    return None


def _stable(status: StatusRegister | None, state: int) -> bool | None:
    if status is None or not (status.stable or status.moving):
        return None
    if _any(state, status.moving):
        return False
    return _any(state, status.stable) if status.stable else True
