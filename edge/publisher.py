"""Carries the outbox to the broker, and believes only the centre's signed receipts.

It stores nothing and takes nothing from the outbox by itself: a broker's PUBACK, a
receipt with another key's signature or for other bytes changes nothing. The callbacks
of the client library only enqueue; one thread of ours does all the work.
"""

import queue
import ssl
import threading
import urllib.parse
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import structlog
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.clock import Clock
from edge.config import MqttConfig
from edge.errors import StorageError
from edge.outbox import Outbox, Row
from wim.errors import MessageError, SealError
from wim.messages import AckMessage, decode, topic
from wim.seal import check_signature

__all__ = ["Publisher"]

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_TICK_S = 0.5
_LONGEST_WAIT_S = 60.0
_LIVENESS_S = 60.0
"""So long without any receipt while rows are sent, and the client is made anew."""
_QUEUED = 10_000


class _Connected(NamedTuple):
    client: mqtt.Client
    session_present: bool


class _Refused(NamedTuple):
    client: mqtt.Client
    reason: str


class _Disconnected(NamedTuple):
    client: mqtt.Client
    reason: str


class _Published(NamedTuple):
    message_id: int
    failure: str | None


class _Receipt(NamedTuple):
    payload: bytes


class _Status(NamedTuple):
    payload: bytes


class _Wake(NamedTuple):
    """Something new is in the outbox, or it is time to stop."""


_Event: TypeAlias = (
    _Connected | _Refused | _Disconnected | _Published | _Receipt | _Status | _Wake
)


class _Flight(NamedTuple):
    """A row that was handed to the broker and waits for its receipt."""

    due_s: float
    attempts: int


