"""One simulated scale at the end of a pseudo-terminal, in time and with its moods.

It knows no protocol; what is shown and said comes from elsewhere.
"""

import threading
from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from simulators.clock import Pace
from simulators.pseudo_terminal import PseudoTerminal
from simulators.scales.display import Display
from simulators.scales.indicators import Indicator

__all__ = ["MOODS", "Mood", "ScaleLine"]

Mood: TypeAlias = Literal["well", "silent", "wrong"]
"""``wrong``: of every frame one byte gets lost, another each time."""

MOODS: tuple[Mood, ...] = ("well", "silent", "wrong")
_LISTENING_S = 0.005


class ScaleLine:
    """The line of one scale; run :meth:`run` in a thread.

    ``mood`` may be set at any time, from any thread.
    """

    def __init__(
        self,
        line: PseudoTerminal,
        indicator: Indicator,
        display: Callable[[float], Display],
        *,
        pace: Pace,
        rng: np.random.Generator,
    ) -> None:
        self.mood: Mood = "well"
        self._line = line
        self._indicator = indicator
        self._display = display
        self._pace = pace
        self._rng = rng

    def run(self, stop: threading.Event) -> None:
        """Talk, or listen and answer, until told to stop."""
        period_s = self._indicator.period_s
        while not stop.wait(period_s or _LISTENING_S):
            display = self._display(self._pace.elapsed_s())
            if period_s is not None:
                self._send(self._indicator.say(display))
            elif heard := self._line.read():
                self._send(self._indicator.hear(heard, display))

    def _send(self, frame: bytes) -> None:
        if not frame or self.mood == "silent":
            return
        if self.mood == "wrong":
            lost = int(self._rng.integers(len(frame)))
            frame = frame[:lost] + frame[lost + 1 :]
        self._line.write(frame)
