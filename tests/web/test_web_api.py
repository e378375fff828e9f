"""The JSON API and the stream on a real server, database and station messages."""

import datetime as dt
import hashlib
import html
import json
import re
import socket
import threading
import time
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
import structlog

from server.cases.model import CaseSummary
from server.passages.model import PassageSummary
from server.reports.model import MassPoint
from server.review.model import Record, RecordSummary
from server.stations.model import QuarantineEntry, Registry, StationSummary
from server.stations.service import publish_registry
from server.tracing.model import CaseFile
from server.web.signin import LOCKED_FOR, MOST_REFUSALS, SignInLimit
from simulators.fleet import heavy_vehicle
from wim.messages import PlateNote, topic
from wim.seal import sign_upload

HTML = {"accept": "text/html"}
ATTACK = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def reviewer(house):
    return house.client("first-reviewer", "reviewer")


@pytest.fixture(scope="module")
def case_id(house, reviewer, rng, painter):
    """One truck that went all the way, with two loadings that could be its own."""
    at = dt.datetime.now(tz=dt.UTC)  # noqa: TID251 - the tests' own clock
    heavy = heavy_vehicle(rng)
    plate = heavy.plate.text
    misread = plate[:-1] + ("7" if plate[-1] != "7" else "9")
    house.source.weighing(119_600.0, plate, at=at - dt.timedelta(minutes=40))
    house.source.weighing(55_000.0, misread, at=at - dt.timedelta(hours=3))
    house.source.weighing(50_000.0, "京Z99999", at=at - dt.timedelta(hours=1))
    passage_id = house.roadside.passage(heavy, photos=painter.photos(heavy))
    record_id = house.record_of(reviewer, passage_id)
    second = house.client("second-reviewer", "reviewer")
    decider = house.client("decider", "decider")
    for client, step, outcome in (
        (reviewer, "first-review", "pass"),
        (second, "second-review", "pass"),
        (decider, "judgement", "file"),
    ):
        answer = client.post(
            f"/api/records/{record_id}/{step}",
            json={"outcome": outcome, "remark": ATTACK},
        )
        assert answer.status_code == 200, answer.text
    return answer.json()["case_id"]


# ------------------------------------------------------------------ who may pass


def test_only_a_short_list_of_addresses_is_open_to_everybody(house):
    stranger = house.client()
    schema = stranger.get("/schema")
    assert schema.status_code == 401
    paths = house.client("reader", "auditor").get("/schema").json()["paths"]
    assert len(paths) > 15
    pages = {"/", "/records", "/records/1", "/cases", "/cases/1", "/stations"}
    pages.add("/quarantine/1")
    fragments = {"/fragments/cards", "/fragments/today"}
    asked = {re.sub(r"\{[^}]*\}", "1", path) for path in paths} | pages | fragments
    open_ones = {
        path for path in asked if stranger.get(path).status_code not in {401, 405}
    }
    assert open_ones == {"/health", "/login"}


def test_a_page_sends_a_stranger_to_the_sign_in_and_back_to_where_he_wanted(house):
    answer = house.client().get("/records?state=filed", headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Frecords%3Fstate%3Dfiled"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\e"])
def test_the_sign_in_leads_nowhere_else_than_to_this_server(house, target):
    client = house.client()
    name = "wanderer"
    password = house.account(name, "auditor")
    form = {"name": name, "password": password, "next": target}
    form["_csrf_token"] = client.cookies["csrftoken"]
    answer = client.post("/login", data=form)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"


def test_an_unsafe_request_without_the_token_is_refused(house):
    client = house.client("tokenless", "reviewer")
    del client.headers["x-csrf-token"]
    answer = client.post("/api/records/1/first-review", json={"outcome": "pass"})
    assert answer.status_code == 403
    assert answer.json()["reason"] == "csrf"
    assert client.post("/logout").status_code == 403
    assert client.get("/api/me").status_code == 200


