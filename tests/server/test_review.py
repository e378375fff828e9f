"""One record, three people, at most one case: in Python and in the database."""

import asyncio
import json

import psycopg
import pytest

from server.audit import service as audit
from server.cases import service as cases
from server.cases.workflow import case_number
from server.errors import Conflict, NotAllowed, NotFound
from server.evidence import store as evidence_store
from server.passages import service as passages
from server.review import service as review
from server.review.model import STATES
from server.review.workflow import FINAL, FIRST, TABLE, next_step

pytestmark = pytest.mark.anyio

BOTH = pytest.mark.parametrize(
    "server_url",
    ["embedded", pytest.param("debian", marks=pytest.mark.debian)],
    indirect=True,
)


@pytest.fixture
async def opened(pool, intake, sender, officers):
    """Return a function that makes a record whose evidence is complete."""
    demo = sender()

    async def make(*, complete=True, gross_mass_kg=120_000.0):
        photo = demo.note()
        sent = demo.passage(evidence=(photo,), gross_mass_kg=gross_mass_kg)
        subject = json.loads(sent[1])["passage_id"]
        await intake.take([sent])
        if complete:
            await intake.take([demo.manifest(subject, sent[1], photo)])
            async with pool.connection() as connection:
                await evidence_store.mark_stored(
                    connection,
                    photo.sha256,
                    station_id="DEMO-001",
                    size_bytes=photo.size_bytes,
                    now=demo.now,
                )
        summary = await passages.find_summary(pool, subject)
        return summary.record_id

    return make


def act(pool, officers, who, outcome="pass", reason=None, remark=""):
    return {
        "officer": officers[who],
        "outcome": outcome,
        "reason": reason,
        "remark": remark,
        "now": officers[who].created_at,
    }


async def test_the_law_in_the_database_is_the_law_in_python(pool):
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT * FROM review_law")
        rows = await cursor.fetchall()
    in_database = {
        (r["from_state"], (r["step"], r["outcome"]), r["to_state"], r["role"])
        for r in rows
    }
    in_python = {(at, event, t.state, t.role) for (at, event), t in TABLE.items()}
    assert in_database == in_python


def test_every_state_is_reached_and_every_end_is_final():
    reached = {FIRST} | {t.state for t in TABLE.values()}
    assert reached == set(STATES)
    assert {s for s in STATES if next_step(s) is None} == FINAL
    assert {
        "filed",
        "first_review_rejected",
        "second_review_rejected",
        "not_pursued",
    } == FINAL


@BOTH
async def test_three_people_make_a_case_of_a_record(pool, opened, officers):
    record_id = await opened()
    first = act(pool, officers, "li", remark="清楚")
    assert await review.first_review(pool, record_id, **first) == (
        "awaiting_second_review"
    )
    second = act(pool, officers, "wang")
    assert await review.second_review(pool, record_id, **second) == (
        "awaiting_judgement"
    )
    judged = await cases.judge(
        pool, record_id, **act(pool, officers, "zhao", "file", remark="立案")
    )
    assert judged.number == case_number(officers["zhao"].created_at.year, 1)
    found = await cases.find_case(pool, judged.case_id, viewer=officers["sun"])
    assert found.case.state == "filing_approval"
    assert found.record.state == "filed"
    assert [s.account_name for s in found.record.steps] == ["li", "wang", "zhao"]
    assert found.record.steps[0].remark == "清楚"
    assert (await cases.all_cases(pool)) == (found.case,)
    trail = await audit.trail(pool, "record", str(record_id))
    assert [(e.account_name, e.action) for e in trail] == [
        ("luheng", "record_opened"),
        ("li", "first_review_pass"),
        ("wang", "second_review_pass"),
        ("zhao", "judgement_file"),
    ]


