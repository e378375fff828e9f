"""Asks a device question after question and makes one reading of the answers.

It opens no port and reads no clock: it says which bytes to send when it is told the
time. At most one question is open; an answer that does not come in time is counted,
and the round begins again.
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from wim.protocols.noise import LineNoise
from wim.protocols.readings import ScaleFault, ScaleReading
from wim.protocols.scanner import Scanner

__all__ = ["Poller"]

Answer = TypeVar("Answer")


class Poller(Generic[Answer]):
    """Rounds of questions to one scale; it never raises on data.

    Counters: ``missed`` answers that did not come in time, ``unasked`` answers that fit
    no open question.

    Args:
        questions: the bytes of each question of a round, at least one.
        scanner: cuts the answers out of the line.
        fits: whether an answer is one to the question of this number.
        conclude: what the answers to the first questions of a round say together; None
            if the round goes on.
        interval_s: the least time from the beginning of a round to the next.
        timeout_s: how long to wait for an answer.
    """

    def __init__(
        self,
        questions: Sequence[bytes],
        *,
        scanner: Scanner[Answer],
        fits: Callable[[int, Answer], bool],
        conclude: Callable[[Sequence[Answer]], ScaleReading | ScaleFault | None],
        interval_s: float,
        timeout_s: float,
    ) -> None:
        self.missed = 0
        self.unasked = 0
        self.interval_s = interval_s
        self._questions = tuple(questions)
        self._scanner = scanner
        self._fits = fits
        self._conclude = conclude
        self._timeout_s = timeout_s
        self._answers: list[Answer] = []
        self._noise: list[LineNoise] = []
        self._open = False
        self._asked_s = 0.0
        self._next_s = 0.0

    @property
    def counters(self) -> dict[str, int]:
        """Return what was counted, by name."""
        return {"answers_missed": self.missed, "answers_unasked": self.unasked}

    def ask(self, now_s: float) -> bytes:
        """Return what to send now, often nothing; ``now_s`` never goes back."""
        if self._open and now_s - self._asked_s >= self._timeout_s:
            self.missed += 1
            self._open = False
            self._answers.clear()
        if self._open or (not self._answers and now_s < self._next_s):
            return b""
        self._noise += self._scanner.give_up()  # what waits answers an older question
        if not self._answers:
            self._next_s = now_s + self.interval_s
        self._open, self._asked_s = True, now_s
        return self._questions[len(self._answers)]

    def receive(self, data: bytes) -> list[ScaleReading | ScaleFault | LineNoise]:
        """Take the next bytes and return what they complete, in order."""
        events: list[ScaleReading | ScaleFault | LineNoise] = [*self._noise]
        self._noise.clear()
        for event in self._scanner.receive(data):
            if isinstance(event, LineNoise):
                events.append(event)
            elif not self._open or not self._fits(len(self._answers), event):
                self.unasked += 1
            else:
                self._open = False
                self._answers.append(event)
                if (said := self._conclude(self._answers)) is not None:
                    self._answers.clear()
                    events.append(said)
        return events