def test_five_wrong_passwords_close_the_door_for_a_minute(house):
    client = house.client()
    right = house.account("forgetful", "auditor")
    wrong = {"name": "forgetful", "password": "wrong"}
    codes = [client.post("/login", json=wrong).status_code for _ in range(5)]
    assert codes == [401] * 5
    answer = client.post("/login", json=wrong | {"password": right})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= LOCKED_FOR.total_seconds()


def test_the_door_opens_again_after_the_pause():
    limit = SignInLimit()
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for _ in range(MOST_REFUSALS):
        limit.refuse("a", "::1", now=at)
    assert limit.locked_s("a", "::1", now=at) > 0
    assert limit.locked_s("b", "::1", now=at) == 0
    assert limit.locked_s("a", "::1", now=at + LOCKED_FOR) == 0


def test_signing_out_ends_the_session_everywhere(house):
    client = house.client("leaver", "auditor")
    cookie = client.cookies["luheng_session"]
    assert client.post("/logout").status_code == 303
    again = httpx.get(
        f"{house.url}/api/me", headers={"cookie": f"luheng_session={cookie}"}
    )
    assert again.status_code == 401


def test_a_session_id_planted_before_the_sign_in_opens_nothing(house):
    client = house.client()
    client.cookies.set("luheng_session", "planted", domain="127.0.0.1")
    password = house.account("victim", "auditor")
    client.post("/login", json={"name": "victim", "password": password})
    stolen = httpx.get(
        f"{house.url}/api/me", headers={"cookie": "luheng_session=planted"}
    )
    assert stolen.status_code == 401


def test_every_answer_forbids_inline_scripts_and_other_hosts(house, reviewer):
    for path in ("/", "/login", "/api/me", "/static/luheng.css", "/nothing"):
        policy = reviewer.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy


# ------------------------------------------------------------------ what it says


def test_the_lists_have_the_shape_of_the_models(reviewer, case_id):
    for path, kind in (
        ("/api/passages", PassageSummary),
        ("/api/alerts", PassageSummary),
        ("/api/records?state=filed", RecordSummary),
        ("/api/cases", CaseSummary),
        ("/api/stations", StationSummary),
        ("/api/quarantine", QuarantineEntry),
    ):
        listed = msgspec.json.decode(reviewer.get(path).content, type=list[kind])
        assert listed or path == "/api/quarantine", path
    record = reviewer.get("/api/cases/1").json()["record"]["record_id"]
    assert msgspec.json.decode(
        reviewer.get(f"/api/records/{record}").content, type=Record
    )


def test_a_reader_who_pages_on_by_arrival_misses_none(house, reviewer, lawful):
    before = reviewer.get("/api/passages?limit=1").json()
    newest = before[0]["arrival"] if before else 0
    sent = [house.roadside.passage(lawful, seal=False) for _ in range(5)]
    got = []
    while page := reviewer.get(
        "/api/passages", params={"after": newest, "limit": 2}
    ).json():
        got += [one["passage_id"] for one in reversed(page)]
        newest = page[0]["arrival"]
    assert got == sent


def test_the_case_names_its_leads_and_says_that_they_are_no_proof(reviewer, case_id):
    file = msgspec.json.decode(
        reviewer.get(f"/api/cases/{case_id}").content, type=CaseFile
    )
    matches = {(lead.match, lead.weighing.gross_mass_kg) for lead in file.leads}
    assert matches == {("same_plate", 119_600.0), ("one_character", 55_000.0)}
    assert all(lead.proof is False for lead in file.leads)
    assert [step.step for step in file.record.steps] == [
        "first_review",
        "second_review",
        "judgement",
    ]


def test_errors_are_problem_json_with_a_clear_text(reviewer):
    missing = reviewer.get("/api/records/999999")
    assert missing.headers["content-type"].startswith("application/problem+json")
    assert missing.json()["status"] == missing.status_code == 404
    unknown = reviewer.get("/api/records?state=closed")
    assert unknown.status_code == 400
    assert "closed" in "".join(unknown.json()["errors"])
    wrong = reviewer.post("/api/records/1/first-review", json={"outcome": "maybe"})
    assert wrong.status_code == 400
    extra = reviewer.post(
        "/api/records/1/first-review", json={"outcome": "pass", "colour": "red"}
    )
    assert extra.status_code == 400
    broken = reviewer.post(
        "/api/records/1/first-review",
        content=b"{",
        headers={"content-type": "application/json"},
    )
    assert broken.status_code == 400
    assert reviewer.delete("/api/records/1").status_code == 405


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_errors_are_pages_for_people_in_their_language(reviewer, language):
    for path in ("/records/999999", "/cases/999999", "/nowhere"):
        answer = reviewer.get(path, headers=HTML, params={"lang": language})
        assert answer.status_code == 404
        assert f'<html lang="{language}"' in answer.text


