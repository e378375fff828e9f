"""The first durable point: what is in here survives a power cut until it is receipted.

It sends nothing and believes nobody: a row leaves only when its caller has a receipt
for exactly these bytes. The number and the chain link of a message are given inside
the transaction that stores it, so there is neither a gap nor a double, whenever the
process is killed.

SQLite in WAL mode with ``synchronous=FULL``: a commit is on the disk before it returns.
A damaged file is set aside at the start, what can be read is carried over, and a number
reserved beforehand in a second file keeps an unreadable count from being used twice.
"""

import contextlib
import datetime as dt
import errno
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import msgspec
import structlog

from edge.errors import ConfigError, StorageError, StorageFullError
from edge.evidence import free_bytes
from wim.messages import EvidenceKind, EvidenceNote
from wim.seal import GENESIS, sha256

__all__ = [
    "Accepted",
    "Backlog",
    "FileRow",
    "Leaf",
    "Link",
    "Outbox",
    "Row",
    "Salvage",
    "Subject",
]

Leaf: TypeAlias = Literal["passage", "weighing", "evidence"]

_RESERVED = 1000
"""Numbers are reserved by so many at a time in the second file."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS chain (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    station_id TEXT NOT NULL,
    last_sequence INTEGER NOT NULL,
    head_hash TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS message (
    row_id INTEGER PRIMARY KEY AUTOINCREMENT,
    payload_sha256 TEXT NOT NULL UNIQUE,
    leaf TEXT NOT NULL,
    sequence INTEGER UNIQUE,
    payload BLOB NOT NULL,
    after_sha256 TEXT,
    accepted_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS subject (
    subject_id TEXT PRIMARY KEY,
    subject_hash TEXT NOT NULL,
    items TEXT NOT NULL,
    wanted TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS file (
    sha256 TEXT NOT NULL,
    announced_by TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    ready INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sha256, announced_by)
) STRICT;
CREATE INDEX IF NOT EXISTS file_ready ON file (announced_by, ready);
CREATE TABLE IF NOT EXISTS quarantine (
    payload_sha256 TEXT PRIMARY KEY,
    leaf TEXT NOT NULL,
    sequence INTEGER,
    payload BLOB NOT NULL,
    reason TEXT NOT NULL,
    quarantined_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS refused_file (
    sha256 TEXT NOT NULL,
    announced_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (sha256, announced_by)
) STRICT;
"""
_CARRIED = ("message", "subject", "file", "quarantine", "refused_file")


class Link(NamedTuple):
    """What the chain gives to the next message."""

    sequence: int
    previous_hash: str


class Accepted(NamedTuple):
    """A message that is on the disk."""

    sequence: int | None
    payload_sha256: str


class Row(NamedTuple):
    """A message that waits for its receipt."""

    row_id: int
    payload_sha256: str
    leaf: Leaf
    payload: bytes


class FileRow(NamedTuple):
    """An evidence file whose announcement is receipted, and which may be sent."""

    sha256: str
    announced_by: str
    media_type: str
    size_bytes: int


class Subject(NamedTuple):
    """A passage or weighing whose final manifest is still to be made."""

    subject_id: str
    subject_hash: str
    items: tuple[EvidenceNote, ...]
    wanted: tuple[EvidenceKind, ...]


class Backlog(NamedTuple):
    """What waits, for the heartbeat."""

    depth: int
    lowest_sequence: int | None
    oldest_at: dt.datetime | None
    files: int
    quarantined: int


class Salvage(NamedTuple):
    """What was done about a damaged outbox at the start."""

    set_aside: Path
    reason: str
    rows: int
    last_sequence: int


