"""The law of a record, as one table: state and event → next state and role.

Pure: it knows no database and no clock. The same table stands in the database
(``review_law``), and a test holds the two against each other.
"""

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from server.errors import Conflict, NotAllowed
from server.review.model import (
    Barred,
    Outcome,
    RecordState,
    RejectReason,
    ReviewStep,
    Step,
)

__all__ = [
    "FINAL",
    "FIRST",
    "TABLE",
    "Event",
    "Transition",
    "barred",
    "check_reason",
    "hide_blind",
    "next_step",
    "take",
]

Event: TypeAlias = tuple[Step, Outcome]


class Transition(NamedTuple):
    """Where an event leads, and whose it is."""

    state: RecordState
    role: str


FIRST: RecordState = "awaiting_first_review"

TABLE: dict[tuple[RecordState, Event], Transition] = {
    ("awaiting_first_review", ("first_review", "pass")): Transition(
        "awaiting_second_review", "reviewer"
    ),
    ("awaiting_first_review", ("first_review", "reject")): Transition(
        "first_review_rejected", "reviewer"
    ),
    ("awaiting_second_review", ("second_review", "pass")): Transition(
        "awaiting_judgement", "reviewer"
    ),
    ("awaiting_second_review", ("second_review", "reject")): Transition(
        "second_review_rejected", "reviewer"
    ),
    ("awaiting_judgement", ("judgement", "file")): Transition("filed", "decider"),
    ("awaiting_judgement", ("judgement", "not_pursued")): Transition(
        "not_pursued", "decider"
    ),
}

FINAL: frozenset[RecordState] = frozenset(
    {t.state for t in TABLE.values()} - {state for state, _ in TABLE}
)


def next_step(state: RecordState) -> Step | None:
    """Return the step that a state waits for, None at an end.

    >>> next_step("awaiting_second_review")
    'second_review'
    """
    return next((step for (at, (step, _)) in TABLE if at == state), None)


def take(
    state: RecordState,
    event: Event,
    *,
    roles: Iterable[str],
    account_id: int,
    earlier: Iterable[int],
) -> RecordState:
    """Return the state to which an event leads.

    Args:
        state: where the record is.
        event: step and outcome.
        roles: what the officer may do.
        account_id: who he is.
        earlier: who decided the earlier steps of this record.

    Raises:
        Conflict: the record does not wait for this step.
        NotAllowed: the officer lacks the role, or decided an earlier step.
    """
    transition = TABLE.get((state, event))
    if transition is None:
        waits = next_step(state)
        said = f"it waits for its {waits}" if waits else "it is at an end"
        message = f"the record is {state}: {said}, not for {event[0]} {event[1]}"
        raise Conflict(message)
    if transition.role not in roles:
        message = f"{event[0]} needs the role {transition.role}"
        raise NotAllowed(message, code="role")
    if account_id in earlier:
        message = "you have decided another step of this record; three people decide"
        raise NotAllowed(message, code="same_person")
    return transition.state


def check_reason(outcome: Outcome, reason: RejectReason | None) -> None:
    """Refuse a rejection without a reason, and a reason without a rejection.

    Raises:
        ValueError: outcome and reason do not fit together.
    """
    needed = outcome in {"reject", "not_pursued"}
    if needed and reason is None:
        message = f"outcome {outcome} needs a reason"
        raise ValueError(message)
    if not needed and reason is not None:
        message = f"outcome {outcome} takes no reason"
        raise ValueError(message)


def barred(
    state: RecordState,
    *,
    roles: Iterable[str],
    account_id: int,
    earlier: Iterable[int],
    lacking: bool,
) -> Barred | None:
    """Return why this viewer cannot take the next step, None when he can.

    With something lacking a judgement can still be ``not_pursued``; that is said as
    ``lacking`` too, last.
    """
    held = set(roles)
    for (at, _), transition in TABLE.items():
        if at == state:
            if transition.role not in held:
                return "role"
            if account_id in earlier:
                return "same_person"
            return "lacking" if lacking and state == "awaiting_judgement" else None
    return "final"


def hide_blind(
    steps: tuple[ReviewStep, ...], *, state: RecordState, blind: bool, viewer_id: int
) -> tuple[ReviewStep, ...]:
    """Hide the first review from everybody else while a blind second one is due."""
    if not blind or state != "awaiting_second_review":
        return steps
    return tuple(
        step if step.account_id == viewer_id else _hidden(step) for step in steps
    )


def _hidden(step: ReviewStep) -> ReviewStep:
    return ReviewStep(
        step=step.step,
        outcome=step.outcome,
        reason=None,
        remark="",
        account_id=None,
        account_name=None,
        simulated=step.simulated,
        at=step.at,
        hidden=True,
    )
