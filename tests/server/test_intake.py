"""What is delivered is stored once; what is not believed is kept with its reason."""

import asyncio
import datetime as dt
import json

import msgspec
import pytest

from server.audit import service as audit
from server.db.events import EventHub
from server.evidence import service as evidence
from server.passages import service as passages
from server.review import service as review
from server.stations import service as stations
from wim.errors import MessageError
from wim.messages import FindingNote, PassageMessage, decode
from wim.seal import sha256

pytestmark = pytest.mark.anyio

BOTH = pytest.mark.parametrize(
    "server_url",
    ["embedded", pytest.param("debian", marks=pytest.mark.debian)],
    indirect=True,
)


def outcomes(taken):
    return [one.outcome for one in taken]


async def count(pool, table):
    async with pool.connection() as connection:
        cursor = await connection.execute(f"SELECT count(*) AS n FROM {table}")
        return (await cursor.fetchone())["n"]


def subject(sent):
    body = json.loads(sent[1])
    return body.get("passage_id") or body["weighing_id"]


@BOTH
async def test_a_passage_delivered_many_times_is_stored_once(intake, pool, sender):
    sent = sender().passage()
    first = await intake.take([sent])
    again = await intake.take([sent, sent, sent])
    assert outcomes(first + again) == ["stored"] + ["duplicate"] * 3
    assert await count(pool, "passages") == 1
    assert await count(pool, "records") == 1


@BOTH
async def test_two_workers_with_the_same_messages_store_each_once(intake, pool, sender):
    demo = sender()
    sent = [demo.passage(plate=f"浙F1234{n}") for n in range(8)]
    both = await asyncio.gather(intake.take(sent), intake.take(sent[::-1]))
    together = outcomes(both[0]) + outcomes(both[1])
    assert sorted(together) == ["duplicate"] * 8 + ["stored"] * 8
    assert await count(pool, "passages") == 8
    assert await count(pool, "records") == 8


async def test_the_raw_bytes_are_kept(intake, pool, sender):
    topic, payload = sender().passage()
    await intake.take([(topic, payload)])
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT payload FROM passages")
        row = await cursor.fetchone()
    assert bytes(row["payload"]) == payload


async def test_the_same_id_with_other_bytes_is_quarantined(intake, pool, sender):
    demo = sender()
    topic, payload = demo.passage()
    other = demo.passage(passage_id=subject((topic, payload)), sequence=1, lane=2)
    taken = await intake.take([(topic, payload), other])
    assert sorted(outcomes(taken)) == ["quarantined", "stored"]
    (entry,) = await stations.quarantine(pool)
    assert entry.code == "other_bytes"
    assert await count(pool, "passages") == 1


async def test_a_source_cannot_hang_evidence_on_a_passage_by_its_id(
    intake, pool, sender
):
    passage, source = sender().passage(), sender("SRC-001")
    note = source.note(b"a picture of another truck")
    weighing = source.weighing(weighing_id=subject(passage), evidence=(note,))
    taken = await intake.take([passage, weighing])
    assert outcomes(taken) == ["stored", "quarantined"]
    assert taken[1].reason.startswith("other_bytes")
    assert (await evidence.of_subject(pool, subject(passage))).items == ()


async def test_a_passage_cannot_take_the_id_of_a_weighing(intake, pool, sender):
    weighing = sender("SRC-001").weighing()
    passage = sender().passage(passage_id=subject(weighing))
    assert outcomes(await intake.take([weighing])) == ["stored"]
    assert outcomes(await intake.take([passage])) == ["quarantined"]
    assert await count(pool, "passage_ledger") == 0


async def test_a_taken_number_is_quarantined(intake, pool, sender):
    demo = sender()
    await intake.take([demo.passage(), demo.passage(sequence=1)])
    (entry,) = await stations.quarantine(pool)
    assert entry.code == "sequence_taken"
    assert "number 1" in entry.reason


