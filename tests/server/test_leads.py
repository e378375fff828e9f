"""Leads: the same plate or one character apart, in the 24 hours before; never proof."""

import datetime as dt
import json

import pytest
from hypothesis import given, strategies as st

from server.tracing import service as tracing
from server.tracing.workflow import compare_plates, patterns

pytestmark = pytest.mark.anyio

DAY = dt.timedelta(hours=24)
BOTH = pytest.mark.parametrize(
    "server_url",
    ["embedded", pytest.param("debian", marks=pytest.mark.debian)],
    indirect=True,
)


@BOTH
async def test_leads_are_the_same_plate_or_one_misread_in_the_day_before(
    pool, intake, sender
):
    demo, source = sender(), sender("SRC-001")
    at = demo.now
    weighings = {
        "same": source.weighing(plate="浙F12345", weighed_at=at - DAY / 2),
        "misread": source.weighing(plate="浙F1234S", weighed_at=at - DAY / 4),
        "first moment": source.weighing(plate="浙F12345", weighed_at=at - DAY),
        "passing moment": source.weighing(plate="浙F12345", weighed_at=at),
        "too early": source.weighing(
            plate="浙F12345", weighed_at=at - DAY - dt.timedelta(microseconds=1)
        ),
        "after": source.weighing(
            plate="浙F12345", weighed_at=at + dt.timedelta(microseconds=1)
        ),
        "two apart": source.weighing(plate="浙F12399", weighed_at=at - DAY / 2),
        "longer": source.weighing(plate="浙F123456", weighed_at=at - DAY / 2),
        "unread": source.weighing(plate=None, weighed_at=at - DAY / 2),
    }
    sent = demo.passage(passed_at=at, gross_mass_kg=120_000.0, plate="浙F12345")
    await intake.take([*weighings.values(), sent])
    leads = await tracing.leads(pool, json.loads(sent[1])["passage_id"])
    names = {json.loads(p)["weighing_id"]: n for n, (_, p) in weighings.items()}
    assert [(names[x.weighing.weighing_id], x.match) for x in leads] == [
        ("passing moment", "same_plate"),
        ("same", "same_plate"),
        ("first moment", "same_plate"),
        ("misread", "one_character"),
    ]
    lead = leads[1]
    assert (lead.passage_gross_mass_kg, lead.weighing.gross_mass_kg) == (
        120_000.0,
        118_000.0,
    )
    assert lead.difference_kg == pytest.approx(2_000.0)
    assert lead.lead_time_s == pytest.approx(12 * 3600)
    assert lead.proof is False
    assert lead.weighing.enterprise_name == "海宁石料厂"


async def test_without_a_plate_or_a_weighing_there_is_no_lead(pool, intake, sender):
    demo, source = sender(), sender("SRC-001")
    unread, lonely = demo.passage(plate=None), demo.passage(plate="沪A00001")
    await intake.take([source.weighing(), unread, lonely])
    for sent in (unread, lonely):
        assert await tracing.leads(pool, json.loads(sent[1])["passage_id"]) == ()


async def test_a_plate_with_a_wildcard_in_it_finds_only_itself(pool, intake, sender):
    demo, source = sender(), sender("SRC-001")
    sent = demo.passage(plate="浙%_\\345")
    await intake.take(
        [source.weighing(plate="浙F12345"), source.weighing(plate="浙%_\\344"), sent]
    )
    (lead,) = await tracing.leads(pool, json.loads(sent[1])["passage_id"])
    assert lead.weighing_plate == "浙%_\\344"


plates = st.text("浙沪AB01%_", min_size=1, max_size=8)


@given(one=plates, other=plates)
def test_comparing_is_symmetric_and_counts_differences(one, other):
    found = compare_plates(one, other)
    assert found == compare_plates(other, one)
    if len(one) == len(other):
        apart = sum(a != b for a, b in zip(one, other, strict=True))
        expected = {0: "same_plate", 1: "one_character"}.get(apart)
        assert found == expected
    else:
        assert found is None


def test_patterns_meet_every_position():
    assert patterns(["浙F1"]) == ("_F1", "浙_1", "浙F_")