class Publisher:
    """The MQTT side of one station."""

    def __init__(
        self,
        config: MqttConfig,
        *,
        station_id: str,
        server_key: str,
        outbox: Outbox,
        clock: Clock,
        last_will: bytes,
        on_receipt: Callable[[], None],
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._config = config
        self._station_id = station_id
        self._server_key = server_key
        self._outbox = outbox
        self._clock = clock
        self._last_will = last_will
        self._on_receipt = on_receipt
        self._log = structlog.get_logger("edge.publisher")
        self._events: queue.Queue[_Event] = queue.Queue(_QUEUED)
        self._flights: dict[str, _Flight] = {}
        self._connected = False
        self._alive_s = clock.monotonic_s()
        self._status: bytes | None = None
        self._stopping = threading.Event()
        self._client = self._make_client()
        self._network = self._make_network()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def start(self) -> None:
        """Connect, for ever again, and begin to carry."""
        self._network.start()
        self._thread.start()

    def wake(self) -> None:
        """Say that the outbox has something new."""
        self._enqueue(_Wake())

    def say(self, status: bytes) -> None:
        """Publish a status, retained, as soon as there is a connection."""
        self._enqueue(_Status(status))

    def stop(self, last_status: bytes, timeout_s: float = 3.0) -> None:
        """Say the last status, disconnect in order and end the threads."""
        self._enqueue(_Status(last_status))
        self._stopping.set()
        self._enqueue(_Wake())
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        self._client.disconnect()
        if self._network.is_alive():
            self._network.join(timeout_s)

    @property
    def connected(self) -> bool:
        """Return whether the broker has accepted us and not gone since."""
        return self._connected

    @property
    def alive(self) -> bool:
        """Return whether the carrying thread still runs."""
        return self._thread.is_alive()

    # ---------------------------------------------------------------- client

    def _make_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"luheng-{self._station_id}",
            protocol=mqtt.MQTTv5,
        )
        config = self._config
        if config.url.startswith("mqtts:"):
            context = ssl.create_default_context(cafile=config.ca)
            if config.certificate is not None:
                context.load_cert_chain(config.certificate, config.key)
            client.tls_set_context(context)
        if config.username is not None:
            client.username_pw_set(config.username, config.password)
        client.max_queued_messages_set(0)
        client.max_inflight_messages_set(config.window + 8)
        client.reconnect_delay_set(min_delay=1, max_delay=15)
        client.connect_timeout = 5.0
        client.will_set(
            topic(self._station_id, "status"), self._last_will, qos=1, retain=True
        )
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _make_network(self) -> threading.Thread:
        client = self._client
        return threading.Thread(
            target=self._keep_connected, args=(client,), name="mqtt", daemon=True
        )

    def _keep_connected(self, client: mqtt.Client) -> None:
        """Run the library's loop; it reconnects by itself until told to disconnect."""
        parts = urllib.parse.urlsplit(self._config.url)
        # paho leaves this one constructor without types
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._config.session_expiry_s
        try:
            client.connect_async(
                parts.hostname or "",
                parts.port or _PORTS[parts.scheme],
                keepalive=15,
                clean_start=False,
                properties=properties,
            )
            client.loop_forever(retry_first_connection=True)
        except Exception as error:  # noqa: BLE001 -- a thread's loop: logged, renewed
            self._log.exception("mqtt_thread_failed", error=str(error))
        if not self._stopping.is_set():
            self._enqueue(_Disconnected(client, "network thread ended"))

    def _on_connect(
        self,
        client: mqtt.Client,
        _userdata: object,
        flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._enqueue(_Refused(client, str(reason)))
        else:
            self._enqueue(_Connected(client, flags.session_present))

    def _on_disconnect(
        self,
        client: mqtt.Client,
        _userdata: object,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._enqueue(_Disconnected(client, str(reason)))

    def _on_publish(
        self,
        _client: mqtt.Client,
        _userdata: object,
        message_id: int,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._enqueue(
            _Published(message_id, str(reason) if reason.is_failure else None)
        )

    def _on_message(
        self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage
    ) -> None:
        self._enqueue(_Receipt(bytes(message.payload)))

    def _enqueue(self, event: _Event) -> None:
        try:
            self._events.put_nowait(event)
        except queue.Full:
            self.counters["mqtt_events_dropped"] += 1

    # ---------------------------------------------------------------- thread

    def _run(self) -> None:
        while True:
            events = self._next_events()
            try:
                self._handle(events)
                self._send()
                self._watch()
            except StorageError as error:
                self.counters["outbox_failures"] += 1
                self._log.warning("outbox_failed", error=str(error))
            except Exception as error:  # noqa: BLE001 -- a thread's loop: logged, counted
                self.counters["publisher_failures"] += 1
                self._log.exception("publishing_failed", error=str(error))
            if self._stopping.is_set() and self._events.empty():
                return

    def _next_events(self) -> list[_Event]:
        """Wait for events, at most a tick, and take all that are there."""
        events: list[_Event] = []
        try:
            events.append(self._events.get(timeout=_TICK_S))
            while len(events) < 1000:
                events.append(self._events.get_nowait())
        except queue.Empty:
            pass
        return events

    def _handle(self, events: list[_Event]) -> None:
        receipts: list[bytes] = []
        for event in events:
            match event:
                case _Connected(client, present) if client is self._client:
                    self._begin(session_present=present)
                case _Refused(client, reason) if client is self._client:
                    self.counters["connections_refused"] += 1
                    self._log.warning("broker_refused", reason=reason)
                case _Disconnected(client, reason) if client is self._client:
                    self._end(reason)
                case _Published(_, failure) if failure is not None:
                    self.counters["publishes_refused"] += 1
                    self._log.warning("broker_refused_message", reason=failure)
                case _Receipt(payload):
                    receipts.append(payload)
                case _Status(payload):
                    self._status = payload
                case _:
                    pass
        if receipts:
            self._believe(receipts)

    def _begin(self, *, session_present: bool) -> None:
        """A new connection: listen for receipts; a forgotten session is resent."""
        self._connected = True
        self._alive_s = self._clock.monotonic_s()
        self.counters["connections"] += 1
        self._client.subscribe(topic(self._station_id, "ack"), qos=1)
        if not session_present:
            self._flights.clear()
        self._log.info("broker_connected", session_present=session_present)

    def _end(self, reason: str) -> None:
        if self._connected:
            self._log.warning("broker_disconnected", reason=reason)
        self._connected = False

    def _send(self) -> None:
        """Hand the broker what is due, oldest first, a window at a time."""
        if not self._connected:
            return
        if self._status is not None:
            self._client.publish(
                topic(self._station_id, "status"), self._status, qos=1, retain=True
            )
            self._status = None
        now_s = self._clock.monotonic_s()
        for row in self._outbox.waiting(self._config.window):
            flight = self._flights.get(row.payload_sha256, _Flight(0.0, 0))
            if flight.due_s <= now_s:
                self._publish(row, flight.attempts, now_s)

    def _publish(self, row: Row, attempts: int, now_s: float) -> None:
        sent = self._client.publish(
            topic(self._station_id, row.leaf), row.payload, qos=1
        )
        if sent.rc != mqtt.MQTT_ERR_SUCCESS:
            return
        wait_s = min(self._config.ack_timeout_s * 2**attempts, _LONGEST_WAIT_S)
        self._flights[row.payload_sha256] = _Flight(now_s + wait_s, attempts + 1)
        self.counters["republished" if attempts else "published"] += 1

    def _believe(self, receipts: list[bytes]) -> None:
        """Check receipts and let go of what they are for."""
        stored: list[str] = []
        for payload in receipts:
            receipt = self._checked(payload)
            if receipt is None:
                continue
            self._alive_s = self._clock.monotonic_s()
            self._flights.pop(receipt.payload_sha256, None)
            if receipt.outcome == "quarantined":
                self._set_aside(receipt)
            else:
                stored.append(receipt.payload_sha256)
        if stored:
            left = self._outbox.receipted(stored)
            self.counters["receipted"] += left
            self.counters["receipts_unknown"] += len(stored) - left
            self._on_receipt()

    def _checked(self, payload: bytes) -> AckMessage | None:
        """Return a receipt that the centre signed for this station, or None."""
        try:
            check_signature(payload, self._server_key)
            receipt = decode(payload, AckMessage)
        except (SealError, MessageError) as error:
            self.counters["receipts_refused"] += 1
            self._log.warning("receipt_refused", error=str(error))
            return None
        if receipt.station_id != self._station_id:
            self.counters["receipts_refused"] += 1
            self._log.warning("receipt_refused", error="of another station")
            return None
        return receipt

    def _set_aside(self, receipt: AckMessage) -> None:
        reason = receipt.reason or "no reason given"
        if self._outbox.quarantined(receipt.payload_sha256, reason):
            self.counters["quarantined"] += 1
            self._log.error(
                "message_quarantined",
                payload_sha256=receipt.payload_sha256,
                reason=reason,
            )

    def _watch(self) -> None:
        """Make the client anew when its thread died, or no receipt comes at all."""
        if self._stopping.is_set():
            return
        now_s = self._clock.monotonic_s()
        waiting = self._connected and any(
            flight.attempts > 1 for flight in self._flights.values()
        )
        mute = waiting and now_s - self._alive_s > _LIVENESS_S
        if self._network.is_alive() and not mute:
            return
        self.counters["clients_renewed"] += 1
        self._log.warning("mqtt_client_renewed", mute=mute)
        self._client.disconnect()
        self._connected = False
        self._alive_s = now_s
        self._client = self._make_client()
        self._network = self._make_network()
        self._network.start()