async def test_each_kind_of_bad_message_has_its_reason_and_the_rest_goes_on(
    intake, pool, sender, keys
):
    demo = sender()
    topic, payload = demo.passage()
    stranger = sender("DEMO-002")
    stranger.station_id = "DEMO-404"
    forged = sender()
    forged.key = keys["DEMO-002"]
    from_tomorrow = sender(now=dt.datetime(2026, 11, 22, tzinfo=dt.UTC))
    from_long_ago = sender(now=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    bad = {
        "unknown_topic": ("luheng/v1/DEMO-001/passport", b"{}"),
        "schema": (topic, b'{"schema":"luheng.passage/1"}'),
        "unknown_station": stranger.passage(),
        "wrong_station": ("luheng/v1/DEMO-002/passage", payload),
        "wrong_role": sender("SRC-001").passage(),
        "signature": forged.passage(),
        "time": from_tomorrow.passage(),
    }
    good = sender("DEMO-002").passage()
    sent = [*bad.values(), from_long_ago.passage(), good]
    taken = await intake.take(sent)
    assert outcomes(taken) == ["quarantined"] * (len(bad) + 1) + ["stored"]
    entries = await stations.quarantine(pool)
    assert {entry.code for entry in entries} == set(bad)
    assert next(e for e in entries if e.code == "unknown_station").station_id is None
    by_code = {t.reason.split(":")[0]: t.station_id for t in taken if t.reason}
    assert by_code["unknown_station"] is None
    assert by_code["wrong_station"] == "DEMO-002"
    assert by_code["schema"] == "DEMO-001"
    wrong = next(e for e in entries if e.code == "schema")
    assert "boot_id" in wrong.reason or "missing" in wrong.reason
    assert wrong.excerpt == '{"schema":"luheng.passage/1"}'


@pytest.mark.parametrize(
    "payload",
    [
        b'{"a":"\xff"}',
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' + b"9" * 6_000 + b"}",
        b'{"a":"\\ud800"}',
        b'{"signature":3}',
        b"",
    ],
    ids=["not UTF-8", "deep", "long number", "half a character", "no text", "empty"],
)
@pytest.mark.parametrize("leaf", ["passage", "weighing", "evidence", "status"])
async def test_no_bytes_of_anybody_hold_up_the_rest(
    intake, pool, sender, payload, leaf
):
    good = sender("DEMO-002").passage()
    taken = await intake.take([(f"luheng/v1/DEMO-001/{leaf}", payload), good])
    assert outcomes(taken) == ["quarantined", "stored"]
    (entry,) = await stations.quarantine(pool)
    assert entry.code == "schema"


async def test_no_topic_is_too_long_for_the_quarantine(intake, pool, sender):
    name = "".join(chr(0x4E00 + n % 20_000) for n in range(21_000))
    good = sender().passage()
    sent = [(f"luheng/v1/{name}/passage", b"{}"), good]
    async with asyncio.timeout(10.0):
        assert outcomes(await intake.take(sent)) == ["quarantined", "stored"]
    (entry,) = await stations.quarantine(pool)
    assert entry.code == "unknown_station"
    assert entry.topic.startswith("luheng/v1/一")


async def test_no_plate_is_too_long_for_its_index(intake, pool, sender):
    demo = sender()
    text = "".join(chr(0x4E00 + n * 7_919 % 20_000) for n in range(9_000))
    bad, good = demo.passage(plate=text), demo.passage()
    async with asyncio.timeout(10.0):
        taken = await intake.take([bad, good])
    assert outcomes(taken) == ["quarantined", "stored"]
    assert "9000 characters" in taken[0].reason


async def test_the_same_bad_bytes_again_are_only_counted(intake, pool):
    bad = ("luheng/v1/DEMO-001/passage", b"\xff not json \x00")
    await intake.take([bad])
    await intake.take([bad, bad])
    (entry,) = await stations.quarantine(pool)
    assert entry.deliveries == 3
    assert entry.size_bytes == len(bad[1])


async def test_what_the_database_cannot_hold_is_quarantined_and_the_rest_stored(
    intake, pool, sender
):
    demo = sender()
    nul = demo.passage(wim_version="0.1\x00")
    huge = demo.passage(lane=2**40)
    good = demo.passage()
    taken = await intake.take([nul, good, huge])
    assert outcomes(taken) == ["quarantined", "stored", "quarantined"]
    entries = await stations.quarantine(pool)
    assert {entry.code for entry in entries} == {"not_storable"}


async def test_the_verdict_is_by_the_table_in_force_at_the_passing_time(
    intake, pool, sender
):
    demo = sender()
    late = demo.passage(passed_at=dt.datetime(2025, 12, 31, 15, 59, tzinfo=dt.UTC))
    fresh = demo.passage(passed_at=dt.datetime(2025, 12, 31, 16, 0, tzinfo=dt.UTC))
    await intake.take([late, fresh])
    by_old = await passages.find_passage(pool, subject(late))
    by_new = await passages.find_passage(pool, subject(fresh))
    assert (by_old.verdict.rule_id, by_old.verdict.overloaded) == ("old", False)
    assert (by_new.verdict.rule_id, by_new.verdict.overloaded) == ("new", True)
    assert by_old.summary.record_id is None
    assert by_new.summary.record_id is not None
    assert by_new.verdict.effective_mass_kg == pytest.approx(114_000.0)
    assert by_new.verdict.excess_kg == pytest.approx(65_000.0)


async def test_both_verdicts_stand_side_by_side(intake, pool, sender, rules):
    demo = sender()
    first = demo.passage()
    verdict = rules.judge(msgspec.json.decode(first[1], type=PassageMessage)).verdict
    station_verdict = msgspec.structs.replace(
        verdict, rule_id="the station's own", vehicle_class="rigid"
    )
    sent = demo.passage(assessment=station_verdict)
    await intake.take([sent])
    found = await passages.find_passage(pool, subject(sent))
    assert found.station_verdict.rule_id == "the station's own"
    assert found.verdict.rule_id == "new"
    assert found.verdict.vehicle_class is None


async def test_the_figures_behind_mass_class_and_flags_are_kept(intake, pool, sender):
    demo = sender()
    figures = {
        "gross_mass_uncertainty_kg": 1_800.0,
        "axle_load_uncertainties_kg": (600.0,) * 6,
        "vehicle_class": "articulated",
        "vehicle_class_probability": 0.97,
        "flags": ("braking", "strip_damaged"),
        "findings": (
            FindingNote(
                flag="braking",
                figure="acceleration_mps2",
                value=2.4,
                threshold=0.5,
                severe=True,
            ),
            FindingNote(
                flag="strip_damaged",
                figure="gain",
                value=None,
                threshold=1.4,
                strips=(3,),
            ),
        ),
        "valid": False,
    }
    told, silent = demo.passage(**figures), demo.passage()
    await intake.take([told, silent])
    found = await passages.find_passage(pool, subject(told))
    names = figures.keys() - {"flags", "valid"}
    assert {name: getattr(found, name) for name in names} == {
        name: figures[name] for name in names
    }
    unknown = await passages.find_passage(pool, subject(silent))
    assert unknown.vehicle_class is None
    assert unknown.vehicle_class_probability is None
    assert unknown.findings == ()


async def test_what_an_uncertainty_is_put_together_from_is_kept_with_the_message(
    intake, pool, sender
):
    demo = sender()
    parts = {"rows": 400.0, "bounce": 0.0, "temperature": 800.0}
    told = demo.passage(gross_mass_standard_uncertainties_kg=parts)
    (taken,) = await intake.take([told])
    assert taken.outcome == "stored"
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT payload FROM passages")
        row = await cursor.fetchone()
    kept = msgspec.json.decode(bytes(row["payload"]), type=PassageMessage)
    assert kept.gross_mass_standard_uncertainties_kg == parts
    for wrong in ({"rows": -1.0}, {"Rows!": 1.0}, {f"n{k}": 1.0 for k in range(33)}):
        sent = demo.passage(gross_mass_standard_uncertainties_kg=wrong)
        (refused,) = await intake.take([sent])
        assert refused.outcome == "quarantined"
        assert refused.reason.startswith("schema:")


def test_a_contribution_without_an_end_is_refused(sender):
    key = "gross_mass_standard_uncertainties_kg"
    _, payload = sender().passage(**{key: {"rows": 123.25}})
    assert payload.count(b"123.25") == 1
    with pytest.raises(MessageError, match=key):
        decode(payload.replace(b"123.25", b"1e999"), PassageMessage)


UNSHOWN = {
    "speed_mps": None,
    "axle_spacings_m": None,
    "axle_groups": None,
    "axle_configuration": None,
    "flags": ("stop_and_go",),
    "valid": False,
}


async def test_what_a_crossing_did_not_show_is_stored_and_listed_as_unknown(
    intake, pool, sender
):
    sent = sender().passage(**UNSHOWN)
    assert outcomes(await intake.take([sent])) == ["stored"]
    found = await passages.find_passage(pool, subject(sent))
    assert found.axle_spacings_m is None
    assert found.axle_groups is None
    assert found.verdict.overloaded, "the mass is held against the limit all the same"
    (summary,) = await passages.recent(pool)
    assert (summary.speed_mps, summary.axle_configuration) == (None, None)
    assert summary.axle_count == 6
    assert summary.record_id is None
    async with pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT axle_groups IS NULL AS unknown FROM passages"
        )
        assert (await cursor.fetchone())["unknown"]