class Outbox:
    """The messages of one station, in order, until they are receipted."""

    def __init__(
        self,
        path: Path,
        *,
        station_id: str,
        now: Callable[[], dt.datetime],
        min_free_bytes: int = 0,
    ) -> None:
        """Open the outbox, or begin one.

        Raises:
            ConfigError: the outbox there is another station's.
            StorageFullError: there is no room even to open it.
            StorageError: it cannot be opened at all.
        """
        self._path = path
        self._station_id = station_id
        self._now = now
        self._min_free_bytes = min_free_bytes
        self._log = structlog.get_logger("edge.outbox")
        self._lock = threading.RLock()
        self._reserve = path.with_suffix(".reserved")
        self.salvage: Salvage | None = None
        self.refusal: str | None = None
        """Why the last write found no room; None after one that did."""
        with _translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._open()
        with self._reading() as db:
            (owner,) = db.execute("SELECT station_id FROM chain").fetchone()
        if owner != station_id:
            self.close()
            text = f"{path} is the outbox of station '{owner}', not '{station_id}'"
            raise ConfigError(text)

    def close(self) -> None:
        """Close the file; everything in it stays."""
        with self._lock:
            self._connection.close()

    # ------------------------------------------------------------------ in

    def shortage(self) -> str | None:
        """Return why nothing new can be taken, or None when there is room."""
        free = free_bytes(self._path.parent)
        if free >= self._min_free_bytes:
            return None
        return (
            f"disk full: {free // 1_000_000} MB free in {self._path.parent}, "
            f"{self._min_free_bytes // 1_000_000} MB must stay free"
        )

    def probe(self) -> str | None:
        """Write nothing new; return why even that finds no room, or None."""
        with contextlib.suppress(StorageFullError), self._transaction() as db:
            db.execute("UPDATE chain SET last_sequence = last_sequence")
        return self.refusal

    def accept(
        self,
        leaf: Leaf,
        build: Callable[[Link], bytes],
        *,
        subject_id: str,
        items: Sequence[EvidenceNote],
        wanted: Sequence[EvidenceKind],
    ) -> Accepted:
        """Number, chain, build and store one message in one synced transaction.

        Args:
            leaf: the topic's last level.
            build: makes the signed payload from its number and link.
            subject_id: the passage's or weighing's id, for its later manifest.
            items: the files that the payload announces; their bytes are on the disk.
            wanted: the kinds of evidence that the manifest has to name or miss.

        Raises:
            StorageFullError: there is no room; nothing was changed.
            StorageError: the outbox cannot be written; nothing was changed.
        """
        if reason := self.shortage():
            raise StorageFullError(reason)
        with self._transaction() as db:
            link = self._next_link(db)
            payload = build(link)
            digest = sha256(payload)
            self._insert(db, leaf, payload, sequence=link.sequence, after=None)
            db.execute(
                "UPDATE chain SET last_sequence = ?, head_hash = ?",
                (link.sequence, digest),
            )
            db.execute(
                "INSERT INTO subject VALUES (?, ?, ?, ?)",
                (subject_id, digest, _json(tuple(items)), _json(tuple(wanted))),
            )
            _announce(db, digest, items)
        return Accepted(link.sequence, digest)

    def accept_manifest(
        self,
        subject_id: str,
        build: Callable[[Subject, str], bytes],
        *,
        items: Sequence[EvidenceNote],
    ) -> Accepted | None:
        """Store the final manifest of a subject; None if it has one already.

        Args:
            subject_id: the passage or weighing.
            build: makes the signed payload from the subject and the chain's head.
            items: the files that only the manifest announces.

        Raises:
            StorageFullError: there is no room; nothing was changed.
            StorageError: the outbox cannot be written; nothing was changed.
        """
        with self._transaction() as db:
            found = db.execute(
                "SELECT * FROM subject WHERE subject_id = ?", (subject_id,)
            ).fetchone()
            if found is None:
                return None
            subject = _subject(found)
            (head,) = db.execute("SELECT head_hash FROM chain").fetchone()
            payload = build(subject, head)
            self._insert(
                db, "evidence", payload, sequence=None, after=subject.subject_hash
            )
            db.execute("DELETE FROM subject WHERE subject_id = ?", (subject_id,))
            _announce(db, sha256(payload), items)
        return Accepted(None, sha256(payload))

    def subjects(self) -> list[Subject]:
        """Return the subjects whose manifest is still to be made, oldest first."""
        with self._reading() as db:
            found = db.execute("SELECT * FROM subject ORDER BY rowid").fetchall()
        return [_subject(each) for each in found]

    # ----------------------------------------------------------------- out

    def waiting(self, limit: int) -> list[Row]:
        """Return the oldest messages that wait and may be sent, in order.

        A manifest may be sent when its subject has its receipt.
        """
        with self._reading() as db:
            found = db.execute(
                "SELECT row_id, payload_sha256, leaf, payload FROM message AS m "
                "WHERE after_sha256 IS NULL OR NOT EXISTS (SELECT 1 FROM message AS s "
                "WHERE s.payload_sha256 = m.after_sha256) ORDER BY row_id LIMIT ?",
                (limit,),
            ).fetchall()
        return [Row(*each) for each in found]

    def receipted(self, digests: Iterable[str]) -> int:
        """Forget messages whose receipts were checked; their files may now be sent.

        Returns how many of them were waiting here.
        """
        left = 0
        with self._transaction() as db:
            for digest in digests:
                gone = db.execute(
                    "DELETE FROM message WHERE payload_sha256 = ?", (digest,)
                )
                left += gone.rowcount
                db.execute(
                    "UPDATE file SET ready = 1 WHERE announced_by = ?", (digest,)
                )
        return left

    def quarantined(self, digest: str, reason: str) -> bool:
        """Set a message aside that the centre has quarantined; it is not sent again."""
        with self._transaction() as db:
            moved = db.execute(
                "INSERT OR IGNORE INTO quarantine SELECT payload_sha256, leaf, "
                "sequence, payload, ?, ? FROM message WHERE payload_sha256 = ?",
                (reason, self._now().isoformat(), digest),
            )
            db.execute("DELETE FROM message WHERE payload_sha256 = ?", (digest,))
            db.execute(
                "INSERT OR IGNORE INTO refused_file SELECT sha256, announced_by, ? "
                "FROM file WHERE announced_by = ?",
                ("announced by a quarantined message", digest),
            )
            db.execute("DELETE FROM file WHERE announced_by = ?", (digest,))
        return moved.rowcount > 0

    def files(self, limit: int) -> list[FileRow]:
        """Return the oldest files that may be sent."""
        with self._reading() as db:
            found = db.execute(
                "SELECT sha256, announced_by, media_type, size_bytes FROM file "
                "WHERE ready = 1 ORDER BY rowid LIMIT ?",
                (limit,),
            ).fetchall()
        return [FileRow(*each) for each in found]

    def delivered(self, file: FileRow) -> None:
        """Forget a file that the centre has stored."""
        with self._transaction() as db:
            db.execute(
                "DELETE FROM file WHERE sha256 = ? AND announced_by = ?",
                (file.sha256, file.announced_by),
            )

    def refused(self, file: FileRow, reason: str) -> None:
        """Set a file aside that the centre refuses; its bytes stay."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO refused_file VALUES (?, ?, ?)",
                (file.sha256, file.announced_by, reason),
            )
            db.execute(
                "DELETE FROM file WHERE sha256 = ? AND announced_by = ?",
                (file.sha256, file.announced_by),
            )

    def names_file(self, digest: str) -> bool:
        """Return whether any row here still speaks of a file."""
        with self._reading() as db:
            found = db.execute(
                "SELECT 1 FROM file WHERE sha256 = ?1 UNION ALL "
                "SELECT 1 FROM refused_file WHERE sha256 = ?1 UNION ALL "
                "SELECT 1 FROM subject WHERE instr(items, ?1) LIMIT 1",
                (digest,),
            ).fetchone()
        return found is not None

    def backlog(self) -> Backlog:
        """Return what waits."""
        with self._reading() as db:
            depth, lowest, oldest = db.execute(
                "SELECT count(*), min(sequence), min(accepted_at) FROM message"
            ).fetchone()
            (files,) = db.execute("SELECT count(*) FROM file").fetchone()
            (aside,) = db.execute("SELECT count(*) FROM quarantine").fetchone()
            if lowest is None:
                (last,) = db.execute("SELECT last_sequence FROM chain").fetchone()
                lowest = last + 1
        return Backlog(
            depth=depth,
            lowest_sequence=lowest,
            oldest_at=dt.datetime.fromisoformat(oldest) if oldest else None,
            files=files,
            quarantined=aside,
        )

    # ------------------------------------------------------------- inside

    def _next_link(self, db: sqlite3.Connection) -> Link:
        last, head = db.execute("SELECT last_sequence, head_hash FROM chain").fetchone()
        if last + 1 > self._reserved():
            _write_synced(self._reserve, f"{last + _RESERVED}\n")
        return Link(last + 1, head)

    def _reserved(self) -> int:
        try:
            return int(self._reserve.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0

    def _insert(
        self,
        db: sqlite3.Connection,
        leaf: Leaf,
        payload: bytes,
        *,
        sequence: int | None,
        after: str | None,
    ) -> None:
        db.execute(
            "INSERT INTO message (payload_sha256, leaf, sequence, payload, "
            "after_sha256, accepted_at) VALUES (?, ?, ?, ?, ?, ?)",
            (sha256(payload), leaf, sequence, payload, after, self._now().isoformat()),
        )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, on the disk when it returns."""
        try:
            with self._lock, _translated():
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                except BaseException:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise
        except StorageFullError as error:
            self.refusal = str(error)
            raise
        self.refusal = None

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _translated():
            yield self._connection

    # ------------------------------------------------------------- opening

    def _open(self) -> sqlite3.Connection:
        """Open the file; a damaged one is set aside and carried over first."""
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if _code(error) in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN}:
                raise
            if _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY}:
                raise
            reason = str(error)
        stamp = self._now().strftime("%Y%m%dT%H%M%SZ")
        aside = self._path.with_name(f"{self._path.name}.damaged-{stamp}")
        for ending in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                file = self._path.with_name(self._path.name + ending)
                file.rename(aside.with_name(aside.name + ending))
        connection = self._connect()
        self.salvage = self._carry_over(aside, connection, reason)
        self._log.error(
            "outbox_damaged",
            reason=reason,
            set_aside=str(aside),
            rows_salvaged=self.salvage.rows,
            last_sequence=self.salvage.last_sequence,
        )
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=10.0
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA cache_size = -4000")
            _check_whole(connection)
            connection.executescript(_SCHEMA)
            connection.execute(
                "INSERT OR IGNORE INTO chain VALUES (1, ?, ?, ?)",
                (self._station_id, 0, GENESIS),
            )
        except BaseException:
            connection.close()
            raise
        return connection

    def _carry_over(
        self, aside: Path, connection: sqlite3.Connection, reason: str
    ) -> Salvage:
        """Copy what can be read of a damaged file into a new one."""
        rows, last, head = 0, 0, GENESIS
        with contextlib.closing(sqlite3.connect(aside)) as damaged:
            connection.execute("BEGIN IMMEDIATE")
            for table in _CARRIED:
                for row in _readable(damaged, table):
                    marks = ", ".join("?" * len(row))
                    rows += connection.execute(
                        f"INSERT OR IGNORE INTO {table} VALUES ({marks})",  # noqa: S608 -- our own table names
                        row,
                    ).rowcount
            chain = _readable_chain(damaged)
            newest = connection.execute(
                "SELECT sequence, payload_sha256 FROM message "
                "WHERE sequence IS NOT NULL ORDER BY sequence DESC LIMIT 1"
            ).fetchone()
            if newest is not None:
                last, head = newest
            if chain is not None and chain.sequence >= last:
                last, head = chain
            elif chain is None:
                last = max(last, self._reserved())
            connection.execute(
                "UPDATE chain SET last_sequence = ?, head_hash = ?", (last, head)
            )
            connection.execute("COMMIT")
        return Salvage(aside, reason, rows, last)


