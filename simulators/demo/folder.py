"""The data folder of the demo: keys, and the shipped configurations filled in.

It makes what is not there and keeps what is: keys stay, so that a second start finds
its stations again; configurations are written anew at every start. It refuses a folder
that another demo is using, and one that it may not write.
"""

import contextlib
import fcntl
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import tomli_w
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from simulators.errors import SimulatorError
from wim import seal

__all__ = ["DemoFolder"]

_CONFIGS = Path(__file__).resolve().parents[2] / "configs"

Table = dict[str, Any]


class DemoFolder:
    """One demo's files below one folder, for one demo at a time until closed.

    Raises:
        SimulatorError: the folder cannot be made, read or written, or is in use; the
            text says what to do. Every method that touches a file may raise it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        try:
            str(self.root).encode()
        except UnicodeEncodeError as error:
            message = f"--data-dir {str(root)!a}: not UTF-8; name another folder"
            raise SimulatorError(message) from error
        with self._may_fail():
            for name in ("keys", "config", "log", "simulator"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            self._lock = self._take_lock()

    def close(self) -> None:
        """Let another demo have the folder. Safe to call twice."""
        self._lock.close()

    def log_file(self, name: str) -> Path:
        """Return the log file of one program."""
        path = self.root / "log" / f"{name}.log"
        with self._may_fail():
            path.touch()
        return path

    @property
    def database_elsewhere(self) -> Path | None:
        """Where the server keeps its database if that is not below this folder."""
        named = self.root / "server" / "postgres"
        return named.resolve() if named.is_symlink() else None

    @property
    def ledger(self) -> Path:
        """The simulator's truth, which only tests read."""
        return self.root / "simulator" / "ledger.jsonl"

    def public_key(self, name: str) -> str:
        """Return the hex public key of one party, making its key pair if absent."""
        with self._may_fail():
            secret = self._key_file(name).read_text("ascii").strip()
        return seal.public_key(bytes.fromhex(secret))

    def _key_file(self, name: str) -> Path:
        path = self.root / "keys" / f"{name}.key"
        if not path.exists():
            secret = Ed25519PrivateKey.generate().private_bytes_raw().hex()
            with self._may_fail():
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w") as file:
                    file.write(secret + "\n")
        return path

    def simulator_config(self) -> Path:
        """Write the simulator's configuration; return its path."""
        table = _shipped("simulators/demo.toml")
        table["site"] = str(_CONFIGS / "stations" / "demo-site.toml")
        for line in ("strip", "scale"):
            table["lines"][line] = str(self.root / "simulator" / line)
        return self._write("simulator", table)

    def server_config(self) -> Path:
        """Write the server's configuration with the stations' keys; return its path."""
        table = _shipped("server.toml")
        table["server"]["data_dir"] = str(self.root / "server")
        table["rules"]["limits"] = str(_CONFIGS / "limits")
        table["keys"]["private_key"] = str(self._key_file("server"))
        table |= _shipped("simulators/centre.toml")
        for station in table["stations"]:
            station["public_key"] = self.public_key(station["id"])
        return self._write("server", table)

    def edge_config(
        self,
        shipped: str,
        *,
        device: str,
        cameras: dict[str, str],
        mqtt_url: str,
        page: str,
    ) -> Path:
        """Write one edge daemon's configuration; return its path."""
        table = _shipped(f"edge/{shipped}.toml")
        station = table["station"]
        station["data_dir"] = str(self.root / f"edge-{station['id'].lower()}")
        table["line"]["device"] = device
        if "weighing" in table:
            site = _CONFIGS / "stations" / "demo-site.toml"
            table["weighing"]["site"] = str(site)
            table["weighing"]["limits"] = str(_CONFIGS / "limits")
        for camera in table["cameras"]:
            camera["url"] = cameras[camera["name"]]
        table["mqtt"] = {"url": mqtt_url}
        table["upload"] = {"url": page.rstrip("/")}
        table["keys"] = {
            "private_key": str(self._key_file(station["id"])),
            "server_public_key": self.public_key("server"),
        }
        return self._write(f"edge-{station['id'].lower()}", table)

    def _write(self, name: str, table: Table) -> Path:
        path = self.root / "config" / f"{name}.toml"
        with self._may_fail():
            path.write_text(tomli_w.dumps(table), "utf-8")
        return path

    def _take_lock(self) -> IO[str]:
        lock = (self.root / "demo.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            message = (
                f"--data-dir {self.root}: another demo is using it; stop that one or "
                "name another folder"
            )
            raise SimulatorError(message) from error
        return lock

    @contextlib.contextmanager
    def _may_fail(self) -> Iterator[None]:
        """Turn what the file system refuses into one line for a person."""
        try:
            yield
        except OSError as error:
            where = error.filename or self.root
            message = (
                f"--data-dir {self.root}: {error.strerror}: {where}; name a folder "
                "that you may write"
            )
            raise SimulatorError(message) from error


def _shipped(name: str) -> Table:
    with (_CONFIGS / name).open("rb") as file:
        return tomllib.load(file)