async def test_half_a_geometry_or_a_valid_one_without_is_quarantined(intake, sender):
    demo = sender()
    half = demo.passage(**UNSHOWN)[1].replace(
        b'"axle_configuration":null', b'"axle_configuration":"1+2+3"'
    )
    valid = demo.passage(**UNSHOWN)[1].replace(b'"valid":false', b'"valid":true')
    topic = "luheng/v1/DEMO-001/passage"
    taken = await intake.take([(topic, half), (topic, valid)])
    assert outcomes(taken) == ["quarantined"] * 2
    assert "all known or all null" in taken[0].reason
    assert "without speed or axle spacings" in taken[1].reason


async def test_without_a_limit_there_is_no_verdict_and_the_reason_is_said(
    intake, pool, sender
):
    sent = sender().passage(axles=4)
    await intake.take([sent])
    found = await passages.find_passage(pool, subject(sent))
    assert found.verdict is None
    assert "no limit for 4 axles" in found.verdict_problem
    assert found.summary.overloaded is None
    assert found.summary.hundred_tonne
    assert found.summary.record_id is None


async def test_an_invalid_passage_opens_no_record(intake, pool, sender):
    sent = sender().passage(valid=False, flags=("straddling",))
    await intake.take([sent])
    summary = await passages.find_summary(pool, subject(sent))
    assert summary.overloaded
    assert summary.record_id is None
    assert await passages.recent(pool, overloaded_only=True) == ()


