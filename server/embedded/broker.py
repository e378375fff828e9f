"""An embedded MQTT broker: Mosquitto where it is installed, else the iotcore wheel.

It keeps nothing: the truth is the stations' outboxes and the database, the broker is a
pipe. It listens on the loopback only and lets any local program connect; what counts
is signed by stations and server. iotcore has no access control at all.
"""

import contextlib
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Self

import structlog

from server.embedded.account import service_account
from server.embedded.child import SupervisedChild
from server.embedded.ports import accepts, free_port
from server.errors import EmbeddedError

__all__ = ["EmbeddedBroker"]

_HOST = "127.0.0.1"
_WANTED_PORT = 1883
_START_TIMEOUT_S = 15.0
_TRIES = 3
_ENDING_S = 3.0

_log = structlog.get_logger(__name__)

_MOSQUITTO = """\
# written anew at every start
listener {port} {host}
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages 0
max_packet_size 1048576
set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
"""

_IOTCORE = """\
id = 0
[router]
max_connections = 200
max_outgoing_packet_count = 5000
max_segment_size = 67108864
max_segment_count = 4
[v5.1]
name = "v5-1"
listen = "{host}:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 500
dynamic_filters = true
"""

_IOTCORE_MAIN = (
    "import sys; sys.path[:] = [p for p in sys.path if p]; "
    "from iotcore.iotcore import IotCoreBroker; "
    "IotCoreBroker(config_path=sys.argv[1]).run_forever()"
)


class EmbeddedBroker:
    """One MQTT v5 broker on a loopback port, as a context manager.

    A data folder keeps its port: stations know the broker by it.
    """

    def __init__(self, data_dir: Path, *, wanted_port: int = _WANTED_PORT) -> None:
        self._folder = data_dir.absolute() / "broker"
        self._wanted_port = wanted_port
        self._child: SupervisedChild | None = None
        self.kind = "mosquitto" if _mosquitto() else "iotcore"
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> str:
        """Start the broker on the wanted port or the next free one; return its URL.

        Raises:
            EmbeddedError: the broker does not come up.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        former = self._former_port()
        if former is not None:
            _await_free(former)
        wanted = former or self._wanted_port
        for attempt in range(1, _TRIES + 1):
            port = free_port(_HOST, wanted)
            try:
                self._launch(port)
            except EmbeddedError:
                if attempt == _TRIES:
                    raise
                wanted = port + 1  # somebody was quicker
            else:
                break
        _log.info("broker started", kind=self.kind, url=self.url)
        if former is not None and not self.url.endswith(f":{former}"):
            _log.warning("broker moved, tell the stations", former_port=former)
        return self.url

    def stop(self) -> None:
        """End the broker. Safe to call twice."""
        if self._child:
            self._child.stop(grace_s=5.0)
            self._child = None

    def _launch(self, port: int) -> None:
        child = SupervisedChild(
            "broker",
            self._command(port),
            ready=lambda: accepts(_HOST, port),
            log_file=self._folder / "broker.log",
            folder=self._folder,
            # changing the account is ours to do: a program that does it by itself
            # loses its parent-death signal
            account=service_account() if self.kind == "mosquitto" else None,
            stop_signal=signal.SIGTERM,
        )
        child.start(_START_TIMEOUT_S)
        self._child = child
        self.url = f"mqtt://{_HOST}:{port}"
        self._port_file.write_text(f"{port}\n", "ascii")

    @property
    def _port_file(self) -> Path:
        return self._folder / "port"

    def _former_port(self) -> int | None:
        """Return where the stations know this broker from its last run."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            port = int(self._port_file.read_text("ascii"))
            return port if 0 < port < 65536 else None
        return None

    def _command(self, port: int) -> list[str]:
        program = _mosquitto()
        if self.kind == "mosquitto" and program:
            file = self._folder / "mosquitto.conf"
            file.write_text(_MOSQUITTO.format(host=_HOST, port=port), "utf-8")
            # relative, so that an account that cannot enter the folder's parents can
            # read it from the working directory
            return [program, "-c", file.name]
        file = self._folder / "iotcore.toml"
        file.write_text(_IOTCORE.format(host=_HOST, port=port), "utf-8")
        return [sys.executable, "-c", _IOTCORE_MAIN, str(file)]


def _await_free(port: int) -> None:
    """Give the broker of a killed server the moment that it needs to end."""
    deadline = time.monotonic() + _ENDING_S
    while accepts(_HOST, port) and time.monotonic() < deadline:
        time.sleep(0.05)


def _mosquitto() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
