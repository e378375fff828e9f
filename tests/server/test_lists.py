"""Lists look up what they show and nothing else, however much lies in the tables."""

import datetime as dt
import json

import pytest

from server.db.pool import LAST
from server.db.queries import load_queries

pytestmark = pytest.mark.anyio

MANY = 20_000
LIMIT = 20

FILL = """
INSERT INTO passage_ledger (passage_id, station_id, sequence, passed_at,
    payload_sha256, previous_hash, alert, received_at)
SELECT gen_random_uuid(), 'DEMO-001', n, timestamptz '2026-11-18 00:00+00'
    + n * interval '10 s', repeat('a', 64), repeat('b', 64), n % 5 = 0, now()
FROM generate_series(1, {many}) AS n;
INSERT INTO passages
SELECT station_id, passed_at, passage_id, sequence, passage_id, 1, 'forward', 10, NULL,
    2, array[1, 1]::float8[], NULL, array[1]::float8[], 2, NULL, '[[0], [1]]', '1+1',
    '{{}}', true, 0, NULL, '0.1', repeat('c', 64), NULL, NULL, NULL, 'none', '{{}}',
    repeat('b', 64), 'x', repeat('a', 64), now()
FROM passage_ledger;
INSERT INTO records (passage_id, state, blind, opened_at, changed_at)
SELECT passage_id, 'awaiting_first_review', false, now(), now()
FROM passage_ledger WHERE alert ORDER BY arrival;
"""


@pytest.fixture
async def connection(pool, published):
    async with pool.connection() as opened:
        await opened.set_autocommit(True)
        await opened.execute(FILL.format(many=MANY))
        await opened.execute("ANALYZE")
        yield opened
        await opened.set_autocommit(False)


def rows_read(plan):
    """How many rows of tables a plan read, over all its loops."""
    own = 0
    if "Relation Name" in plan:
        left_out = plan.get("Rows Removed by Filter", 0)
        own = (plan["Actual Rows"] + left_out) * plan["Actual Loops"]
    return own + sum(rows_read(inner) for inner in plan.get("Plans", ()))


async def test_a_list_reads_no_more_than_it_shows(connection):
    parameters = {
        "before": LAST,
        "after": MANY // 2,
        "limit": LIMIT,
        "state": "awaiting_first_review",
        "since": dt.datetime(2026, 11, 1, tzinfo=dt.UTC),
        "station_id": None,
    }
    passages, review = load_queries("server.passages"), load_queries("server.review")
    for query in (
        passages["recent"],
        passages["recent_after"],
        passages["recent_alerts"],
        passages["recent_alerts_after"],
        review["queue"],
        review["queue_in_state"],
        load_queries("server.reports")["masses"],
    ):
        explain = b"EXPLAIN (ANALYZE, FORMAT JSON) " + query
        cursor = await connection.execute(explain, parameters)
        (row,) = await cursor.fetchall()
        (found,) = row.values()
        plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
        assert plan["Actual Rows"] == LIMIT
        assert rows_read(plan) < 10 * LIMIT, query