async def test_case_numbers_have_no_gap_when_a_judgement_fails(pool, opened, officers):
    numbers = []
    for complete in (True, False, True):
        record_id = await opened(complete=complete)
        await review.first_review(pool, record_id, **act(pool, officers, "li"))
        await review.second_review(pool, record_id, **act(pool, officers, "wang"))
        try:
            judged = await cases.judge(
                pool, record_id, **act(pool, officers, "zhao", "file")
            )
        except Conflict:
            continue
        numbers.append(judged.number)
    assert [n[-6:] for n in numbers] == ["000001", "000002"]


async def test_nobody_decides_two_steps_of_one_record(pool, opened, officers):
    record_id = await opened()
    await review.first_review(pool, record_id, **act(pool, officers, "qian"))
    with pytest.raises(NotAllowed, match="three people") as refused:
        await review.second_review(pool, record_id, **act(pool, officers, "qian"))
    assert refused.value.code == "same_person"
    await review.second_review(pool, record_id, **act(pool, officers, "li"))
    with pytest.raises(NotAllowed, match="three people"):
        await cases.judge(pool, record_id, **act(pool, officers, "qian", "file"))


async def test_a_step_needs_its_role_state_record_and_reason(pool, opened, officers):
    record_id = await opened()
    with pytest.raises(NotAllowed, match="reviewer"):
        await review.first_review(pool, record_id, **act(pool, officers, "zhao"))
    with pytest.raises(Conflict, match="waits for its first_review"):
        await review.second_review(pool, record_id, **act(pool, officers, "li"))
    with pytest.raises(NotFound):
        await review.first_review(pool, 999, **act(pool, officers, "li"))
    with pytest.raises(ValueError, match="needs a reason"):
        await review.first_review(
            pool, record_id, **act(pool, officers, "li", "reject")
        )
    with pytest.raises(ValueError, match="takes no reason"):
        await review.first_review(
            pool, record_id, **act(pool, officers, "li", "pass", "straddling")
        )
    rejected = act(pool, officers, "li", "reject", "straddling", "压线")
    await review.first_review(pool, record_id, **rejected)
    with pytest.raises(Conflict, match="at an end"):
        await review.second_review(pool, record_id, **act(pool, officers, "wang"))


async def test_a_judgement_waits_for_manifest_and_files(pool, opened, officers):
    record_id = await opened(complete=False)
    await review.first_review(pool, record_id, **act(pool, officers, "li"))
    await review.second_review(pool, record_id, **act(pool, officers, "wang"))
    with pytest.raises(Conflict, match="lacks: manifest, file:photo_front") as lacks:
        await cases.judge(pool, record_id, **act(pool, officers, "zhao", "file"))
    assert lacks.value.code == "lacking"
    record = await review.find_record(pool, record_id, viewer=officers["zhao"])
    assert record.lacking == lacks.value.lacking
    assert record.barred == "lacking"
    judged = await cases.judge(
        pool, record_id, **act(pool, officers, "zhao", "not_pursued", "photo_missing")
    )
    assert judged.case_id is None


@BOTH
async def test_many_judges_at_once_open_one_case(pool, opened, officers):
    record_id = await opened()
    await review.first_review(pool, record_id, **act(pool, officers, "li"))
    await review.second_review(pool, record_id, **act(pool, officers, "wang"))
    attempts = [
        cases.judge(pool, record_id, **act(pool, officers, who, "file"))
        for who in ("zhao", "qian", "zhao", "qian")
    ]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(not isinstance(r, BaseException) for r in results) == 1
    assert all(isinstance(r, Conflict) for r in results if isinstance(r, BaseException))
    assert len(await cases.all_cases(pool)) == 1