def test_the_trailers_plate_stands_beside_the_vehicles_and_not_instead(
    house, reviewer, truck
):
    trailer = "鲁H7A12挂"
    passage_id = house.roadside.passage(truck, trailer_plate=trailer, seal=False)
    record = house.record_of(reviewer, passage_id)
    for path in (
        f"/fragments/cards?only={passage_id}",
        "/records?state=all",
        f"/records/{record}",
    ):
        page = reviewer.get(path, headers=HTML, params={"lang": "zh-CN"}).text
        beside = re.escape(truck.plate.text) + r"</span>\s*"
        label = r'<span class="trailer"><span>挂车</span> <span class="plate">'
        assert re.search(beside + label + trailer, page), path


def test_the_masses_are_those_of_the_last_hour_and_of_the_asked_station(
    house, reviewer, truck
):
    old = house.roadside.passage(truck, at=house.now() - house.minutes(61), seal=False)
    late = house.roadside.passage(truck, at=house.now() - house.minutes(59), seal=False)
    new = house.roadside.passage(truck, valid=False, seal=False)
    asked = reviewer.get("/api/masses", params={"station": "DEMO-001"})
    points = msgspec.json.decode(asked.content, type=list[MassPoint])
    listed = {one.passage_id: one for one in points}
    assert late in listed
    assert old not in listed
    assert not listed[new].valid
    times = [one.passed_at for one in points]
    assert times == sorted(times, reverse=True)
    assert reviewer.get("/api/masses", params={"station": "DEMO-002"}).json() == []


# ------------------------------------------------------------------ the map


def test_the_map_has_the_stations_with_a_place_and_the_list_has_all(reviewer):
    page = reviewer.get("/stations", headers=HTML, params={"lang": "en"}).text
    (given,) = re.findall(r"data-places='([^']*)'", page)
    places = json.loads(given)
    assert places["type"] == "FeatureCollection"
    assert [one["geometry"] for one in places["features"]] == [
        {"type": "Point", "coordinates": [115.4873, 34.6021]},
        {"type": "Point", "coordinates": [115.4257, 34.6534]},
    ]
    listed = re.findall(r'<li data-place="([^"]+)"', page)
    assert listed == ["DEMO-001", "DEMO-002", "SRC-001"]
    nowhere = page.split('<li data-place="DEMO-002"')[1].split("</li>")[0]
    assert "no coordinates configured" in nowhere


def test_there_is_no_map_when_no_station_has_a_place(house, reviewer):
    def publish(stations):
        async def work(pool):
            await publish_registry(pool, Registry(stations), now=house.now())

        house.run(work)

    configured = house.centre.registry.all()
    publish(
        msgspec.structs.replace(one, latitude=None, longitude=None)
        for one in configured
    )
    try:
        page = reviewer.get("/stations", headers=HTML).text
    finally:
        publish(configured)
    assert 'data-station="DEMO-001"' in page
    assert 'id="map"' not in page
    assert "leaflet" not in page


# ------------------------------------------------------------------ quarantine


def quarantined(house, payload: bytes) -> int:
    house.take([("luheng/v1/DEMO-001/passage", payload)])
    entries = house.client("reader", "auditor").get("/api/quarantine").json()
    digest = hashlib.sha256(payload).hexdigest()
    return next(e["quarantine_id"] for e in entries if e["payload_sha256"] == digest)


