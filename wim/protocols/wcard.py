"""FHWA W-card: one line of a file for each weighed vehicle, in fixed columns.

=========  ===========================================================================
columns    field
=========  ===========================================================================
1          ``W``
2-3        FIPS code of the state
4-9        station
10         direction: 1 north, clockwise in eighths to 8 north-west; 9 and 0 for both
           directions of a north-south and an east-west road together
11         lane: 1 is the outer (rightmost) one, 2 to 9 the others inwards; 0 all
12-15      year, local time like all that follows
16-17      month
18-19      day
20-21      hour, 0 to 23
22-23      vehicle class 1 to 15; 15 is unclassified
24-26      open to the agency's own use
27-32      gross weight, lb
33-34      number of axles, n
35-39      weight of the first axle, lb
40-43      its spacing to the next, 0.1 ft
44-48      weight of the second axle, lb, and so on: 9 columns for each further axle
=========  ===========================================================================

Figures stand to the right, filled with noughts or blanks. This is the layout with
weights in pounds of the FHWA Traffic Monitoring Guide, truck weight data in fixed
columns; that of its 2001 edition (table 6-5-1) has other columns and is not read.
Inside, masses are kilogrammes and lengths metres; what was written here is the same to
the letter when it is read and written again.

It opens no file: bytes in, cards and faults out, and back. A card is never guessed: a
line that contradicts itself is a fault with its line and column.
"""

import datetime as dt
import re
from typing import Literal, TypeAlias

import msgspec

__all__ = ["CardFault", "Decoder", "Event", "WCard", "encode", "fhwa_class"]
__all__ += ["check_place", "fhwa_lane"]

_KG_PER_LB = 0.45359237
_M_PER_TENTH_FT = 0.03048
_MOST_AXLES = 25
_FIRST_AXLE = 35
_AXLE_COLUMNS = 9
_SHORTEST = 34 + _AXLE_COLUMNS * 2 - 4
_LONGEST = 34 + _AXLE_COLUMNS * _MOST_AXLES - 4
_LONGEST_LINE = 2 * _LONGEST
"""Beyond this nothing of a line is kept; trailing blanks may make it longer."""
_ROUNDING_LB = 50.0
"""How far each axle may be off the gross weight: many agencies round to 100 lb."""
_FIGURE = re.compile(r" *[0-9]+")
_STATION = re.compile(r"[0-9A-Z ]{6}")


class WCard(msgspec.Struct, frozen=True, kw_only=True):
    """One weighed vehicle.

    ``hour`` is the local hour of the day that its passing began in.

    Raises:
        ValueError: a figure that no card can carry.
    """

    state: str
    station: str
    direction: int
    lane: int
    date: dt.date
    hour: int
    fhwa_class: int
    gross_mass_kg: float
    axle_loads_kg: tuple[float, ...]
    axle_spacings_m: tuple[float, ...]
    agency: str = "   "

    def __post_init__(self) -> None:
        """Refuse what does not fit its columns."""
        check_place(state=self.state, station=self.station, direction=self.direction)
        if not re.fullmatch("[ -~]{3}", self.agency):
            message = f"agency '{self.agency}' must be 3 characters"
            raise ValueError(message)
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not low <= value <= high:
                message = f"{name} {value} must be {low} to {high}"
                raise ValueError(message)
        axles = len(self.axle_loads_kg)
        if not 2 <= axles <= _MOST_AXLES or len(self.axle_spacings_m) != axles - 1:
            message = (
                f"{axles} axles and {len(self.axle_spacings_m)} spacings: a card has 2 "
                f"to {_MOST_AXLES} axles and one spacing fewer"
            )
            raise ValueError(message)
        for name, step, most in _FIGURES:
            value = getattr(self, name)
            for figure in value if isinstance(value, tuple) else (value,):
                if not 0 <= round(figure / step) <= most:
                    message = f"{name} {figure:g} does not fit its columns"
                    raise ValueError(message)


