"""The shipped broker configuration lets each station touch its own subtree only."""

import datetime as dt
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.enums import CallbackAPIVersion

from server import clock
from server.embedded.ports import accepts, free_port

HOST = "127.0.0.1"
SHIPPED = Path(__file__).parents[2] / "configs" / "broker"
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


def wait_until(check) -> None:
    deadline = time.monotonic() + 20
    while not check():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test ca")])
        self._write("ca", self._key, self._sign(self._name, self._key, ca=True))

    def issue(self, file: str, common_name: str) -> None:
        """Write one key and certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        self._write(file, key, self._sign(name, key, ca=False))

    def _sign(self, subject, key, *, ca):
        now = clock.now()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(
                x509.BasicConstraints(ca=ca, path_length=None), critical=True
            )
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName("localhost")]),
                critical=False,
            )
            # what RFC 5280 asks of them, and Python 3.13 insists on
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    self._key.public_key()
                ),
                critical=False,
            )
            .add_extension(
                x509.KeyUsage(
                    digital_signature=not ca,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=ca,
                    crl_sign=ca,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .sign(self._key, hashes.SHA256())
        )

    def _write(self, file: str, key, certificate) -> None:
        pem = serialization.Encoding.PEM
        (self.folder / f"{file}.pem").write_bytes(certificate.public_bytes(pem))
        (self.folder / f"{file}.key").write_bytes(
            key.private_bytes(
                pem,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


@pytest.fixture(scope="module")
def broker(tmp_path_factory) -> Iterator[tuple[Path, int]]:
    """The shipped configuration on a free port, with certificates of the test."""
    folder = tmp_path_factory.mktemp("broker")
    authority = Authority(folder)
    authority.issue("broker", "localhost")
    for name in ("DEMO-001", "DEMO-002", "centre"):
        authority.issue(name, name)
    port = free_port(HOST, 28883)
    text = (SHIPPED / "mosquitto.conf").read_text("utf-8")
    text = text.replace("listener 8883", f"listener {port} {HOST}") + "\nuser root\n"
    (folder / "mosquitto.conf").write_text(text, "utf-8")
    shutil.copy(SHIPPED / "acl", folder / "acl")
    (folder / "acl").chmod(0o600)
    with subprocess.Popen(
        [MOSQUITTO, "-c", "mosquitto.conf"], cwd=folder, stderr=subprocess.PIPE
    ) as process:
        wait_until(lambda: process.poll() is not None or accepts(HOST, port))
        assert process.poll() is None, process.stderr.read().decode()
        yield folder, port
        process.terminate()


class Client:
    """One client with a certificate of its own."""

    def __init__(self, broker: tuple[Path, int], name: str) -> None:
        folder, port = broker
        self.heard: list[str] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.tls_set(
            str(folder / "ca.pem"),
            str(folder / f"{name}.pem"),
            str(folder / f"{name}.key"),
        )
        self._client.on_message = lambda _c, _u, m: self.heard.append(m.topic)
        self._reasons: dict[int, int] = {}
        self._told = threading.Condition()
        self._client.on_publish = self._published
        self._client.connect("localhost", port)
        self._client.loop_start()
        wait_until(self._client.is_connected)

    def publish(self, topic: str) -> bool:
        """Publish and tell whether the broker let it through."""
        mid = self._client.publish(topic, b"{}", qos=1).mid
        with self._told:
            assert self._told.wait_for(lambda: mid in self._reasons, 10)
        return self._reasons[mid] < 0x80

    def subscribe(self, topic: str) -> bool:
        """Subscribe and tell whether the broker let it through."""
        told: list[int] = []
        self._client.on_subscribe = lambda _c, _u, _m, reasons, _p: told.extend(
            reason.value for reason in reasons
        )
        self._client.subscribe(topic, qos=1)
        wait_until(lambda: told)
        return told[0] < 0x80

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _published(self, _client, _userdata, mid, reason, _properties) -> None:
        with self._told:
            self._reasons[mid] = reason.value
            self._told.notify_all()


def test_a_station_speaks_in_its_own_name_only(broker):
    station = Client(broker, "DEMO-001")
    for leaf in ("passage", "weighing", "evidence", "status"):
        assert station.publish(f"luheng/v1/DEMO-001/{leaf}")
        assert not station.publish(f"luheng/v1/DEMO-002/{leaf}")
    assert not station.publish("luheng/v1/DEMO-001/ack")
    station.close()


def test_receipts_reach_their_station_and_no_other(broker):
    station, other = Client(broker, "DEMO-001"), Client(broker, "DEMO-002")
    centre = Client(broker, "centre")
    for client in (station, other):
        client.subscribe("luheng/v1/DEMO-001/ack")
    assert centre.subscribe("$share/ingest/luheng/v1/+/passage")
    assert centre.publish("luheng/v1/DEMO-001/ack")
    assert station.publish("luheng/v1/DEMO-001/passage")
    wait_until(lambda: station.heard and centre.heard)
    assert station.heard == ["luheng/v1/DEMO-001/ack"]
    assert centre.heard == ["luheng/v1/DEMO-001/passage"]
    assert other.heard == []
    for client in (station, other, centre):
        client.close()


def test_the_centre_says_nothing_in_a_stations_name(broker):
    centre = Client(broker, "centre")
    assert not centre.publish("luheng/v1/DEMO-001/passage")
    assert centre.publish("luheng/v1/DEMO-001/command")
    centre.close()


def test_nobody_enters_without_a_certificate(broker):
    folder, port = broker
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    with (
        socket.create_connection(("localhost", port), 10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as line,
    ):
        connect = b"\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x03abc"
        with pytest.raises(OSError, match=r"(?i)certificate|reset|EOF|broken pipe"):
            exchange(line, connect)


def exchange(line: ssl.SSLSocket, content: bytes) -> None:
    """Send some bytes and wait for an answer; none is an error."""
    line.sendall(content)
    if not line.recv(1):
        message = "EOF: closed without an answer"
        raise ConnectionError(message)
