"""Three simulated officers who review, judge and file over HTTP, like people would.

They leave the first review of a part of the records undone, so that whoever watches
the demo finds some to review; what a person has begun they finish, and vehicles of 100
tonnes and more are never left lying. They judge nothing by the truth: they see what the
pages show.
"""

import threading
from typing import Any, NamedTuple

import httpx
import structlog

from simulators.demo.desk import Desk, RefusedError

__all__ = ["OFFICERS", "Officer", "Officers"]

_CONFLICT = 409
_LEFT_FOR_PEOPLE = 3  # every third record that is no hundred-tonner
_log = structlog.get_logger(__name__)


class Officer(NamedTuple):
    """One simulated officer: account, role and the step that is his."""

    account: str
    role: str
    state: str
    step: str
    outcome: str


OFFICERS = (
    Officer("sim-first", "reviewer", "awaiting_first_review", "first-review", "pass"),
    Officer(
        "sim-second", "reviewer", "awaiting_second_review", "second-review", "pass"
    ),
    Officer("sim-decider", "decider", "awaiting_judgement", "judgement", "file"),
)


class Officers:
    """The three at their desks, each in a thread of its own."""

    def __init__(self, page: str, passwords: dict[str, str], *, pause_s: float) -> None:
        self._stopping = threading.Event()
        self._pause_s = pause_s
        self.failures: list[str] = []
        self._threads = [
            threading.Thread(
                target=self._work,
                args=(officer, Desk(page, officer.account, passwords[officer.account])),
                name=officer.account,
                daemon=True,
            )
            for officer in OFFICERS
        ]

    def start(self) -> None:
        """Let them begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Send them home."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(5.0)

    def _work(self, officer: Officer, desk: Desk) -> None:
        with desk:
            while not self._stopping.wait(self._pause_s):
                try:
                    self._round(officer, desk)
                except (httpx.TransportError, RefusedError) as error:
                    if not self._stopping.is_set():
                        _log.warning(
                            "officer met an error",
                            officer=officer.account,
                            error=str(error),
                        )

    def _round(self, officer: Officer, desk: Desk) -> None:
        for record in desk.get("/api/records", state=officer.state):
            if self._stopping.is_set():
                return
            if record["state"] != OFFICERS[0].state or is_theirs(record):
                self._decide(officer, desk, record["record_id"])

    def _decide(self, officer: Officer, desk: Desk, record_id: int) -> None:
        record = desk.get(f"/api/records/{record_id}")
        if record["lacking"]:
            return  # the evidence is still on its way
        body = {"outcome": officer.outcome, "reason": None, "remark": ""}
        try:
            desk.post(f"/api/records/{record_id}/{officer.step}", body)
        except RefusedError as refused:
            if refused.status != _CONFLICT:  # somebody was quicker: fine
                self.failures.append(f"{officer.account}: {refused}")
                raise


def is_theirs(record: dict[str, Any]) -> bool:
    """Tell whether the simulated officers begin with this record by themselves."""
    passage = record["passage"]
    return bool(passage["hundred_tonne"]) or record["record_id"] % _LEFT_FOR_PEOPLE != 0
