"""From messages to committed rows, whatever is delivered twice, late or wrong.

One batch is one transaction. When the database is away it is tried again until it is
back, and nothing is said to be stored before. A message that cannot be stored for its
own fault goes to the quarantine after three tries; the rest of its batch goes on.
"""

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
import structlog

from server.audit import service as audit
from server.db.events import notify
from server.db.pool import Connection, DatabaseError, Pool, blames_the_row
from server.enterprises import store as enterprises
from server.evidence import store as evidence
from server.ingest.checks import Believed, Doubted, examine
from server.passages import store as passages
from server.review import service as review, store as review_store
from server.rules.book import RuleBook
from server.stations import store as stations
from server.stations.model import QuarantineCode, Registry
from wim.messages import (
    EvidenceManifest,
    PassageMessage,
    StatusMessage,
    WeighingMessage,
)

__all__ = ["LONGEST_WAIT", "Intake", "Outcome"]

LONGEST_WAIT = dt.timedelta(hours=24)
"""A manifest whose passage has not come by then is quarantined."""

_TRIES = 3
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_DAYS_REMEMBERED = 1_000
_NOT_UNDERSTOOD = (ValueError, TypeError, ArithmeticError, LookupError)
_log = structlog.get_logger(__name__)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one message.

    ``station_id`` is who gets the receipt, None when nobody does (a status, or an
    unknown station).
    """

    station_id: str | None
    digest: str
    outcome: Literal["stored", "duplicate", "quarantined"]
    reason: str | None = None


class Intake:
    """Stores batches of messages.

    Args:
        pool: the database.
        registry: the stations and their keys.
        rules: the verdict that counts.
        clock: tells the present instant.
    """

    def __init__(
        self,
        pool: Pool,
        registry: Registry,
        rules: RuleBook,
        *,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._pool = pool
        self._registry = registry
        self._rules = rules
        self._clock = clock
        self._days: set[dt.date] = set()

    async def take(self, messages: Sequence[tuple[str, bytes]]) -> list[Outcome]:
        """Store a batch of (topic, payload); return, in order, when it is committed."""
        now = self._clock()
        looked_at = [
            examine(topic, payload, registry=self._registry, now=now)
            for topic, payload in messages
        ]
        try:
            return await self._until_committed(looked_at)
        except _RowError as error:
            if len(looked_at) == 1:
                return [await self._give_up(looked_at[0], str(error))]
        return [outcome for one in messages for outcome in await self.take([one])]

    async def take_again(self, kept: stations.Quarantined) -> Outcome:
        """Take a quarantined message anew; if it is stored, it leaves the quarantine.

        Else nothing changes. The audit keeps that it lay there, and why.
        """
        one = examine(
            kept.topic, kept.payload, registry=self._registry, now=self._clock()
        )
        if isinstance(one, Doubted):
            return _quarantined(one, one.code, one.reason)
        try:
            await self._prepare_days([one])
            return await self._release(kept, one)
        except (DatabaseError, *_NOT_UNDERSTOOD) as error:
            if isinstance(error, DatabaseError) and not blames_the_row(error):
                raise
            return _quarantined(one, "not_storable", repr(error))

    async def _release(self, kept: stations.Quarantined, one: Believed) -> Outcome:
        async with self._pool.connection() as connection:
            (outcome,) = await self._store(connection, [one])
            if outcome.outcome == "quarantined":
                await connection.rollback()
                return outcome
            await stations.release(connection, kept.quarantine_id)
            await audit.append(
                connection,
                None,
                "message_requeued",
                subject_kind="quarantine",
                subject_id=str(kept.quarantine_id),
                details={
                    "topic": kept.topic,
                    "payload_sha256": one.digest,
                    "code": kept.code,
                    "outcome": outcome.outcome,
                },
                now=self._clock(),
            )
            await notify(connection, "station", one.station.station_id)
        return outcome

    async def sweep(self) -> int:
        """Quarantine manifests that have waited too long; return how many."""
        now = self._clock()
        async with self._pool.connection() as connection:
            overdue = await evidence.take_overdue(connection, before=now - LONGEST_WAIT)
            for waiting in overdue:
                found = examine(
                    waiting.topic, waiting.payload, registry=self._registry, now=now
                )
                reason = f"its passage or weighing has not come in {LONGEST_WAIT}"
                await self._quarantine(connection, found, "no_subject", reason)
        return len(overdue)

    async def _until_committed(
        self, looked_at: list[Believed | Doubted]
    ) -> list[Outcome]:
        pause_s = _FIRST_PAUSE_S
        faults = 0
        while True:
            try:
                await self._prepare_days(looked_at)
                return await self._commit(looked_at)
            except DatabaseError as error:
                if blames_the_row(error):
                    faults += 1
                    if faults == _TRIES or len(looked_at) > 1:
                        raise _RowError(" ".join(str(error).split())) from error
                    continue
                _log.warning(
                    "batch not committed",
                    messages=len(looked_at),
                    error=" ".join(str(error).split()),
                    retry_in_s=pause_s,
                )
            except _NOT_UNDERSTOOD as error:
                _log.exception("message not understood", messages=len(looked_at))
                raise _RowError(repr(error)) from error
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _prepare_days(self, looked_at: Sequence[Believed | Doubted]) -> None:
        """Make partitions before the batch, so that its locks stay small."""
        days = {
            one.message.passed_at.astimezone(dt.UTC).date()
            for one in looked_at
            if isinstance(one, Believed) and isinstance(one.message, PassageMessage)
        } - self._days
        for day in sorted(days):
            async with self._pool.connection() as connection:
                await passages.prepare_day(connection, day)
        if len(self._days) > _DAYS_REMEMBERED:
            self._days.clear()
        self._days |= days

    async def _commit(self, looked_at: list[Believed | Doubted]) -> list[Outcome]:
        """Store a batch in one transaction."""
        async with self._pool.connection() as connection:
            return await self._store(connection, looked_at)

    async def _store(
        self, connection: Connection, looked_at: Sequence[Believed | Doubted]
    ) -> list[Outcome]:
        """Store a batch in an order that all workers share."""
        outcomes: dict[int, Outcome] = {}
        numbers: dict[str, list[int]] = {}
        for index in sorted(range(len(looked_at)), key=lambda i: _order(looked_at[i])):
            one = looked_at[index]
            outcome = await self._settle(connection, one)
            outcomes[index] = outcome
            if outcome.outcome == "stored" and isinstance(one, Believed):
                _note_number(numbers, one)
        for station_id, sequences in sorted(numbers.items()):
            await stations.count_stored(
                connection, station_id, sequences, now=self._clock()
            )
        return [outcomes[index] for index in range(len(looked_at))]

    async def _settle(self, connection: Connection, one: Believed | Doubted) -> Outcome:
        if isinstance(one, Doubted):
            return await self._quarantine(connection, one, one.code, one.reason)
        match one.message:
            case PassageMessage():
                return await self._settle_passage(connection, one, one.message)
            case WeighingMessage():
                return await self._settle_weighing(connection, one, one.message)
            case EvidenceManifest():
                return await self._settle_manifest(connection, one, one.message)
            case StatusMessage():
                return await self._settle_status(connection, one, one.message)

    async def _settle_passage(
        self, connection: Connection, one: Believed, message: PassageMessage
    ) -> Outcome:
        now = self._clock()
        await passages.lock_subject(connection, message.passage_id)
        found = self._rules.judge(message)
        if not await passages.enter(
            connection,
            message,
            payload_sha256=one.digest,
            alert=found.alert,
            now=now,
        ):
            return await self._taken(
                connection, one, message.passage_id, message.sequence
            )
        await passages.insert(
            connection,
            message,
            one.payload,
            payload_sha256=one.digest,
            verdict=found.verdict,
            verdict_problem=found.problem,
            bands=found.bands,
            now=now,
        )
        await passages.add_plates(
            connection, message.passage_id, message.plate_readings
        )
        await evidence.announce(
            connection,
            message.passage_id,
            message.station_id,
            message.evidence,
            in_manifest=False,
            now=now,
        )
        if found.alert:
            blind = "hundred_tonne" in found.bands
            await review.open_record(
                connection, message.passage_id, blind=blind, now=now
            )
            await notify(connection, "alert", message.passage_id)
        await notify(connection, "passage", message.passage_id)
        await self._take_waiting(connection, message.passage_id)
        return _stored(one)

    async def _settle_weighing(
        self, connection: Connection, one: Believed, message: WeighingMessage
    ) -> Outcome:
        now = self._clock()
        await passages.lock_subject(connection, message.weighing_id)
        if not await enterprises.enter(
            connection, message, one.payload, payload_sha256=one.digest, now=now
        ):
            return await self._taken(
                connection, one, message.weighing_id, message.sequence
            )
        await enterprises.add_plates(
            connection, message.weighing_id, message.plate_readings
        )
        await evidence.announce(
            connection,
            message.weighing_id,
            message.station_id,
            message.evidence,
            in_manifest=False,
            now=now,
        )
        await self._take_waiting(connection, message.weighing_id)
        return _stored(one)

    async def _taken(
        self,
        connection: Connection,
        one: Believed,
        subject_id: str,
        sequence: int,
    ) -> Outcome:
        """Say what it means that an id or a number was taken already."""
        passage = await passages.entered(connection, subject_id)
        known = passage or await enterprises.entered(connection, subject_id)
        if known is None:
            reason = f"another message has the number {sequence} of this station"
            return await self._quarantine(connection, one, "sequence_taken", reason)
        if known.payload_sha256 == one.digest:
            return _stored(one, outcome="duplicate")
        reason = (
            f"{known.subject_id} is stored with other bytes, {known.payload_sha256}"
        )
        return await self._quarantine(connection, one, "other_bytes", reason)

    async def _settle_manifest(
        self, connection: Connection, one: Believed, message: EvidenceManifest
    ) -> Outcome:
        now = self._clock()
        subject_id = message.subject_id
        await passages.lock_subject(connection, subject_id)
        passage = await passages.entered(connection, subject_id)
        subject = passage or await enterprises.entered(connection, subject_id)
        if subject is None:
            new = await evidence.keep_waiting(
                connection,
                message,
                one.payload,
                topic=one.topic,
                payload_sha256=one.digest,
                now=now,
            )
            return _stored(one, outcome="stored" if new else "duplicate")
        if subject.station_id != message.station_id:
            reason = f"{subject_id} is of another station"
            return await self._quarantine(connection, one, "other_subject", reason)
        if subject.payload_sha256 != message.subject_hash:
            reason = f"{subject_id} has the hash {subject.payload_sha256}"
            return await self._quarantine(connection, one, "other_subject", reason)
        known = await evidence.manifest(connection, subject_id)
        if known is not None:
            if known.payload_sha256 == one.digest:
                return _stored(one, outcome="duplicate")
            reason = f"{subject_id} has another manifest, {known.payload_sha256}"
            return await self._quarantine(connection, one, "other_bytes", reason)
        await evidence.insert_manifest(
            connection, message, one.payload, payload_sha256=one.digest, now=now
        )
        await evidence.announce(
            connection,
            subject_id,
            message.station_id,
            message.items,
            in_manifest=True,
            now=now,
        )
        add_plates = passages.add_plates if passage else enterprises.add_plates
        await add_plates(connection, subject_id, message.plate_readings)
        record_id = await review_store.of_passage(connection, subject_id)
        if record_id is not None:
            await notify(connection, "record", str(record_id))
        return _stored(one)

    async def _settle_status(
        self, connection: Connection, one: Believed, message: StatusMessage
    ) -> Outcome:
        taken = await stations.put_status(connection, message, now=self._clock())
        if taken:
            await notify(connection, "station", message.station_id)
        return Outcome(
            station_id=None,
            digest=one.digest,
            outcome="stored" if taken else "duplicate",
        )

    async def _take_waiting(self, connection: Connection, subject_id: str) -> None:
        """Settle manifests that came before their subject; they have had receipts."""
        for waiting in await evidence.take_waiting(connection, subject_id):
            one = examine(
                waiting.topic,
                waiting.payload,
                registry=self._registry,
                now=self._clock(),
            )
            await self._settle(connection, one)

    async def _give_up(self, one: Believed | Doubted, error: str) -> Outcome:
        """Quarantine a message that the database will not take."""
        reason = f"it could not be stored: {error}"
        while True:
            try:
                async with self._pool.connection() as connection:
                    return await self._quarantine(
                        connection, one, "not_storable", reason
                    )
            except DatabaseError as away:
                _log.warning("quarantine not committed", error=str(away).strip())
            await asyncio.sleep(_LONGEST_PAUSE_S)

    async def _quarantine(
        self,
        connection: Connection,
        one: Believed | Doubted,
        code: QuarantineCode,
        reason: str,
    ) -> Outcome:
        quarantine_id = await stations.put_quarantined(
            connection,
            topic=one.topic,
            station_id=_station_id(one),
            sequence=_number(one),
            code=code,
            reason=reason,
            payload=one.payload,
            payload_sha256=one.digest,
            now=self._clock(),
        )
        await notify(connection, "quarantine", str(quarantine_id))
        _log.warning(
            "message quarantined",
            topic=one.topic,
            code=code,
            reason=reason,
            payload_sha256=one.digest,
        )
        return _quarantined(one, code, reason)


class _RowError(Exception):
    """The database refuses a row of the batch for its own fault."""


def _order(one: Believed | Doubted) -> tuple[str, int]:
    """Sort by what a message is about, a passage before its manifest."""
    if isinstance(one, Doubted):
        return (one.topic, 3)
    match one.message:
        case PassageMessage(passage_id=subject):
            return (subject, 0)
        case WeighingMessage(weighing_id=subject):
            return (subject, 0)
        case EvidenceManifest(subject_id=subject):
            return (subject, 1)
        case StatusMessage(station_id=subject):
            return (subject, 2)


def _note_number(numbers: dict[str, list[int]], one: Believed) -> None:
    if isinstance(one.message, PassageMessage | WeighingMessage):
        sequences = numbers.setdefault(one.station.station_id, [])
        sequences.append(one.message.sequence)


def _number(one: Believed | Doubted) -> int | None:
    """Return the number that a signed message carries, if a table can hold it."""
    if isinstance(one, Doubted):
        return one.sequence
    number = getattr(one.message, "sequence", None)
    return number if isinstance(number, int) and number < 2**63 else None


def _station_id(one: Believed | Doubted) -> str | None:
    return one.station.station_id if isinstance(one, Believed) else one.station_id


def _quarantined(one: Believed | Doubted, code: QuarantineCode, reason: str) -> Outcome:
    return Outcome(
        station_id=_station_id(one),
        digest=one.digest,
        outcome="quarantined",
        reason=f"{code}: {reason}",
    )


def _stored(
    one: Believed, *, outcome: Literal["stored", "duplicate"] = "stored"
) -> Outcome:
    return Outcome(
        station_id=one.station.station_id, digest=one.digest, outcome=outcome
    )
