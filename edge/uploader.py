"""Carries evidence files to the centre over HTTP(S), each under its own hash.

It announces nothing: a file goes only after the receipt for the message that named it.
One file that is refused holds up no other.
"""

import datetime as dt
import ssl
import threading
from collections import Counter
from http import HTTPStatus

import httpx
import structlog

from edge.clock import Clock
from edge.config import UploadConfig
from edge.errors import StorageError
from edge.evidence import EvidenceFolder
from edge.outbox import FileRow, Outbox
from wim.seal import sha256, sign_upload

__all__ = ["Uploader"]

_BATCH = 32
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 60.0
_SWEEP_S = 120.0
_SWEPT_AGE = dt.timedelta(minutes=10)
_STORED = {HTTPStatus.CREATED, HTTPStatus.OK, HTTPStatus.NO_CONTENT}


class Uploader:
    """The HTTP side of one station."""

    def __init__(
        self,
        config: UploadConfig,
        *,
        station_id: str,
        private_key: bytes,
        outbox: Outbox,
        folder: EvidenceFolder,
        clock: Clock,
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._url = config.url.rstrip("/")
        self._station_id = station_id
        self._private_key = private_key
        self._outbox = outbox
        self._folder = folder
        self._clock = clock
        self._log = structlog.get_logger("edge.uploader")
        self._http = httpx.Client(
            timeout=config.timeout_s, verify=_trust(config.ca), trust_env=False
        )
        self._due_s: dict[FileRow, tuple[float, float]] = {}
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uploader", daemon=True)

    def start(self) -> None:
        """Begin to carry."""
        self._thread.start()

    def wake(self) -> None:
        """Say that files may have become ready."""
        self._wake.set()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End; what was not carried stays for the next start."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        self._http.close()

    @property
    def alive(self) -> bool:
        """Return whether the carrying thread still runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        swept_s = -_SWEEP_S
        while not self._stopping.is_set():
            try:
                busy = self._carry_due()
                if self._clock.monotonic_s() - swept_s > _SWEEP_S:
                    swept_s = self._clock.monotonic_s()
                    self._sweep()
            except StorageError as error:
                self.counters["upload_storage_failures"] += 1
                self._log.warning("upload_postponed", error=str(error))
                busy = False
            except Exception as error:  # noqa: BLE001 -- a thread's loop: logged, counted
                self.counters["uploader_failures"] += 1
                self._log.exception("uploading_failed", error=str(error))
                busy = False
            if not busy:
                self._wake.wait(_FIRST_WAIT_S)
                self._wake.clear()

    def _sweep(self) -> None:
        before = self._clock.now() - _SWEPT_AGE
        swept = self._folder.sweep(self._outbox.names_file, before=before)
        self.counters["files_swept"] += swept

    def _carry_due(self) -> bool:
        """Send the files that are due; return whether any was."""
        now_s = self._clock.monotonic_s()
        waiting = sum(1 for due_s, _ in self._due_s.values() if due_s > now_s)
        files = self._outbox.files(_BATCH + waiting)
        self._due_s = {file: due for file, due in self._due_s.items() if file in files}
        busy = False
        for file in files:
            if self._stopping.is_set():
                return False
            due_s, wait_s = self._due_s.get(file, (0.0, _FIRST_WAIT_S))
            if due_s > now_s:
                continue
            busy = True
            if not self._carry(file):
                later_s = self._clock.monotonic_s() + wait_s
                self._due_s[file] = (later_s, min(2 * wait_s, _LONGEST_WAIT_S))
        return busy

    def _carry(self, file: FileRow) -> bool:
        """Send one file; true when nothing more is to be done about it."""
        try:
            content = self._folder.path(file.sha256).read_bytes()
        except FileNotFoundError:
            content = b""
        except OSError as error:
            text = f"cannot read evidence {file.sha256}: {error.strerror}"
            raise StorageError(text) from error
        if sha256(content) != file.sha256:
            self._refuse(file, "missing or damaged in the station's own folder")
            return True
        try:
            answer = self._http.put(
                f"{self._url}/evidence/{file.sha256}",
                content=content,
                headers={
                    "Content-Type": file.media_type,
                    "X-Luheng-Station": self._station_id,
                    "X-Luheng-Signature": sign_upload(
                        file.sha256, self._station_id, self._private_key
                    ),
                },
            )
        except httpx.HTTPError as error:
            self.counters["upload_connection_failures"] += 1
            self._log.info("upload_failed", sha256=file.sha256, error=repr(error))
            return False
        return self._settle(file, answer)

    def _settle(self, file: FileRow, answer: httpx.Response) -> bool:
        if answer.status_code in _STORED:
            self._outbox.delivered(file)
            self.counters["uploaded"] += 1
            return True
        if answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
            self._refuse(file, answer.text[:500])
            return True
        self.counters[f"upload_answers_{answer.status_code}"] += 1
        self._log.info("upload_postponed", sha256=file.sha256, code=answer.status_code)
        return False

    def _refuse(self, file: FileRow, reason: str) -> None:
        self._outbox.refused(file, reason)
        self.counters["uploads_refused"] += 1
        self._log.error("upload_refused", sha256=file.sha256, reason=reason)


def _trust(ca: str | None) -> ssl.SSLContext | bool:
    return True if ca is None else ssl.create_default_context(cafile=ca)