def test_an_auditor_reads_a_quarantined_message_whole_and_as_text(house):
    payload = f'{{"remark": "{ATTACK} 检测点\u3000", "more": "{"x" * 9_000}"}}'.encode()
    number = quarantined(house, payload)
    auditor = house.client("reader", "auditor")
    page = auditor.get(f"/quarantine/{number}", headers=HTML).text
    shown = re.search(r'<pre [^>]*id="payload">([\s\S]*?)</pre>', page)[1]
    assert html.unescape(shown) == payload.decode()
    assert ATTACK not in page
    answer = auditor.get(f"/api/quarantine/{number}/payload")
    assert answer.content == payload
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "payload",
    [b'\xff{"lane": 1}', b'{"a": "\0"}', "{\u202e}".encode()],
    ids=["no UTF-8", "a control character", "text that runs backwards"],
)
def test_what_is_no_readable_text_is_shown_in_hex(house, payload):
    number = quarantined(house, payload)
    admin = house.client("administrator", "admin")
    page = admin.get(f"/quarantine/{number}", headers=HTML).text
    shown = re.search(r'<pre [^>]*id="payload">([\s\S]*?)</pre>', page)[1]
    assert f"00000000  {payload.hex(' ')} " in html.unescape(shown)


def test_nobody_else_reads_quarantined_messages_whole(house, reviewer):
    number = quarantined(house, b"{not for everybody}")
    for path in (f"/quarantine/{number}", f"/api/quarantine/{number}/payload"):
        assert reviewer.get(path, headers=HTML).status_code == 403
    assert f"/quarantine/{number}" not in reviewer.get("/stations", headers=HTML).text
    auditor = house.client("reader", "auditor")
    assert f'"/quarantine/{number}"' in auditor.get("/stations", headers=HTML).text
    assert auditor.get("/quarantine/999999", headers=HTML).status_code == 404


# ------------------------------------------------------------------ roles and steps


def test_three_different_people_in_the_right_roles_and_the_refusals_say_why(
    house, reviewer, truck
):
    passage_id = house.roadside.passage(truck, photos=[b"front", b"side", b"rear"])
    record = house.record_of(reviewer, passage_id)
    decider = house.client("decider", "decider")
    first = f"/api/records/{record}/first-review"
    second = f"/api/records/{record}/second-review"
    assert decider.post(first, json={"outcome": "pass"}).json()["reason"] == "role"
    no_reason = reviewer.post(first, json={"outcome": "reject"})
    assert no_reason.status_code == 400
    assert reviewer.post(first, json={"outcome": "pass"}).status_code == 200
    again = reviewer.post(first, json={"outcome": "pass"})
    assert again.status_code in {403, 409}
    same = reviewer.post(second, json={"outcome": "pass"})
    assert (same.status_code, same.json()["reason"]) == (403, "same_person")
    other = house.client("second-reviewer", "reviewer")
    late = other.post(first, json={"outcome": "pass"})
    assert (late.status_code, late.json()["reason"]) == (409, "state")
    rejected = other.post(
        second, json={"outcome": "reject", "reason": "straddling", "remark": "x"}
    )
    assert rejected.json()["state"] == "second_review_rejected"
    reader = house.client("reader", "auditor")
    assert reader.get(f"/api/records/{record}").json()["barred"] == "final"


def test_a_judgement_waits_for_the_evidence_and_names_what_is_missing(
    house, reviewer, truck
):
    passage_id = house.roadside.passage(truck, photos=[b"only one"], seal=False)
    record = house.record_of(reviewer, passage_id)
    second = house.client("second-reviewer", "reviewer")
    decider = house.client("decider", "decider")
    base = f"/api/records/{record}"
    assert reviewer.post(f"{base}/first-review", json={"outcome": "pass"})
    assert second.post(f"{base}/second-review", json={"outcome": "pass"})
    refused = decider.post(f"{base}/judgement", json={"outcome": "file"})
    assert refused.status_code == 409
    assert refused.json()["reason"] == "lacking"
    assert "manifest" in refused.json()["lacking"]
    page = decider.get(f"/records/{record}", headers=HTML).text
    assert 'id="lacking"' in page
    assert re.search(r'id="pass"[^>]* disabled', page)


# ------------------------------------------------------------------ evidence