def _check_whole(connection: sqlite3.Connection) -> None:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


def _readable(
    damaged: sqlite3.Connection, table: str
) -> Iterator[tuple[int | str | bytes | None, ...]]:
    """Yield the rows of a table that can still be read, one by one."""
    try:
        first, last = damaged.execute(
            f"SELECT min(rowid), max(rowid) FROM {table}"  # noqa: S608 -- our own table names
        ).fetchone()
    except sqlite3.DatabaseError:
        return
    for rowid in range(first or 0, (last or -1) + 1):
        with contextlib.suppress(sqlite3.DatabaseError):
            row = damaged.execute(
                f"SELECT * FROM {table} WHERE rowid = ?",  # noqa: S608 -- our own table names
                (rowid,),
            ).fetchone()
            if row is not None and _sound(table, row):
                yield row


def _readable_chain(damaged: sqlite3.Connection) -> Link | None:
    """Return the last number and the hash that belongs to it, if they can be read."""
    try:
        found = damaged.execute("SELECT last_sequence, head_hash FROM chain").fetchone()
    except sqlite3.DatabaseError:
        return None
    return None if found is None else Link(*found)


def _sound(table: str, row: tuple[int | str | bytes | None, ...]) -> bool:
    """Return whether a salvaged message is still the bytes that were hashed."""
    if table != "message":
        return True
    return isinstance(row[4], bytes) and sha256(row[4]) == row[1]


