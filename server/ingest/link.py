"""One MQTT v5 session on the event loop, that comes back by itself.

paho does the protocol; the event loop does the reading and writing, so that there is
no network thread that could die unseen. It decides nothing about messages: it hands
them over, and acknowledges one only when told.
"""

import asyncio
import contextlib
import math
import socket
import ssl
import threading
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

import msgspec
import structlog
from paho.mqtt.client import Client, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from server.errors import ConfigError

__all__ = ["Address", "Delivery", "MqttLink", "parse_address"]

_KEEPALIVE_S = 20
_CONNECT_TIMEOUT_S = 5.0
_SUBSCRIBE_TIMEOUT_S = 15.0
_WINDOW = 20  # receipts on the way at once: what brokers allow by default
# a member of a shared subscription that is away still gets its share, which then waits
# for it: a worker that is gone for good must not keep messages from the others for long
_SESSION_S = 600
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_log = structlog.get_logger(__name__)


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where the broker is, and how to speak to it."""

    host: str
    port: int
    tls: bool
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


class Delivery(msgspec.Struct, frozen=True):
    """One message as it came; ``session`` numbers the connection that it came on."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    session: int


def parse_address(
    url: str,
    *,
    ca: str | None = None,
    certificate: str | None = None,
    key: str | None = None,
) -> Address:
    """Return the address in an ``mqtt://`` or ``mqtts://`` URL.

    >>> parse_address("mqtts://broker.example").port
    8883
    """
    parts = urlsplit(url)
    tls = parts.scheme == "mqtts"
    return Address(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or (8883 if tls else 1883),
        tls=tls,
        ca=ca,
        certificate=certificate,
        key=key,
    )