def test_an_evidence_file_is_shown_only_as_what_it_is(house, reviewer, truck):
    photo = b"<html><script>alert(1)</script></html>"
    house.roadside.passage(truck, photos=[photo])
    (digest,) = [k for k, v in house.roadside.files.items() if v == photo]
    shown = reviewer.get(f"/evidence/{digest}")
    assert shown.content == photo
    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in shown.headers["cache-control"]
    assert house.client().get(f"/evidence/{digest}").status_code == 401
    assert reviewer.get(f"/evidence/{'0' * 64}").status_code == 404
    assert reviewer.get("/evidence/..%2f..%2fsecret").status_code in {400, 404}


def test_sealed_samples_are_saved_under_a_name_that_replay_takes(
    house, reviewer, heavy
):
    roadside, content = house.roadside, b"PK and samples"
    at = dt.datetime(2026, 11, 22, 1, 0, tzinfo=dt.UTC)
    note = roadside.note(content, "samples", "measured_signal", "line", at)
    note = msgspec.structs.replace(note, media_type="application/zip")
    passage = roadside.passage(heavy, seal=False, figures={"evidence": (note,)})
    roadside.upload(note.sha256)
    saved = reviewer.get(f"/evidence/{note.sha256}")
    assert saved.content == content
    assert saved.headers["content-type"] == "application/octet-stream"
    named = f'attachment; filename="{note.sha256}.npz"'
    assert saved.headers["content-disposition"] == named
    record = house.record_of(reviewer, passage)
    assert "Measured signal" in page_text(reviewer, f"/records/{record}", "en")


def test_an_upload_that_breaks_off_is_no_fault_of_the_server(house, truck):
    photo = b"only the half of it comes"
    house.roadside.passage(truck, photos=[photo], seal=False)
    (digest,) = [k for k, v in house.roadside.files.items() if v == photo]
    signature = sign_upload(digest, "DEMO-001", bytes(range(32)))
    head = (
        f"PUT /evidence/{digest} HTTP/1.1\r\nHost: luheng\r\n"
        f"X-Luheng-Station: DEMO-001\r\nX-Luheng-Signature: {signature}\r\n"
        f"Content-Length: {len(photo)}\r\n\r\n"
    )
    address = urlsplit(house.url)
    with structlog.testing.capture_logs() as logs:
        with socket.create_connection((address.hostname, address.port), 5) as line:
            line.sendall(head.encode() + photo[:10])
            time.sleep(0.3)
        time.sleep(0.5)
    assert not [log for log in logs if log["log_level"] == "error"]
    (answer,) = house.roadside.upload(digest)
    assert answer.status_code == 201


def test_a_static_file_that_no_file_system_can_name_is_not_there(house):
    assert house.client().get("/static/%00.css").status_code == 404


def test_uploads_answer_with_their_reason_and_are_counted(house, reviewer, truck):
    sender = house.roadside
    other = sender.note(
        b"never announced",
        "photo_front",
        "plate",
        "front",
        None or dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    )
    (answer,) = sender.upload(other.sha256)
    assert (answer.status_code, answer.json()["reason"]) == (409, "not_announced")
    photo = b"announced"
    sender.passage(truck, photos=[photo], seal=False)
    (digest,) = [k for k, v in sender.files.items() if v == photo]
    sender.files[digest] = b"othernow!"
    (answer,) = sender.upload(digest)
    assert (answer.status_code, answer.json()["reason"]) == (422, "hash_mismatch")
    sender.files[digest] = photo
    assert [one.status_code for one in sender.upload(digest, digest)] == [201, 200]
    bare = httpx.put(f"{house.url}/evidence/{digest}", content=photo)
    assert bare.status_code == 401
    forged = httpx.put(
        f"{house.url}/evidence/{digest}",
        content=photo,
        headers={"X-Luheng-Station": "DEMO-001", "X-Luheng-Signature": "ab" * 64},
    )
    assert (forged.status_code, forged.json()["reason"]) == (403, "bad_signature")
    stations = {one["station_id"]: one for one in reviewer.get("/api/stations").json()}
    assert stations["DEMO-001"]["refusals"]["hash_mismatch"] == 1