def _announce(
    db: sqlite3.Connection, announced_by: str, items: Sequence[EvidenceNote]
) -> None:
    db.executemany(
        "INSERT OR IGNORE INTO file VALUES (?, ?, ?, ?, 0)",
        [
            (each.sha256, announced_by, each.media_type, each.size_bytes)
            for each in items
        ],
    )


def _subject(found: tuple[str, str, str, str]) -> Subject:
    subject_id, subject_hash, items, wanted = found
    return Subject(
        subject_id,
        subject_hash,
        msgspec.json.decode(items, type=tuple[EvidenceNote, ...]),
        msgspec.json.decode(wanted, type=tuple[EvidenceKind, ...]),
    )


def _json(values: tuple[EvidenceNote, ...] | tuple[EvidenceKind, ...]) -> str:
    return msgspec.json.encode(values).decode()


def _write_synced(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    with part.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _code(error: sqlite3.Error) -> int | None:
    """Return the primary result code of an SQLite error."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn the library's and the system's errors into ours, chained."""
    try:
        yield
    except sqlite3.Error as error:
        text = f"outbox: {error}"
        full = _code(error) == sqlite3.SQLITE_FULL
        raise (StorageFullError if full else StorageError)(text) from error
    except OSError as error:
        text = f"outbox: {error.strerror} ({error.filename})"
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise (StorageFullError if full else StorageError)(text) from error
