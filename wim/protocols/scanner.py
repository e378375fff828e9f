"""Cuts frames out of a stream of bytes and drops what fits none, a byte at a time.

It knows no protocol: a judge says of one place in the stream what stands there. It
raises nothing on data and never keeps more than one unfinished frame.
"""

from collections.abc import Callable
from typing import Generic, Literal, NamedTuple, TypeAlias, TypeVar

from wim.protocols.noise import LineNoise

__all__ = ["Frame", "Judge", "Scanner", "Verdict"]

Event = TypeVar("Event")


class Frame(NamedTuple, Generic[Event]):
    """A whole frame: how many bytes it has, and what it says."""

    size: int
    event: Event


Verdict: TypeAlias = Frame[Event] | Literal["more", "garbage", "damaged"]
"""What stands at a place: a frame, the beginning of one, none, or a broken one."""

Judge: TypeAlias = Callable[[bytes, int], Verdict[Event]]
"""Takes the bytes at hand and a place in them. It may ask for more only while fewer
bytes than its longest frame follow that place: this bounds what is kept."""


class Scanner(Generic[Event]):
    """Bytes of the line in, events and noise out; it never raises on data.

    Counters: ``frames`` read, ``bad_checks`` of places where a frame began that failed
    its check, ``noise_bytes`` that belonged to no frame.
    """

    def __init__(self, judge: Judge[Event]) -> None:
        self.frames = 0
        self.bad_checks = 0
        self.noise_bytes = 0
        self._judge = judge
        self._pending = b""

    @property
    def pending_bytes(self) -> int:
        """Return how many bytes wait for the rest of their frame."""
        return len(self._pending)

    def receive(self, data: bytes) -> list[Event | LineNoise]:
        """Take the next bytes and return what they complete, in order."""
        buffer = self._pending + data
        events: list[Event | LineNoise] = []
        at = noise_from = 0
        damaged = False
        while at < len(buffer):
            verdict = self._judge(buffer, at)
            if verdict == "more":
                break
            if isinstance(verdict, Frame):
                if at > noise_from:
                    events.append(self._noise(at - noise_from, damaged=damaged))
                self.frames += 1
                events.append(verdict.event)
                at += verdict.size
                noise_from, damaged = at, False
            else:
                if verdict == "damaged":
                    self.bad_checks += 1
                    damaged = True
                at += 1
        if at > noise_from:
            events.append(self._noise(at - noise_from, damaged=damaged))
        self._pending = buffer[at:]
        return events

    def give_up(self) -> list[LineNoise]:
        """Drop what waits: the rest of its frame will not come any more."""
        waiting, self._pending = len(self._pending), b""
        return [self._noise(waiting, damaged=True)] if waiting else []

    def _noise(self, n_bytes: int, *, damaged: bool) -> LineNoise:
        self.noise_bytes += n_bytes
        return LineNoise(n_bytes=n_bytes, reason="damaged" if damaged else "garbage")
