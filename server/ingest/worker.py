"""A worker: takes what waits at the broker, has it committed, and then says so.

The order is the promise: COMMIT, then the broker's PUBACK, then the signed receipt on
which the station's outbox forgets. What is cut off in between comes again and is found
to be a duplicate.
"""

import asyncio
import datetime as dt
from collections.abc import Callable

import msgspec
import structlog

from server.db.pool import DatabaseError
from server.ingest.intake import Intake, Outcome
from server.ingest.link import Address, Delivery, MqttLink
from wim.messages import AckMessage, encode, topic
from wim.seal import sign

__all__ = ["SHARED", "STATUS", "Worker"]

SHARED = tuple(
    f"$share/ingest-{leaf}/luheng/v1/+/{leaf}"
    for leaf in ("passage", "weighing", "evidence")
)
"""One group a topic: the iotcore broker keeps one place in the log for a whole group,
and a group of several topics loses messages of all but one."""
STATUS = "luheng/v1/+/status"
"""Not shared: retained messages come only to subscriptions that are not."""

_LARGEST_BATCH = 200
_SWEEP_EVERY_S = 60.0
_log = structlog.get_logger(__name__)


class Worker:
    """One session with the broker and one transaction at a time.

    Args:
        address: the broker.
        client_id: this worker's stable name at the broker.
        intake: what stores the messages.
        private_key: the centre's, for the receipts.
        clock: tells the present instant.
    """

    def __init__(
        self,
        address: Address,
        *,
        client_id: str,
        intake: Intake,
        private_key: bytes,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._intake = intake
        self._private_key = private_key
        self._clock = clock
        self._waiting: asyncio.Queue[Delivery] = asyncio.Queue()
        self._session = 0
        self._link = MqttLink(
            address,
            client_id=client_id,
            topics=(*SHARED, STATUS),
            most_unacknowledged=_LARGEST_BATCH,
            on_delivery=self._receive,
        )

    @property
    def connected(self) -> bool:
        """Whether messages can come."""
        return self._link.connected

    async def wait_until_subscribed(self) -> None:
        """Return once messages can come."""
        await self._link.wait_until_subscribed()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._link.run())
            group.create_task(self._work())
            group.create_task(self._sweep())

    async def _work(self) -> None:
        """Take what is there, at once: a batch is what came during the last one."""
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < _LARGEST_BATCH and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            try:
                await self._take(batch)
            except Exception:  # noqa: BLE001 - a task's loop; no receipt was sent
                _log.exception("batch failed", messages=len(batch))
                await self._take_singly(batch)

    async def _take(self, batch: list[Delivery]) -> None:
        outcomes = await self._intake.take([(one.topic, one.payload) for one in batch])
        for one in batch:
            self._link.acknowledge(one)
        for outcome in outcomes:
            self._send_receipt(outcome)

    async def _take_singly(self, batch: list[Delivery]) -> None:
        """Let a message that runs into a fault of this program hold up no other.

        The broker is rid of it, but without a receipt its station keeps it and sends
        it again.
        """
        for one in batch:
            try:
                await self._take([one])
            except Exception:  # noqa: BLE001 - a task's loop; no receipt was sent
                _log.exception("message not taken", topic=one.topic)
                self._link.acknowledge(one)

    def _receive(self, delivery: Delivery) -> None:
        """Let a message wait; those of an earlier session come again on this one."""
        if delivery.session != self._session:
            self._session = delivery.session
            while not self._waiting.empty():
                self._waiting.get_nowait()
        self._waiting.put_nowait(delivery)

    def _send_receipt(self, outcome: Outcome) -> None:
        if outcome.station_id is None:
            return
        unsigned = AckMessage(
            station_id=outcome.station_id,
            payload_sha256=outcome.digest,
            outcome=outcome.outcome,
            reason=outcome.reason,
            acked_at=self._clock(),
        )
        signature = sign(unsigned, self._private_key)
        receipt = msgspec.structs.replace(unsigned, signature=signature)
        self._link.publish(topic(outcome.station_id, "ack"), encode(receipt))

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_EVERY_S)
            try:
                swept = await self._intake.sweep()
            except DatabaseError as error:
                _log.warning("sweep not done", error=str(error).strip())
            else:
                if swept:
                    _log.warning("manifests without a subject", quarantined=swept)
