import datetime as dt
from pathlib import Path

import pytest

from wim.errors import TableError
from wim.limits import parse_limit_table, table_in_force

LIMITS = Path(__file__).parents[2] / "configs/limits"
TEXT = (LIMITS / "cn-2016.toml").read_text("utf-8")
BEIJING = dt.timezone(dt.timedelta(hours=8))
NOW = dt.datetime(2026, 5, 1, 12, 0, tzinfo=BEIJING)


def table(text=TEXT):
    return parse_limit_table(text, name="cn.toml")


def test_every_shipped_table_loads_and_says_where_it_comes_from():
    paths = sorted(LIMITS.glob("*.toml"))
    assert paths
    for path in paths:
        loaded = parse_limit_table(path.read_text("utf-8"), name=path.name)
        assert loaded.citation
        for row in loaded.rows:
            assert row.confirmed or row.citation


def test_shipped_tables_are_unambiguous_today():
    tables = [
        parse_limit_table(path.read_text("utf-8"), name=path.name)
        for path in sorted(LIMITS.glob("*.toml"))
    ]
    for region in {one.region for one in tables}:
        assert table_in_force(tables, NOW, region).region == region


def test_what_is_only_seen_in_practice_is_marked_unconfirmed():
    unconfirmed = {r.axle_configuration for r in table().rows if not r.confirmed}
    assert unconfirmed == {"1+2+1", "1+1+3"}
    assert not table().deduction.confirmed
    assert not table().dates_confirmed


def test_the_table_in_force_depends_on_the_passing_time():
    old = table(
        TEXT.replace("valid_from", "valid_to = 2025-01-01T00:00:00Z\nvalid_from")
    )
    new = table(TEXT.replace("2016-09-21T00:00:00+08:00", "2025-01-01T00:00:00Z"))
    edge = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    assert table_in_force([old, new], edge, "CN") is new
    before = edge - dt.timedelta(microseconds=1)
    assert table_in_force([old, new], before, "CN") is old
    with pytest.raises(TableError, match="no limits of region 'CN' in force"):
        table_in_force([new], before, "CN")
    with pytest.raises(TableError, match="ambiguous: CN-O62-ART3, CN-O62-ART3"):
        table_in_force([table(), new], edge, "CN")
    with pytest.raises(TableError, match="regions with tables: CN"):
        table_in_force([new], edge, "CN-33")
    with pytest.raises(TableError, match="regions with tables: none"):
        table_in_force([], edge, "CN")


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        table_in_force([table()], NOW.replace(tzinfo=None), "CN")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("limit_kg = 18000", "limit_kg = -1", "rows[0].limit_kg"),
        ("limit_kg = 18000", 'limit_kg = "18 t"', "a number"),
        ("limit_kg = 18000", "limit_t = 18", "unknown key 'rows[0].limit_t'"),
        ('["rigid"]', '["lorry"]', "'articulated'"),
        ("percent = 5.0", "", "missing key 'deduction.percent'"),
        ('"measured_pct"', '"generous"', "'measured_pct'"),
        (
            '"measured_pct"\npercent = 5.0',
            '"expanded_uncertainty"',
            "missing key 'deduction.percent'; policy 'expanded_uncertainty'",
        ),
        ("above_kg = 80000", "above_kg = 80000\nfrom_kg = 1", "exactly one"),
        ("over_90_tonnes", "over_80_tonnes", "ids must differ"),
        ("2016-09-21T00:00:00+08:00", "2016-09-21T00:00:00", "valid_from"),
        ("valid_from", "valid_to = 2000-01-01T00:00:00Z\nvalid_from", "valid_to"),
    ],
)
def test_a_wrong_table_is_refused_by_name(old, new, says):
    assert old in TEXT
    with pytest.raises(TableError) as caught:
        table(TEXT.replace(old, new))
    assert str(caught.value).startswith("cn.toml: ")
    assert says in str(caught.value)
