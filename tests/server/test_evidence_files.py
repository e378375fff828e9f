"""Evidence files: taken only as announced, refused and counted otherwise."""

import errno
import json

import pytest

from server.errors import EvidenceRefused, NotFound
from server.evidence import service as evidence
from server.evidence.files import EvidenceFiles
from wim.seal import public_key, sha256, sign_upload

pytestmark = pytest.mark.anyio

PHOTO = b"\xff\xd8 a photo \xff\xd9" * 1000


@pytest.fixture
def files(tmp_path):
    made = EvidenceFiles(tmp_path / "evidence", max_bytes=100_000, min_free_bytes=0)
    made.prepare()
    return made


@pytest.fixture
async def announced(intake, sender):
    demo = sender()
    sent = demo.passage(evidence=(demo.note(PHOTO),))
    await intake.take([sent])
    return json.loads(sent[1])["passage_id"]


@pytest.fixture
def upload(pool, files, keys, sender):
    async def send(content=PHOTO, *, digest=None, station_id="DEMO-001", **changes):
        name = digest or sha256(content)

        async def chunks():
            for at in range(0, len(content), 4096):
                yield content[at : at + 4096]

        fields = {
            "station_id": station_id,
            "signer": public_key(keys[station_id]) if station_id in keys else None,
            "signature": sign_upload(name, station_id, keys.get(station_id, b"9" * 32)),
            "content": chunks(),
            "now": sender().now,
        }
        return await evidence.receive_upload(pool, files, name, **fields | changes)

    return send


async def refused(attempt):
    with pytest.raises(EvidenceRefused) as error:
        await attempt
    return error.value.reason


async def counted(pool):
    return {(r.station_id, r.reason): r.count for r in await evidence.refusals(pool)}


async def test_an_announced_file_is_stored_under_its_hash(
    pool, files, upload, announced
):
    assert await upload() == "stored"
    found = await evidence.find_file(pool, files, sha256(PHOTO))
    assert found.path.read_bytes() == PHOTO
    assert found.media_type == "image/jpeg"
    assert (await evidence.of_subject(pool, announced)).items[0].stored_at is not None
    assert await upload() == "had"
    assert await counted(pool) == {}


async def test_a_file_that_was_lost_from_the_disk_is_taken_again(
    files, upload, announced
):
    await upload()
    files.path(sha256(PHOTO)).unlink()
    assert await upload() == "stored"


async def test_every_refusal_has_its_reason_and_is_counted(
    pool, files, upload, announced
):
    digest = sha256(PHOTO)
    assert await refused(upload(b"never announced")) == "not_announced"
    assert await refused(upload(station_id="DEMO-002")) == "not_announced"
    assert await refused(upload(station_id="NOBODY")) == "unknown_station"
    assert await refused(upload(signature="00" * 64)) == "bad_signature"
    assert await refused(upload(PHOTO[:-1] + b"x", digest=digest)) == "hash_mismatch"
    assert await refused(upload(PHOTO[:-1], digest=digest)) == "size_mismatch"
    assert await refused(upload(PHOTO + b"x", digest=digest)) == "size_mismatch"
    assert await counted(pool) == {
        ("DEMO-001", "not_announced"): 1,
        ("DEMO-002", "not_announced"): 1,
        ("?", "unknown_station"): 1,
        ("DEMO-001", "bad_signature"): 1,
        ("DEMO-001", "hash_mismatch"): 1,
        ("DEMO-001", "size_mismatch"): 2,
    }
    assert not files.has(digest)
    assert list((files.path(digest).parents[2] / "arriving").iterdir()) == []
    with pytest.raises(NotFound):
        await evidence.find_file(pool, files, digest)


async def test_a_file_larger_than_allowed_is_refused_before_it_is_read(
    intake, sender, upload
):
    demo = sender()
    large = b"x" * 100_001
    await intake.take([demo.passage(evidence=(demo.note(large),))])
    assert await refused(upload(large)) == "too_large"


async def test_a_full_disk_takes_nothing_and_says_so(
    pool, files, upload, announced, monkeypatch
):
    files._min_free_bytes = 2**62
    assert await refused(upload()) == "disk_full"
    files._min_free_bytes = 0

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("server.evidence.files._flush", full)
    assert await refused(upload()) == "disk_full"
    monkeypatch.undo()
    assert await upload() == "stored"
    assert await counted(pool) == {("DEMO-001", "disk_full"): 2}


async def test_what_a_killed_server_left_half_done_is_removed(files, tmp_path):
    left = tmp_path / "evidence" / "arriving" / "half.1234"
    left.write_bytes(b"half")
    files.prepare()
    assert not left.exists()


async def test_no_path_leaves_the_folder(files):
    with pytest.raises(ValueError, match="not a SHA-256"):
        files.path("../" * 20 + "etc/passwd")
