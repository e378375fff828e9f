"""Stations: who is heard last, which numbers are missing, whose chain is broken."""

import datetime as dt

import msgspec
import pytest

from server.audit import service as audit
from server.errors import NotAllowed, NotFound
from server.stations import service as stations
from server.stations.model import Registry
from wim.messages import DeviceStatus

pytestmark = pytest.mark.anyio


async def summary(pool, station_id="DEMO-001"):
    return next(
        s for s in await stations.all_stations(pool) if s.station_id == station_id
    )


async def test_a_status_is_shown_with_devices_and_counters(pool, intake, sender):
    demo = sender()
    device = DeviceStatus(
        name="strip", state="ok", since=demo.now, counters={"frames": 7}
    )
    await intake.take([demo.status(devices=(device,), counters={"passages": 3})])
    shown = await summary(pool)
    assert shown.online
    assert shown.devices == (device,)
    assert shown.counters == {"passages": 3}
    assert (await summary(pool, "DEMO-002")).online is None


async def test_a_late_status_or_an_old_boot_does_not_overwrite_the_new(
    pool, intake, sender
):
    old, new = sender(), sender()
    minute = dt.timedelta(minutes=1)
    await intake.take([old.status(sent_at=old.now, outbox_depth=1)])
    await intake.take([new.status(sent_at=old.now - minute, outbox_depth=2)])
    assert (await summary(pool)).boot_id == new.boot_id
    await intake.take([old.status(sent_at=old.now + minute, outbox_depth=3)])
    await intake.take([new.status(sent_at=old.now - 2 * minute, outbox_depth=4)])
    shown = await summary(pool)
    assert (shown.boot_id, shown.outbox_depth) == (new.boot_id, 2)


async def test_a_station_whose_clock_ran_ahead_is_heard_again_once_it_is_set(
    pool, intake, sender
):
    demo = sender()
    years = dt.timedelta(days=1_000)
    await intake.take([demo.status(sent_at=demo.now + years, outbox_depth=1)])
    await intake.take([demo.status(sent_at=demo.now, outbox_depth=2)])
    assert (await summary(pool)).outbox_depth == 2


async def test_a_last_will_says_offline_and_keeps_the_rest(pool, intake, sender):
    old, demo = sender(), sender()
    await intake.take([old.status(), demo.status(outbox_depth=5)])
    await intake.take([old.status(online=False, sent_at=None)])
    assert (await summary(pool)).online
    await intake.take([demo.status(online=False, sent_at=None)])
    shown = await summary(pool)
    assert (shown.online, shown.outbox_depth) == (False, 5)


async def test_numbers_below_the_lowest_unacknowledged_one_are_gaps(
    pool, intake, sender
):
    demo = sender()
    sent = [demo.passage() for _ in range(9)]
    await intake.take([sent[0], sent[1], sent[5], sent[8]])
    await intake.take([demo.status(lowest_unacknowledged_sequence=8)])
    shown = await summary(pool)
    assert [(g.first, g.last, g.missing) for g in shown.gaps] == [(3, 5, 3), (7, 7, 1)]
    await intake.take([sent[3], sent[6]])
    shown = await summary(pool)
    assert [(g.first, g.last, g.missing) for g in shown.gaps] == [(3, 5, 2)]
    assert (shown.messages_stored, shown.last_sequence) == (6, 9)


async def test_a_quarantined_number_is_no_gap(pool, intake, sender):
    demo = sender()
    sent = [demo.passage(), demo.passage(lane=2**40), demo.passage()]
    await intake.take(sent)
    await intake.take([demo.status(lowest_unacknowledged_sequence=4)])
    assert (await summary(pool)).gaps == ()
    assert (await summary(pool)).quarantined == 1


async def test_a_link_that_does_not_fit_is_counted_in_any_order(pool, intake, sender):
    demo = sender()
    one, two = demo.passage(), demo.passage()
    demo.previous = "f" * 64
    three, four = demo.passage(), demo.passage()
    await intake.take([four, two])
    await intake.take([three])
    assert (await summary(pool)).chain_breaks == 1
    await intake.take([one])
    assert (await summary(pool)).chain_breaks == 1


async def test_a_station_that_left_the_configuration_is_no_longer_listed(
    pool, published, registry, sender
):
    left = [s for s in registry.all() if s.station_id != "DEMO-002"]
    await stations.publish_registry(pool, Registry(left), now=sender().now)
    ids = [s.station_id for s in await stations.all_stations(pool)]
    assert ids == ["DEMO-001", "SRC-001"]


async def test_heartbeats_of_a_station_that_nobody_configured_are_one_entry(
    pool, intake, sender
):
    stranger = sender()
    stranger.station_id = "DEMO-404"
    for depth in range(5):
        await intake.take([stranger.status(outbox_depth=depth)])
    (entry,) = await stations.quarantine(pool)
    assert (entry.code, entry.deliveries) == ("unknown_station", 5)


async def test_a_station_stands_where_the_configuration_says_now(
    pool, published, registry, sender
):
    assert (await summary(pool)).latitude is None
    for place in ((34.5, -115.25), (None, None)):
        moved = [
            msgspec.structs.replace(one, latitude=place[0], longitude=place[1])
            for one in registry.all()
        ]
        await stations.publish_registry(pool, Registry(moved), now=sender().now)
        shown = await summary(pool)
        assert (shown.latitude, shown.longitude) == place


async def test_a_quarantined_message_is_read_whole_by_few_and_the_audit_says_by_whom(
    pool, intake, officers
):
    payload = b"\xff\x00" + b"x" * 5_000
    await intake.take([("luheng/v1/DEMO-001/passage", payload)])
    (entry,) = await stations.quarantine(pool)
    number = entry.quarantine_id
    reader, other = officers["sun"], officers["li"]
    now = entry.received_at
    assert (
        await stations.open_quarantined(pool, number, reader=reader, now=now) == payload
    )
    with pytest.raises(NotAllowed):
        await stations.open_quarantined(pool, number, reader=other, now=now)
    with pytest.raises(NotFound):
        await stations.open_quarantined(pool, number + 1, reader=reader, now=now)
    trail = await audit.trail(pool, "quarantine", str(number))
    assert [(e.account_name, e.action) for e in trail] == [
        (reader.name, "quarantined_read")
    ]
