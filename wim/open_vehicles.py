"""A vehicle of a lane of which more may come, and how one looks at it."""

import math

from wim.samples import Lane
from wim.vehicles import Part
from wim.views import View

__all__ = ["OpenVehicle", "Views"]


class OpenVehicle:
    """A vehicle that is not closed yet.

    ``begun_s`` and ``ended_s`` say between which times its axles crossed the row that
    it reached first; ``stands`` is until when it may stand, counted from a number of
    pulses; ``leaves_s`` is when it has left, if the pulse that was the ``left``-th of
    the lane was its last; ``waiting`` are strips of that row on which a pulse was still
    under way when it ended; after ``overdue_s`` nothing is waited for. The first row
    missed one that is ``headless``. Where a row of vehicles was cut because it had
    become too long, ``cut_before`` and ``cut_behind`` are the vehicle behind that cut,
    so that it is known how close they were.
    """

    def __init__(
        self,
        *,
        begun_s: float,
        by_separator: bool,
        reverse: bool,
        headless: bool = False,
    ) -> None:
        self.begun_s = begun_s
        self.by_separator = by_separator
        self.reverse = reverse
        self.headless = headless
        self.ended_s: float | None = None
        self.overdue_s = math.inf
        self.told = False
        self.waiting: set[int] = set()
        self.last_entry_s = begun_s
        self.stands: tuple[int, float] | None = None
        self.left: int | None = None
        self.leaves_s = math.inf
        self.whole = True
        self.told_apart = True
        self.cut_before: Part | None = None
        self.cut_behind: Part | None = None


class Views:
    """A lane as its vehicles meet it: forward, backward, or without the first row."""

    def __init__(self, lane: Lane) -> None:
        self.forward = View.of(lane, reverse=False)
        self.backward = View.of(lane, reverse=True)
        self.headless = View.of(lane, reverse=False, first_row=1)

    def of(self, vehicle: OpenVehicle) -> View:
        """Return the rows that a vehicle crosses, in its order."""
        if vehicle.headless:
            return self.headless
        return self.backward if vehicle.reverse else self.forward