async def test_a_trailers_plate_is_never_taken_for_the_tractors(intake, pool, sender):
    demo = sender()
    sent = demo.passage(
        plate_readings=(
            demo.plate(None, view="front"),
            demo.plate("浙F9999挂", view="rear", confidence=0.99),
        )
    )
    await intake.take([sent])
    summary = await passages.find_summary(pool, subject(sent))
    assert (summary.plate, summary.trailer_plate) == (None, "浙F9999挂")


@BOTH
async def test_the_summary_says_what_the_wall_shows(
    intake, pool, sender, request, server_url
):
    demo = sender()
    sent = demo.passage(
        plate_readings=(
            demo.plate(None, view="side"),
            demo.plate("浙F9999挂", view="rear", confidence=0.99),
            demo.plate("浙F12345", view="front", confidence=0.6),
        )
    )
    await intake.take([sent])
    (summary,) = await passages.recent(pool)
    assert (summary.plate, summary.plate_confidence) == ("浙F12345", 0.6)
    assert summary.trailer_plate == "浙F9999挂"
    assert summary.hundred_tonne
    assert summary.overload_ratio == pytest.approx(120 / 49 - 1)
    assert summary.station_name == "DEMO-001 检测点"
    embedded = "debian" not in request.node.name
    assert (summary.committed_at is not None) is embedded


async def test_lists_page_on_by_arrival_without_missing_one(intake, pool, sender):
    demo = sender()
    for _ in range(5):
        await intake.take([demo.passage()])
    newest = await passages.recent(pool, limit=2)
    assert [p.arrival for p in newest] == [5, 4]
    older = await passages.recent(pool, limit=2, before=4)
    assert [p.arrival for p in older] == [3, 2]
    onwards = await passages.recent(pool, limit=2, after=1)
    assert [p.arrival for p in onwards] == [3, 2]


async def test_a_late_passage_gets_its_own_day_and_a_strange_one_is_not_lost(
    intake, pool, sender
):
    demo = sender()
    days = [dt.timedelta(days=n) for n in (0, 1, 30, 300)]
    sent = [demo.passage(passed_at=demo.now - day) for day in days]
    assert outcomes(await intake.take(sent)) == ["stored"] * 4
    async with pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT tableoid::regclass::text AS part FROM passages"
        )
        parts = {row["part"] for row in await cursor.fetchall()}
    assert len(parts) == 4
    assert "passages_elsewhen" not in parts


async def test_a_day_that_already_lies_elsewhen_loses_no_row(intake, pool, sender):
    demo = sender()
    sent = demo.passage()
    original, intake._prepare_days = intake._prepare_days, _nothing
    await intake.take([sent])
    intake._prepare_days = original
    assert outcomes(await intake.take([demo.passage()])) == ["stored"]
    assert await count(pool, "passages_elsewhen") == 2


async def _nothing(_looked_at):
    return None


