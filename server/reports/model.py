"""Figures that the alert wall shows, each with its definition.

It keeps nothing: every figure is counted from the rows when it is asked for.
"""

import datetime as dt

import msgspec

__all__ = ["DayFigures", "HourFigures", "MassPoint"]


class HourFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Passages by the hour in which they passed; ``overloaded`` as in the day."""

    begins_at: dt.datetime
    passages: int
    judged: int
    overloaded: int
    hundred_tonne: int


class DayFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One day's figures.

    ``passages`` passed in the span, whatever they were. ``judged`` of them are valid
    and have a verdict of the centre; ``overloaded`` of those are overloaded by it, and
    ``hundred_tonne`` of the overloaded carry that mark. ``records_open`` await a step
    now, whenever they were opened; ``cases`` were opened in the span.
    """

    hours: tuple[HourFigures, ...]
    records_open: int
    cases: int

    @property
    def passages(self) -> int:
        """All passages of the day."""
        return sum(hour.passages for hour in self.hours)

    @property
    def overloaded(self) -> int:
        """Valid passages that the centre found overloaded."""
        return sum(hour.overloaded for hour in self.hours)

    @property
    def hundred_tonne(self) -> int:
        """Overloaded passages with the mark of 百吨王."""
        return sum(hour.hundred_tonne for hour in self.hours)

    @property
    def overloaded_share(self) -> float | None:
        """Overloaded over judged passages, None when none was judged."""
        judged = sum(hour.judged for hour in self.hours)
        return self.overloaded / judged if judged else None


class MassPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One passage as a point of gross mass over time."""

    passage_id: str
    station_id: str
    lane: int
    passed_at: dt.datetime
    gross_mass_kg: float
    plate: str | None
    trailer_plate: str | None
    valid: bool
    overloaded: bool | None
    hundred_tonne: bool
    record_id: int | None
