"""The data folder of the demo: keys, and the shipped configurations filled in.

It makes what is not there and keeps what is: keys stay, so that a second start finds
its stations again; configurations are written anew at every start.
"""

import os
import tomllib
from pathlib import Path
from typing import Any

import tomli_w
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from simulators.errors import SimulatorError
from wim import seal

__all__ = ["DemoFolder"]

_CONFIGS = Path(__file__).resolve().parents[2] / "configs"

Table = dict[str, Any]


class DemoFolder:
    """One demo's files below one folder.

    Raises:
        SimulatorError: the folder cannot be made or written, with what to do.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        try:
            for name in ("keys", "config", "log", "simulator"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = (
                f"--data-dir {root}: {error.strerror}; name a folder you may write"
            )
            raise SimulatorError(message) from error

    def log_file(self, name: str) -> Path:
        """Return the log file of one program."""
        return self.root / "log" / f"{name}.log"

    @property
    def ledger(self) -> Path:
        """The simulator's truth, which only tests read."""
        return self.root / "simulator" / "ledger.jsonl"

    def public_key(self, name: str) -> str:
        """Return the hex public key of one party, making its key pair if absent."""
        return seal.public_key(bytes.fromhex(self._key_file(name).read_text().strip()))

    def _key_file(self, name: str) -> Path:
        path = self.root / "keys" / f"{name}.key"
        if not path.exists():
            secret = Ed25519PrivateKey.generate().private_bytes_raw().hex()
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
        path.write_text(tomli_w.dumps(table), "utf-8")
        return path


def _shipped(name: str) -> Table:
    with (_CONFIGS / name).open("rb") as file:
        return tomllib.load(file)
