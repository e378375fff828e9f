"""What was quarantined for a fault since mended can be taken again, once."""

import datetime as dt
import json

import msgspec
import pytest

from server.audit import service as audit
from server.evidence import service as evidence
from server.ingest.intake import Intake
from server.ingest.requeue import Requeued, requeue
from server.review import service as review
from server.stations import service as stations
from server.stations.model import Registry
from wim.seal import public_key

pytestmark = pytest.mark.anyio

NOW = dt.datetime(2026, 11, 20, 8, 0, tzinfo=dt.UTC)


@pytest.fixture
def mistaken(pool, published, registry, rules):
    """An intake whose configuration has a wrong key for DEMO-001."""
    wrong = public_key(b"\x09" * 32)
    known = Registry(
        msgspec.structs.replace(one, public_key=wrong)
        if one.station_id == "DEMO-001"
        else one
        for one in registry.all()
    )
    return Intake(pool, known, rules, clock=lambda: NOW)


async def test_a_station_whose_key_was_wrong_loses_nothing(
    mistaken, intake, pool, sender
):
    demo = sender()
    topic, payload = demo.passage()
    subject_id = json.loads(payload)["passage_id"]
    manifest = demo.manifest(subject_id, payload, demo.note())
    taken = await mistaken.take([(topic, payload), manifest])
    assert {one.outcome for one in taken} == {"quarantined"}
    entries = await stations.quarantine(pool)
    assert {entry.code for entry in entries} == {"signature"}

    assert await requeue(pool, intake, station_id=None) == Requeued(
        stored=2, duplicate=0, left={}
    )
    assert await stations.quarantine(pool) == ()
    (record,) = await review.queue(pool)
    assert record.passage.passage_id == subject_id
    assert (await evidence.of_subject(pool, subject_id)).manifest is not None
    trail = await audit.trail(pool, "quarantine", str(entries[-1].quarantine_id))
    assert [(t.action, t.details["code"]) for t in trail] == [
        ("message_requeued", "signature")
    ]
    demo_001 = next(
        s for s in await stations.all_stations(pool) if s.station_id == demo.station_id
    )
    assert (demo_001.messages_stored, demo_001.quarantined) == (1, 0)


async def test_what_is_still_wrong_stays_as_it_was(mistaken, intake, pool, sender):
    demo = sender()
    mended, again = demo.passage(), demo.passage()
    with_its_number = demo.passage(sequence=1)
    for one in (mended, again):
        await mistaken.take([one])
    await intake.take([again])  # its station sent it once more, with the key mended
    await intake.take([with_its_number, demo.passage(wim_version="\x00")])
    await intake.take([("luheng/v1/DEMO-002/passage", b"{}")])
    before = await stations.quarantine(pool)
    became = await requeue(pool, intake, station_id="DEMO-001")
    assert became == Requeued(
        stored=0, duplicate=1, left={"not_storable": 1, "sequence_taken": 1}
    )
    left = await stations.quarantine(pool)
    assert set(left) < set(before)
    assert [(one.topic.split("/")[2], one.code) for one in left] == [
        ("DEMO-002", "schema"),
        ("DEMO-001", "not_storable"),
        ("DEMO-001", "signature"),
    ]