# ------------------------------------------------------------------ live events


def test_a_stranger_hears_nothing(house):
    assert house.client().get("/events").status_code == 401


def test_an_alert_reaches_a_signed_in_client_within_a_second(house, reviewer, truck):
    heard: list[tuple[float, dict]] = []
    ready = threading.Event()

    def listen():
        with reviewer.stream("GET", "/events", timeout=15.0) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                if not line.startswith("data:"):
                    continue
                heard.append((time.monotonic(), json.loads(line[5:])))
                ready.set()
                if heard[-1][1]["kind"] == "alert":
                    return

    thread = threading.Thread(target=listen)
    thread.start()
    assert ready.wait(5.0)
    passage_id = house.roadside.passage(truck, seal=False)
    committed = time.monotonic()
    thread.join(5.0)
    at, alert = heard[-1]
    assert alert["kind"] == "alert"
    assert at - committed < 1.0
    assert alert["id"] == passage_id
    assert alert["overloaded"] is True
    assert alert["station_id"] == "DEMO-001"
    assert alert["plate"] == truck.plate.text
    assert isinstance(alert["record_id"], int)
    assert dt.datetime.fromisoformat(alert["committed_at"]).tzinfo


# ------------------------------------------------------------------ what is foreign


def page_text(client, path, language, **params):
    """Return what a page shows, in one line."""
    answer = client.get(path, headers=HTML, params={"lang": language, **params})
    assert answer.status_code == 200
    bare = re.sub(r"<[^>]*>", " ", answer.text)
    return " ".join(html.unescape(bare).split())


def test_a_record_shows_what_stands_behind_mass_class_and_flags(
    house, reviewer, heavy, behind
):
    figures = behind(heavy)
    passage = house.roadside.passage(heavy, figures=figures)
    record = house.record_of(reviewer, passage)
    zh = page_text(reviewer, f"/records/{record}", "zh-CN")
    en = page_text(reviewer, f"/records/{record}", "en")
    for load_kg in figures["axle_load_uncertainties_kg"]:
        assert f"± {load_kg:.0f}" in zh
    assert "± 1834" in zh
    assert "± 1.83 吨" in zh
    assert "± 1.83 t" in en
    assert "半挂汽车列车 · 依轴距判定" in zh
    assert "概率 97.3 %" in zh
    assert "articulated combination · by the axles with 97.3" in en
    assert "the one that favours the party is used" in en
    assert "制动 加速度 0.82 m/s² 0.50 m/s² 0, 1, 12" in zh
    assert "braking a_new_figure unknown 1.50 vehicle" in en
    assert "ab" * 32 in zh
    found = reviewer.get(f"/api/passages/{passage}").json()
    assert found["findings"] == json.loads(msgspec.json.encode(figures["findings"]))


def test_what_is_not_known_of_a_mass_says_so(house, reviewer, heavy):
    record = house.record_of(reviewer, house.roadside.passage(heavy))
    en = page_text(reviewer, f"/records/{record}", "en")
    assert "Expanded uncertainty (k = 2) unknown" in en
    assert "Vehicle class unknown" in en
    assert en.count("unknown") >= len(heavy.axle_loads_kg) + 3
    assert "Evidence of the flags" not in en
    braked = house.roadside.passage(heavy, flags=("braking",))
    record = house.record_of(reviewer, braked)
    en = page_text(reviewer, f"/records/{record}", "en")
    assert "Strips unknown" in en