def check_place(*, state: str, station: str, direction: int) -> None:
    """Refuse what no card of a station can say.

    Args:
        state: FIPS code of two digits.
        station: 6 digits or capital letters.
        direction: of the traffic, 0 to 9.

    Raises:
        ValueError: it does not fit its columns; it is named.
    """
    if not re.fullmatch("[0-9]{2}", state):
        message = f"state '{state}' must be a FIPS code of two digits"
        raise ValueError(message)
    if not _STATION.fullmatch(station):
        message = f"station '{station}' must be 6 digits or capital letters"
        raise ValueError(message)
    if not 0 <= direction <= _LAST_DIRECTION:
        message = f"direction {direction} must be 0 to {_LAST_DIRECTION}"
        raise ValueError(message)


_LAST_DIRECTION = 9
_RANGES = (
    ("lane", 0, 9),
    ("hour", 0, 23),
    ("fhwa_class", 1, 15),
)
_FIGURES = (
    ("gross_mass_kg", _KG_PER_LB, 999_999),
    ("axle_loads_kg", _KG_PER_LB, 99_999),
    ("axle_spacings_m", _M_PER_TENTH_FT, 9_999),
)


class CardFault(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is no card: where, counted from 1, and why."""

    line: int
    column: int
    what: str


Event: TypeAlias = WCard | CardFault


class Decoder:
    """Bytes of a file in, cards and faults out; it never raises on data.

    Counters: ``cards``, ``faults``, ``lines``.
    """

    def __init__(self) -> None:
        self.cards = 0
        self.faults = 0
        self.lines = 0
        self._pending = b""

    def receive(self, data: bytes) -> list[Event]:
        """Take the next bytes and return the cards that they complete, in order."""
        *lines, rest = (self._pending + data).split(b"\n")
        self._pending = rest[: _LONGEST_LINE + 1]
        return [event for line in lines if (event := self._read(line)) is not None]

    def finish(self) -> list[Event]:
        """Return the last card, if the file does not end with a line's end."""
        last, self._pending = self._pending, b""
        event = self._read(last) if last else None
        return [] if event is None else [event]

    def _read(self, line: bytes) -> Event | None:
        """Return what one line says; None if it says nothing."""
        self.lines += 1
        text = line.decode("latin-1").rstrip()
        if not text:
            return None
        event = _card(text, self.lines)
        if isinstance(event, CardFault):
            self.faults += 1
        else:
            self.cards += 1
        return event


class _Spoiled(Exception):  # noqa: N818 -- leaves this file as a fault, not an error
    def __init__(self, column: int, what: str) -> None:
        super().__init__(what)
        self.column = column


def _card(text: str, line: int) -> Event:
    try:
        return _parse(text)
    except _Spoiled as spoiled:
        return CardFault(line=line, column=spoiled.column, what=str(spoiled))
    except ValueError as error:  # a figure that its columns can say and no card has
        return CardFault(line=line, column=1, what=str(error))


def _parse(text: str) -> WCard:
    if text[0] != "W":
        raise _Spoiled(1, f"'{text[0]}' is no W-card")
    if len(text) < _SHORTEST:
        what = f"ends here; a card has at least {_SHORTEST} columns"
        raise _Spoiled(len(text), what)
    axles = _figure(text, 33, 34)
    if not 2 <= axles <= _MOST_AXLES:
        raise _Spoiled(33, f"{axles} axles; expected 2 to {_MOST_AXLES}")
    columns = 34 + _AXLE_COLUMNS * axles - 4
    if len(text) != columns:
        what = f"ends here; {axles} axles need {columns} columns"
        raise _Spoiled(min(len(text), columns + 1), what)
    places = [_FIRST_AXLE + _AXLE_COLUMNS * k for k in range(axles)]
    loads_lb = [_figure(text, at, at + 4) for at in places]
    gross_lb = _figure(text, 27, 32)
    if abs(sum(loads_lb) - gross_lb) > _ROUNDING_LB * (axles + 1):
        what = f"gross weight {gross_lb} lb; its axles make {sum(loads_lb)} lb"
        raise _Spoiled(27, what)
    try:
        date = dt.date(*(_figure(text, *at) for at in ((12, 15), (16, 17), (18, 19))))
    except ValueError as error:
        raise _Spoiled(12, f"'{text[11:19]}' is no date") from error
    return WCard(
        state=text[1:3],
        station=text[3:9],
        direction=_figure(text, 10, 10),
        lane=_figure(text, 11, 11),
        date=date,
        hour=_figure(text, 20, 21),
        fhwa_class=_figure(text, 22, 23),
        agency=text[23:26],
        gross_mass_kg=gross_lb * _KG_PER_LB,
        axle_loads_kg=tuple(load_lb * _KG_PER_LB for load_lb in loads_lb),
        axle_spacings_m=tuple(
            _figure(text, at + 5, at + 8) * _M_PER_TENTH_FT for at in places[:-1]
        ),
    )


def _figure(text: str, first: int, last: int) -> int:
    """Return the figure in some columns, counted from 1, both included."""
    field = text[first - 1 : last]
    if not _FIGURE.fullmatch(field):
        raise _Spoiled(first, f"'{field}' is no figure")
    return int(field)


def encode(card: WCard) -> bytes:
    r"""Return the line of one card, with its end.

    >>> card = WCard(
    ...     state="06", station="000123", direction=3, lane=1,
    ...     date=dt.date(2026, 8, 1), hour=7, fhwa_class=5, gross_mass_kg=8164.66266,
    ...     axle_loads_kg=(3175.14659, 4989.51607), axle_spacings_m=(4.572,),
    ... )
    >>> encode(card)
    b'W0600012331202608010705   0180000207000015011000\n'
    """
    gross_lb = round(card.gross_mass_kg / _KG_PER_LB)
    text = f"W{card.state}{card.station}{card.direction}{card.lane}"
    date = card.date
    text += f"{date.year:04d}{date.month:02d}{date.day:02d}{card.hour:02d}"
    text += f"{card.fhwa_class:02d}{card.agency}"
    text += f"{gross_lb:06d}{len(card.axle_loads_kg):02d}"
    spacings = (
        "",
        *(f"{round(m / _M_PER_TENTH_FT):04d}" for m in card.axle_spacings_m),
    )
    for load_kg, spacing in zip(card.axle_loads_kg, spacings, strict=True):
        text += f"{spacing}{round(load_kg / _KG_PER_LB):05d}"
    return text.encode("ascii") + b"\n"


def fhwa_class(
    vehicle_class: Literal["rigid", "articulated", "centre_axle", "full_trailer"]
    | None,
    axles: int,
) -> int:
    """Return the class of the FHWA's thirteen that a truck is of; 15 if unknown.

    By units and axles: rigid 5, 6 and 7, with one trailer 8, 9 and 10.

    >>> fhwa_class("articulated", 5), fhwa_class("rigid", 2), fhwa_class(None, 5)
    (9, 5, 15)
    """
    if vehicle_class is None:
        return 15
    if vehicle_class == "rigid":
        return min(max(axles, 2), 4) + 3
    return min(max(axles, 4), 6) + 4


def fhwa_lane(lane: int, *, lanes: int) -> int:
    """Return the code of a lane that is counted from the left, as ours are.

    >>> fhwa_lane(1, lanes=3), fhwa_lane(3, lanes=3)
    (3, 1)

    Raises:
        ValueError: the road has no such lane, or more than nine.
    """
    if not 1 <= lane <= lanes <= 9:
        message = f"lane {lane} of {lanes}: expected 1 to {min(lanes, 9)}"
        raise ValueError(message)
    return lanes - lane + 1
