import datetime as dt
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading

import msgspec
import pytest

from edge.clock import Clock
from edge.errors import ConfigError, StorageFullError
from edge.evidence import EvidenceFolder, photograph
from edge.outbox import Outbox
from wim.seal import GENESIS, sha256

now = Clock().now


@pytest.fixture
def open_outbox(tmp_path):
    opened = []

    def open_outbox(**options):
        outbox = Outbox(
            tmp_path / "outbox.sqlite3", station_id="TEST-001", now=now, **options
        )
        opened.append(outbox)
        return outbox

    yield open_outbox
    for outbox in opened:
        outbox.close()


def accept(outbox, text="x", *, items=(), size=0):
    def build(link):
        body = {"sequence": link.sequence, "previous_hash": link.previous_hash}
        return msgspec.json.encode(body | {"text": text + "." * size})

    subject = f"subject-{random.random()}"
    taken = outbox.accept(
        "passage", build, subject_id=subject, items=items, wanted=("photo_front",)
    )
    return subject, taken


def fill(outbox):
    """Accept until there is no room; return how many were taken."""
    for taken in range(5000):
        try:
            accept(outbox, size=3000)
        except StorageFullError:
            return taken
    raise AssertionError


def chain_of(outbox):
    rows = [row for row in outbox.waiting(10_000) if row.leaf == "passage"]
    previous = GENESIS
    for row in rows:
        body = msgspec.json.decode(row.payload)
        assert body["previous_hash"] == previous
        previous = row.payload_sha256
    return [msgspec.json.decode(row.payload)["sequence"] for row in rows]


def test_messages_are_numbered_and_chained_in_the_order_of_acceptance(open_outbox):
    outbox = open_outbox()
    for text in "abc":
        accept(outbox, text)
    assert chain_of(outbox) == [1, 2, 3]
    outbox.close()
    again = open_outbox()
    accept(again, "d")
    assert chain_of(again) == [1, 2, 3, 4]