async def test_the_second_review_of_a_hundred_tonne_truck_is_blind(
    pool, opened, officers
):
    record_id = await opened(gross_mass_kg=120_000.0)
    said = act(pool, officers, "li", remark="明显超限")
    await review.first_review(pool, record_id, **said)
    for_second = await review.find_record(pool, record_id, viewer=officers["wang"])
    for_first = await review.find_record(pool, record_id, viewer=officers["li"])
    (hidden,) = for_second.steps
    assert (hidden.remark, hidden.account_name, hidden.hidden) == ("", None, True)
    assert for_first.steps[0].remark == "明显超限"
    assert for_first.barred == "same_person"
    assert for_second.barred is None
    await review.second_review(pool, record_id, **act(pool, officers, "wang"))
    after = await review.find_record(pool, record_id, viewer=officers["wang"])
    assert after.steps[0].remark == "明显超限"


async def test_below_a_hundred_tonnes_the_second_reviewer_sees_the_first(
    pool, opened, officers
):
    record_id = await opened(gross_mass_kg=60_000.0)
    said = act(pool, officers, "li", remark="看得见")
    await review.first_review(pool, record_id, **said)
    seen = await review.find_record(pool, record_id, viewer=officers["wang"])
    assert seen.steps[0].remark == "看得见"


async def test_the_queue_is_filtered_by_state(pool, opened, officers):
    one, two = await opened(), await opened()
    await review.first_review(pool, one, **act(pool, officers, "li"))
    waiting = await review.queue(pool, state="awaiting_first_review")
    assert [r.record_id for r in waiting] == [two]
    assert waiting[0].passage.hundred_tonne
    assert [r.record_id for r in await review.queue(pool)] == [two, one]


@BOTH
async def test_direct_sql_cannot_get_around_the_law(pool, opened, officers):
    record_id = await opened()
    incomplete = await opened(complete=False)
    await review.first_review(pool, record_id, **act(pool, officers, "qian"))
    for step in ("first_review", "second_review"):
        who = "li" if step == "first_review" else "wang"
        await getattr(review, step)(pool, incomplete, **act(pool, officers, who))
    people = {name: one.account_id for name, one in officers.items()}
    step = (
        "INSERT INTO review_steps (record_id, step, outcome, reason, remark, "
        "account_id, at) VALUES ({}, '{}', '{}', {}, '', {}, now())"
    )
    attempts = {
        "same person": step.format(
            record_id, "second_review", "pass", "NULL", people["qian"]
        ),
        "no reviewer": step.format(
            record_id, "second_review", "pass", "NULL", people["zhao"]
        ),
        "wrong state": step.format(
            record_id, "judgement", "file", "NULL", people["zhao"]
        ),
        "no reason": step.format(
            record_id, "second_review", "reject", "NULL", people["wang"]
        ),
        "evidence lacking": step.format(
            incomplete, "judgement", "file", "NULL", people["zhao"]
        ),
        "state without a step": "UPDATE records SET state = 'filed'",
        "back again": "UPDATE records SET state = 'awaiting_first_review' "
        f"WHERE record_id = {record_id}",
        "another passage": "UPDATE records SET passage_id = gen_random_uuid()",
        "no longer blind": "UPDATE records SET blind = NOT blind",
        "record gone": "DELETE FROM records",
        "step changed": "UPDATE review_steps SET account_id = 1",
        "step gone": "DELETE FROM review_steps",
        "steps emptied": "TRUNCATE review_steps",
        "audit changed": "UPDATE audit_log SET account_name = 'nobody'",
        "audit gone": "DELETE FROM audit_log",
        "audit emptied": "TRUNCATE audit_log",
        "case without filing": "INSERT INTO cases (number, record_id, passage_id, "
        "state, opened_at, opened_by) SELECT 'x', record_id, passage_id, 'filed', "
        f"now(), {people['zhao']} FROM records WHERE record_id = {record_id}",
        "record that begins filed": "INSERT INTO records (passage_id, state, blind, "
        "opened_at, changed_at) VALUES (gen_random_uuid(), 'filed', false, now(), "
        "now())",
    }
    for name, attempt in attempts.items():
        async with pool.connection() as connection:
            try:
                await connection.execute(attempt)
            except psycopg.IntegrityError:
                await connection.rollback()
            else:
                pytest.fail(f"the database let pass: {name}")