@BOTH
async def test_a_manifest_after_its_passage_completes_it(intake, pool, sender):
    demo = sender()
    photo = demo.note()
    sent = demo.passage(evidence=(photo,))
    side = demo.note(b"side", kind="photo_side", proves="vehicle_side_and_axles")
    manifest = demo.manifest(
        subject(sent),
        sent[1],
        photo,
        side,
        missing=("photo_rear",),
        plate_readings=(demo.plate("浙F9999挂", view="rear"),),
    )
    taken = await intake.take([manifest, sent, manifest])
    assert outcomes(taken) == ["stored", "stored", "duplicate"]
    found = await evidence.of_subject(pool, subject(sent))
    assert found.manifest.missing == ("photo_rear",)
    assert {(i.kind, i.in_manifest) for i in found.items} == {
        ("photo_front", True),
        ("photo_side", True),
    }
    passage = await passages.find_passage(pool, subject(sent))
    assert [n.text for n in passage.plate_readings] == ["浙F12345", "浙F9999挂"]


async def test_a_manifest_before_its_passage_waits_for_it(intake, pool, sender):
    demo = sender()
    sent = demo.passage()
    manifest = demo.manifest(subject(sent), sent[1], demo.note())
    assert outcomes(await intake.take([manifest])) == ["stored"]
    assert outcomes(await intake.take([manifest])) == ["duplicate"]
    assert (await evidence.of_subject(pool, subject(sent))).manifest is None
    await intake.take([sent])
    found = await evidence.of_subject(pool, subject(sent))
    assert found.manifest.payload_sha256 == sha256(manifest[1])
    assert await count(pool, "waiting_manifests") == 0


async def test_a_manifest_and_its_passage_at_once_do_not_miss_each_other(
    intake, pool, sender
):
    demo = sender()
    for _ in range(6):
        sent = demo.passage()
        manifest = demo.manifest(subject(sent), sent[1], demo.note())
        await asyncio.gather(intake.take([manifest]), intake.take([sent]))
    assert await count(pool, "evidence_manifests") == 6
    assert await count(pool, "waiting_manifests") == 0


async def test_a_manifest_of_other_bytes_or_of_a_stranger_is_quarantined(
    intake, pool, sender
):
    demo, other = sender(), sender("DEMO-002")
    sent = demo.passage()
    await intake.take([sent])
    moved = demo.manifest(subject(sent), b"another payload", demo.note())
    strange = other.manifest(subject(sent), sent[1], demo.note())
    right = demo.manifest(subject(sent), sent[1], demo.note())
    second = demo.manifest(subject(sent), sent[1])
    taken = await intake.take([moved, strange])
    assert outcomes(taken) == ["quarantined", "quarantined"]
    assert outcomes(await intake.take([right])) == ["stored"]
    assert outcomes(await intake.take([second])) == ["quarantined"]
    codes = [entry.code for entry in await stations.quarantine(pool)]
    assert sorted(codes) == ["other_bytes", "other_subject", "other_subject"]


async def test_a_manifest_whose_passage_never_comes_is_quarantined_in_the_end(
    intake, pool, sender
):
    demo = sender()
    manifest = demo.manifest(subject(demo.passage()), b"never sent", demo.note())
    await intake.take([manifest])
    assert await intake.sweep() == 0
    intake._clock = lambda: demo.now + dt.timedelta(hours=25)
    assert await intake.sweep() == 1
    (entry,) = await stations.quarantine(pool)
    assert entry.code == "no_subject"


async def test_events_are_told_only_of_what_was_committed(
    intake, pool, sender, database_url
):
    hub = EventHub(database_url)
    task = asyncio.create_task(hub.run())
    await asyncio.wait_for(hub.wait_until_listening(), 5)
    with hub.watch() as events:
        sent = sender().passage()
        await intake.take([sent, ("luheng/v1/DEMO-001/passage", b"bad")])
        heard = [await asyncio.wait_for(anext(events), 5) for _ in range(4)]
    task.cancel()
    kinds = {event.kind: event.id for event in heard}
    assert set(kinds) == {"passage", "alert", "record", "quarantine"}
    assert kinds["passage"] == kinds["alert"] == subject(sent)


async def test_opening_a_record_is_an_audit_row_of_the_centre(intake, pool, sender):
    await intake.take([sender().passage()])
    (record,) = await review.queue(pool)
    (entry,) = await audit.trail(pool, "record", str(record.record_id))
    assert (entry.action, entry.account_id) == ("record_opened", None)


async def test_signature_covers_what_the_sender_wrote(intake, sender, keys):
    demo = sender()
    topic, payload = demo.passage()
    tampered = payload.replace(b'"lane":1', b'"lane":2')
    assert tampered != payload
    (taken,) = await intake.take([(topic, tampered)])
    assert taken.reason.startswith("signature")
    assert outcomes(await intake.take([(topic, payload)])) == ["stored"]