def test_of_a_covered_plate_the_reviewer_sees_what_can_be_read(house, reviewer, heavy):
    covered = PlateNote(
        camera="front",
        view="front",
        read_at=dt.datetime.now(tz=dt.UTC),  # noqa: TID251 - the tests' own clock
        text=None,
        colour="yellow",
        character_confidences=(),
        unread_reason="covered",
        pattern="豫G?8?98",
    )
    figures = {"plate_readings": (covered,)}
    record = house.record_of(reviewer, house.roadside.passage(heavy, figures=figures))
    en = page_text(reviewer, f"/records/{record}", "en")
    told = (
        "unread covered What can be read (? = cannot be seen or is not sure): 豫G?8?98"
    )
    assert told in en
    zh = page_text(reviewer, f"/records/{record}", "zh-CN")
    assert "未识别 号牌遮挡 可辨认部分" in zh
    assert "豫G?8?98" in zh
    bare = msgspec.structs.replace(covered, pattern=None)
    figures = {"plate_readings": (bare,)}
    record = house.record_of(reviewer, house.roadside.passage(heavy, figures=figures))
    assert "What can be read" not in page_text(reviewer, f"/records/{record}", "en")


UNSHOWN = ("speed_mps", "axle_spacings_m", "axle_groups", "axle_configuration")


def test_what_a_crossing_did_not_show_is_called_unknown_on_its_card(
    house, reviewer, heavy
):
    figures = dict.fromkeys(UNSHOWN) | {"valid": False, "flags": ("stop_and_go",)}
    passage = house.roadside.passage(heavy, figures=figures, seal=False)
    listed = reviewer.get("/api/passages?limit=1").json()[0]
    assert listed["passage_id"] == passage
    assert (listed["speed_mps"], listed["axle_configuration"]) == (None, None)
    en = page_text(reviewer, "/fragments/cards", "en", only=passage)
    assert f"{len(heavy.axle_loads_kg)} axles, configuration unknown" in en
    assert "speed unknown" in en
    assert "None" not in en
    zh = page_text(reviewer, "/fragments/cards", "zh-CN", only=passage)
    assert "轴型未知" in zh
    assert "车速未知" in zh


def test_a_record_whose_geometry_is_not_known_has_no_drawing(house, reviewer, heavy):
    passage = house.roadside.passage(heavy)
    record = house.record_of(reviewer, passage)
    drawn = reviewer.get(f"/records/{record}", headers=HTML).text
    assert 'class="diagram"' in drawn

    async def forget(pool):
        async with pool.connection() as connection:
            await connection.execute(
                "UPDATE passages SET speed_mps = NULL, axle_spacings_m = NULL, "
                "axle_groups = NULL, axle_configuration = NULL WHERE passage_id = %s",
                (passage,),
            )

    house.run(forget)
    page = reviewer.get(f"/records/{record}", headers=HTML).text
    assert 'class="diagram"' not in page
    en = page_text(reviewer, f"/records/{record}", "en")
    assert "The crossing does not show how far the axles are apart" in en
    assert "Axles unknown" in en
    for load_kg in heavy.axle_loads_kg:
        assert f"{load_kg:.0f} ± unknown" in en
    assert "None" not in en
    assert "None" not in page_text(reviewer, "/records", "en")


def test_what_comes_from_outside_is_shown_as_text(house, reviewer, case_id):
    house.take([(topic("DEMO-001", "passage"), ATTACK.encode())])
    case = reviewer.get(f"/api/cases/{case_id}").json()
    record = case["record"]["record_id"]
    for path in (f"/records/{record}", f"/cases/{case_id}", "/stations"):
        page = reviewer.get(path, headers=HTML)
        assert page.status_code == 200
        assert ATTACK not in page.text
        assert "&lt;script&gt;" in page.text


def test_a_remark_with_impossible_characters_is_refused_and_not_an_error(
    house, reviewer, truck
):
    record = house.record_of(reviewer, house.roadside.passage(truck, seal=False))
    answer = reviewer.post(
        f"/api/records/{record}/first-review", json={"outcome": "pass", "remark": "\0"}
    )
    assert 400 <= answer.status_code < 500


def test_the_schema_names_every_address_and_the_shapes(house, reviewer):
    schema = reviewer.get("/schema").json()
    assert {
        "/api/me",
        "/api/passages",
        "/api/alerts",
        "/api/records",
        "/api/records/{record_id}/first-review",
        "/api/cases/{case_id}",
        "/api/stations",
        "/api/quarantine",
        "/evidence/{sha256}",
        "/health",
    } <= set(schema["paths"])
    assert "PassageSummary" in json.dumps(schema["components"]["schemas"])