def test_two_threads_never_get_the_same_number(open_outbox):
    outbox = open_outbox()
    threads = [
        threading.Thread(target=lambda: [accept(outbox) for _ in range(20)])
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert chain_of(outbox) == list(range(1, 61))


def test_a_row_leaves_only_on_the_receipt_for_its_own_bytes(open_outbox):
    outbox = open_outbox()
    _, first = accept(outbox, "a")
    _, second = accept(outbox, "b")
    assert outbox.receipted(["0" * 64]) == 0
    assert outbox.backlog().depth == 2
    assert outbox.receipted([first.payload_sha256]) == 1
    assert outbox.receipted([first.payload_sha256]) == 0
    backlog = outbox.backlog()
    assert (backlog.depth, backlog.lowest_sequence) == (1, 2)
    outbox.receipted([second.payload_sha256])
    assert outbox.backlog().lowest_sequence == 3
    assert accept(outbox)[1].sequence == 3


def test_a_failed_build_leaves_no_gap(open_outbox):
    outbox = open_outbox()

    def fail(_link):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        outbox.accept("passage", fail, subject_id="s", items=(), wanted=())
    assert accept(outbox)[1].sequence == 1


def test_a_manifest_is_made_once_and_waits_for_its_subject(open_outbox):
    outbox = open_outbox()
    subject, taken = accept(outbox)
    made = outbox.accept_manifest(subject, lambda _, head: head.encode(), items=())
    assert made is not None
    assert outbox.accept_manifest(subject, lambda *_: b"again", items=()) is None
    assert [row.leaf for row in outbox.waiting(9)] == ["passage"]
    outbox.receipted([taken.payload_sha256])
    assert [row.leaf for row in outbox.waiting(9)] == ["evidence"]
    assert outbox.waiting(9)[0].payload == taken.payload_sha256.encode()


def test_files_go_only_after_the_receipt_for_their_announcement(open_outbox):
    outbox = open_outbox()
    item = photograph(b"jpeg", "front", recorder="front", recorded_at=now())
    _, taken = accept(outbox, items=(item.note,))
    assert outbox.files(9) == []
    outbox.receipted([taken.payload_sha256])
    (file,) = outbox.files(9)
    assert file.sha256 == sha256(b"jpeg")
    outbox.delivered(file)
    assert outbox.files(9) == []


def test_a_quarantined_message_is_kept_aside_and_the_next_goes_on(open_outbox):
    outbox = open_outbox()
    _, bad = accept(outbox, "bad")
    accept(outbox, "good")
    assert outbox.quarantined(bad.payload_sha256, "schema")
    assert not outbox.quarantined(bad.payload_sha256, "schema")
    assert outbox.backlog().depth == 1
    assert outbox.backlog().quarantined == 1
    assert outbox.backlog().lowest_sequence == 2


def test_another_stations_outbox_is_refused(tmp_path, open_outbox):
    open_outbox().close()
    with pytest.raises(ConfigError, match="TEST-001"):
        Outbox(tmp_path / "outbox.sqlite3", station_id="TEST-002", now=now)


WRITER = """
import datetime as dt, pathlib, sys
import msgspec
from edge.outbox import Outbox
outbox = Outbox(
    pathlib.Path(sys.argv[1]), station_id="TEST-001",
    now=lambda: dt.datetime.now(dt.UTC),
)
def build(link):
    return msgspec.json.encode(
        {"sequence": link.sequence, "previous_hash": link.previous_hash}
    )
while True:
    taken = outbox.accept(
        "passage", build, subject_id=f"s{sys.argv[2]}-{outbox.backlog().depth}",
        items=(), wanted=(),
    )
    print(taken.sequence, taken.payload_sha256, flush=True)
"""


def test_ten_kills_leave_no_gap_no_double_and_lose_nothing_accepted(
    tmp_path, repository, open_outbox
):
    said = []
    for trial in range(10):
        child = subprocess.Popen(
            [
                sys.executable,
                "-c",
                WRITER,
                str(tmp_path / "outbox.sqlite3"),
                str(trial),
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd=repository,
        )
        chance = random.Random(trial)
        lines = chance.randrange(1, 40)
        said += [child.stdout.readline().split() for _ in range(lines)]
        threading.Event().wait(chance.random() * 0.01)
        os.kill(child.pid, signal.SIGKILL)
        said += [line.split() for line in child.stdout if line.endswith("\n")]
        child.stdout.close()
        child.wait()
    outbox = open_outbox()
    kept = chain_of(outbox)
    assert kept == list(range(1, len(kept) + 1))
    hashes = {row.payload_sha256 for row in outbox.waiting(10_000)}
    told = [line for line in said if len(line) == 2]
    assert len(told) > 50
    assert all(digest in hashes for _, digest in told)
    assert len({number for number, _ in told}) == len(told)


def test_a_full_disk_refuses_the_new_and_keeps_the_old(open_outbox):
    outbox = open_outbox()
    accept(outbox)
    (pages,) = outbox._connection.execute("PRAGMA page_count").fetchone()
    outbox._connection.execute(f"PRAGMA max_page_count = {pages + 4}")
    taken = 1 + fill(outbox)
    assert outbox.refusal is not None
    assert chain_of(outbox) == list(range(1, taken + 1))
    outbox._connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
    assert outbox.probe() is None
    assert accept(outbox, size=3000)[1].sequence == taken + 1


def test_too_little_free_room_refuses_before_the_disk_does(open_outbox):
    outbox = open_outbox(min_free_bytes=1 << 60)
    with pytest.raises(StorageFullError, match="MB must stay free"):
        accept(outbox)
    assert outbox.backlog().depth == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_disk_that_is_really_full_loses_nothing(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(disk)], check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk is not allowed here")
    try:
        outbox = Outbox(disk / "outbox.sqlite3", station_id="TEST-001", now=now)
        folder = EvidenceFolder(disk / "evidence")
        taken = fill(outbox)
        item = photograph(bytes(2_000_000), "side", recorder="side", recorded_at=now())
        with pytest.raises(StorageFullError):
            folder.keep(item)
        assert not folder.path(item.note.sha256).exists()
        assert len(chain_of(outbox)) == taken > 10
        outbox.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def damage(path, *, at, size):
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xa5" * size)


def test_a_damaged_outbox_is_set_aside_and_what_is_readable_goes_on(
    tmp_path, open_outbox
):
    outbox = open_outbox()
    for _ in range(40):
        accept(outbox, size=1500)
    outbox.close()
    path = tmp_path / "outbox.sqlite3"
    damage(path, at=path.stat().st_size // 2 // 4096 * 4096, size=4096 * 3)
    again = open_outbox()
    assert again.salvage is not None
    assert again.salvage.set_aside.exists()
    assert 20 < again.backlog().depth < 40
    assert again.salvage.last_sequence == 40
    assert accept(again)[1].sequence == 41


def test_an_unreadable_outbox_never_gives_a_number_twice(tmp_path, open_outbox):
    outbox = open_outbox()
    for _ in range(3):
        accept(outbox)
    outbox.close()
    (tmp_path / "outbox.sqlite3").write_bytes(b"\x00\xff" * 8192)
    again = open_outbox()
    assert again.salvage is not None
    assert again.backlog().depth == 0
    assert accept(again)[1].sequence > 3


def test_the_commit_is_synced_before_it_returns(open_outbox):
    outbox = open_outbox()
    db: sqlite3.Connection = outbox._connection
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_swept_are_only_files_that_nothing_names_and_nobody_touches(
    tmp_path, open_outbox
):
    outbox, folder = open_outbox(), EvidenceFolder(tmp_path / "evidence")
    items = [
        photograph(text, "front", recorder="front", recorded_at=now())
        for text in (b"named", b"free")
    ]
    for item in items:
        folder.keep(item)
    accept(outbox, items=(items[0].note,))
    assert folder.sweep(outbox.names_file, before=now() - dt.timedelta(minutes=1)) == 0
    assert folder.sweep(outbox.names_file, before=now() + dt.timedelta(minutes=1)) == 1
    assert folder.path(items[0].note.sha256).read_bytes() == b"named"