class MqttLink:
    """One session with a broker.

    Args:
        address: the broker.
        client_id: stable over restarts: the broker keeps the session under it.
        topics: what to subscribe to, with QoS 1.
        most_unacknowledged: how many messages may come before any is acknowledged.
        on_delivery: called on the event loop with every message.
    """

    def __init__(
        self,
        address: Address,
        *,
        client_id: str,
        topics: tuple[str, ...],
        most_unacknowledged: int,
        on_delivery: Callable[[Delivery], None],
    ) -> None:
        self._address = address
        self._topics = topics
        self._most = most_unacknowledged
        self._on_delivery = on_delivery
        self._session = 0
        self._over = asyncio.Event()
        self._subscribed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread_id = 0
        self._connected_at_s = math.inf
        self._client = self._make_client(client_id)

    @property
    def connected(self) -> bool:
        """Whether the session stands and its subscriptions are made."""
        return self._subscribed.is_set()

    async def wait_until_subscribed(self) -> None:
        """Return once messages can come."""
        await self._subscribed.wait()

    async def run(self) -> None:
        """Keep the session up until cancelled, then end it in good order."""
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._beat())
                group.create_task(self._keep_connected())
        finally:
            self._client.disconnect()
            with contextlib.suppress(OSError):
                self._client.loop_write()

    def acknowledge(self, delivery: Delivery) -> None:
        """Tell the broker that a message is stored.

        A message of an earlier connection is not acknowledged: the broker brings it
        again, and its number may by now be another message's.
        """
        if delivery.session == self._session and self._client.is_connected():
            self._client.ack(delivery.mid, delivery.qos)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message with QoS 1; without a connection it waits for the next."""
        self._client.publish(topic, payload, qos=1)

    def _make_client(self, client_id: str) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTv5,
            manual_ack=True,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.max_queued_messages_set(0)
        client.max_inflight_messages_set(_WINDOW)
        if self._address.tls:
            client.tls_set_context(_context(self._address))
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_wants_write
        client.on_socket_unregister_write = self._on_wrote_all
        return client

    async def _keep_connected(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            if await self._connect():
                await self._over.wait()
                if self._subscribed.is_set():
                    pause_s = _FIRST_PAUSE_S
                self._subscribed.clear()
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _connect(self) -> bool:
        """Open the connection; true when the broker has been spoken to."""
        self._over.clear()
        self._session += 1
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves this class without types
        properties.SessionExpiryInterval = _SESSION_S
        properties.ReceiveMaximum = self._most
        try:
            await asyncio.to_thread(
                self._client.connect,
                self._address.host,
                self._address.port,
                keepalive=_KEEPALIVE_S,
                clean_start=False,
                properties=properties,
            )
        except (OSError, ValueError) as error:
            _log.warning(
                "broker not reached",
                host=self._address.host,
                port=self._address.port,
                error=str(error),
            )
            return False
        self._connected_at_s = asyncio.get_running_loop().time()
        return True

    async def _beat(self) -> None:
        """Let paho send its pings, and end a session that leads to nothing.

        paho notices a broker that has gone silent; one that never answers to the
        subscriptions is noticed here.
        """
        while True:
            await asyncio.sleep(1.0)
            if self._client.socket() is None:
                continue
            self._client.loop_misc()
            age_s = asyncio.get_running_loop().time() - self._connected_at_s
            if not self._subscribed.is_set() and age_s > _SUBSCRIBE_TIMEOUT_S:
                _log.error("broker session leads to nothing", age_s=age_s)
                self._client.disconnect()

    def _on_connect(
        self,
        client: Client,
        _userdata: object,
        _flags: object,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            _log.error("broker refused the session", reason=str(reason))
            return  # the broker closes, and it is tried again
        window = getattr(properties, "ReceiveMaximum", _WINDOW)
        if window < _WINDOW:
            _log.error("broker takes too few receipts at once", window=window)
        options = SubscribeOptions(qos=1)
        client.subscribe([(topic, options) for topic in self._topics])

    def _on_subscribe(
        self,
        _client: Client,
        _userdata: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        refused = [
            topic
            for topic, reason in zip(self._topics, reasons, strict=False)
            if reason.is_failure
        ]
        if refused:
            _log.error("subscription refused", topics=refused)
            return
        _log.info("broker session stands", topics=list(self._topics))
        self._subscribed.set()

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        _log.warning("broker session lost", reason=str(reason))
        self._on_loop(self._over.set)

    def _on_message(
        self, _client: Client, _userdata: object, message: MQTTMessage
    ) -> None:
        self._on_delivery(
            Delivery(
                message.topic,
                bytes(message.payload),
                message.mid,
                message.qos,
                self._session,
            )
        )

    def _on_socket_open(self, _client: Client, _userdata: object, sock: object) -> None:
        self._on_loop(self._watch, cast("socket.socket", sock))

    def _watch(self, sock: socket.socket) -> None:
        if self._loop and self._client.socket() is sock:
            # a receipt follows its PUBACK at once; Nagle would hold it for 40 ms
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._loop.add_reader(sock, self._read)

    def _on_socket_close(
        self, _client: Client, _userdata: object, sock: object
    ) -> None:
        closing = cast("socket.socket", sock)
        if self._loop and closing.fileno() >= 0:
            self._loop.remove_reader(closing)
            self._loop.remove_writer(closing)
        self._on_loop(self._over.set)

    def _on_wants_write(self, _client: Client, _userdata: object, sock: object) -> None:
        self._on_loop(self._watch_write, cast("socket.socket", sock))

    def _watch_write(self, sock: socket.socket) -> None:
        if self._loop and self._client.socket() is sock:
            self._loop.add_writer(sock, self._client.loop_write)

    def _on_wrote_all(self, _client: Client, _userdata: object, sock: object) -> None:
        idle = cast("socket.socket", sock)
        if self._loop and idle.fileno() >= 0:
            self._loop.remove_writer(idle)

    def _read(self) -> None:
        try:
            self._client.loop_read()
            while isinstance(sock := self._client.socket(), ssl.SSLSocket):
                if not sock.pending():  # decrypted already, so the loop would not wake
                    break
                self._client.loop_read()
        except Exception:  # noqa: BLE001 - a session that cannot be read is begun anew
            _log.exception("broker session not readable")
            self._client.disconnect()

    def _on_loop(self, call: Callable[..., object], *arguments: object) -> None:
        """Run a call on the loop's thread; paho connects on another."""
        if threading.get_ident() == self._thread_id:
            call(*arguments)
        elif self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)


def _context(address: Address) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=address.ca)
        if address.certificate:
            context.load_cert_chain(address.certificate, address.key)
    except ssl.SSLError as error:
        message = f"the files of mqtt.ca, certificate and key do not serve: {error}"
        raise ConfigError(message) from error
    return context
