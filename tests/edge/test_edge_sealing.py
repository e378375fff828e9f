"""From a moment and a weighed vehicle to photograph, message and manifest."""

import datetime as dt
import io
import math

import msgspec
import numpy as np
import pytest

from edge.capture import Capture
from edge.config import CameraConfig, CameraLane, load_config
from edge.devices.camera import Camera
from edge.errors import StorageFullError
from edge.evidence import EvidenceFolder
from edge.outbox import Outbox
from edge.pairing import WINDOW_S, Moment
from edge.sealing import Sealer
from edge.weighing import Entered, Weighed
from lpr.models import PlateReading
from wim.clips import Block, Clip
from wim.health import Run
from wim.manoeuvres import Finding
from wim.messages import EvidenceManifest, EvidenceNote, PassageMessage, decode
from wim.passage import Passage
from wim.seal import check_signature, public_key, sha256
from wim.uncertainty import Contribution

PLATE = PlateReading(
    text="鲁AS5122",
    colour="yellow",
    character_confidences=(0.9,) * 7,
    corners=None,
    unread_reason=None,
)
PASSAGE = Passage(
    lane=1,
    first_axle_s=1.0,
    last_axle_s=1.8,
    ended_s=2.4,
    direction="forward",
    speed_mps=15.0,
    acceleration_mps2=None,
    axle_loads_kg=(8000.0,) + (22_400.0,) * 5,
    axle_load_uncertainties_kg=None,
    axle_spacings_m=(3.3, 1.35, 7.0, 1.35, 1.35),
    gross_mass_kg=120_000.0,
    gross_mass_uncertainty_kg=None,
    axle_groups=((0,), (1, 2), (3, 4, 5)),
    axle_configuration="1+2+3",
    vehicle_class=None,
    vehicle_class_probability=None,
    flags=(),
    findings=(),
    valid=True,
    samples_lost=0,
)


@pytest.fixture(scope="module")
def cameras(shared_mjpeg, clock, eventually):
    """Three cameras over one picture source, both lanes in each."""
    lanes = (
        CameraLane(number=1, region=(0.0, 0.0, 0.5, 1.0)),
        CameraLane(number=2, region=(0.5, 0.0, 1.0, 1.0)),
    )
    cameras = [
        Camera(
            CameraConfig(name=view, view=view, url=shared_mjpeg.url, lanes=lanes),
            clock=clock,
        )
        for view in ("front", "side", "rear")
    ]
    for camera in cameras:
        camera.start()

    def full():
        """Tell whether every ring reaches back far enough for these tests."""
        now_s = clock.monotonic_s()
        return all(camera.between(0.0, now_s - 1.8) for camera in cameras)

    assert eventually(full)
    yield cameras
    for camera in cameras:
        camera.stop()


class Reader:
    """A reader of plates that says what it was told, and how often it was asked."""

    def __init__(self):
        self.regions = []
        self.answer = PLATE
        self.first = []

    def __call__(self, _content, region):
        self.regions.append(region)
        return self.first.pop(0) if self.first else self.answer


@pytest.fixture
def reader():
    return Reader()


@pytest.fixture
def capture(cameras, reader, tmp_path, clock):
    capture = Capture(
        cameras,
        folder=EvidenceFolder(tmp_path / "evidence"),
        reserve_bytes=0,
        clock=clock,
        make_reader=lambda: reader,
    )
    capture.start()
    yield capture
    capture.stop()


def test_a_lone_vehicle_gets_its_nearest_picture_and_its_plate(
    capture, reader, clock, tmp_path
):
    at_s = clock.monotonic_s() - 0.2
    look = capture.look(Moment(1, "front", 2, at_s))
    assert look.wait(3.0)
    item, note = capture.result(look)
    assert note.text == "鲁AS5122"
    assert reader.regions == [(0.5, 0.0, 1.0, 1.0)] * 2, "a second picture agrees"
    apart = item.note.recorded_at - clock.utc_of(at_s)
    assert abs(apart.total_seconds()) < 0.15
    assert EvidenceFolder(tmp_path / "evidence").path(item.note.sha256).exists()


def test_two_vehicles_of_a_lane_at_one_time_get_no_picture_of_each_other(
    capture, clock
):
    at_s = clock.monotonic_s() - 0.5
    looks = [
        capture.look(Moment(vehicle, "front", 1, at_s + 0.1 * vehicle))
        for vehicle in (1, 2)
    ]
    for look in looks:
        assert look.wait(3.0)
    for look in looks:
        item, note = capture.result(look)
        if item is not None:  # the edge of a window that only one of them reaches
            seen_s = look._stamp.captured_s
            near = [m for m in looks if abs(m.moment.at_s - seen_s) <= WINDOW_S]
            assert near == [look]
        else:
            assert note.unread_reason == "no_frame"


def test_a_rival_that_comes_up_later_takes_the_picture_away(capture, clock):
    at_s = clock.monotonic_s() - 0.3
    look = capture.look(Moment(1, "front", 1, at_s))
    assert look.wait(3.0)
    assert capture.result(look)[0] is not None
    capture.look(Moment(2, "front", 2, at_s))
    assert capture.result(look)[0] is not None, "another lane is no rival"
    capture.look(Moment(3, "front", 1, at_s + 0.05))
    item, note = capture.result(look)
    assert item is None
    assert (note.text, note.unread_reason) == (None, "no_frame")


def test_an_unread_plate_is_tried_on_other_frames_of_the_moment(capture, reader, clock):
    reader.answer = PlateReading.unread("blurred")
    look = capture.look(Moment(1, "front", 1, clock.monotonic_s() - 0.4))
    assert look.wait(3.0)
    item, note = capture.result(look)
    assert note.unread_reason == "blurred"
    assert item is not None, "the picture is evidence, read or not"
    assert len(reader.regions) > 1


def test_a_covered_plate_goes_out_with_what_can_be_read_of_it(capture, reader, clock):
    reader.answer = PlateReading.unread("covered", pattern="豫G?8?98")
    look = capture.look(Moment(1, "front", 1, clock.monotonic_s() - 0.4))
    assert look.wait(3.0)
    _, note = capture.result(look)
    assert (note.text, note.unread_reason) == (None, "covered")
    assert note.pattern == "豫G?8?98"
    rival = Moment(2, "front", 1, look.moment.at_s + 0.05)
    capture.look(rival)
    assert capture.result(look)[1].pattern is None, "the picture is another's, too"


@pytest.mark.parametrize(
    ("first", "then", "text"),
    [
        (["blurred", PLATE, PLATE], "blurred", "鲁AS5122"),
        ([PLATE], "no_plate", "鲁AS5122"),
        ([PLATE], "blurred", None),
        (["blurred", PLATE], "covered", None),
    ],
)
def test_a_plate_that_one_picture_alone_shows_is_not_given_out(
    capture, reader, clock, first, then, text
):
    reader.first = [
        PlateReading.unread(one) if one is not PLATE else one for one in first
    ]
    reader.answer = PlateReading.unread(then)
    look = capture.look(Moment(1, "front", 1, clock.monotonic_s() - 0.4))
    assert look.wait(3.0)
    item, note = capture.result(look)
    assert item is not None
    assert note.text == text
    assert note.unread_reason == (None if text else "doubtful")


def test_without_a_frame_the_plate_is_unread_and_the_picture_missing(capture, clock):
    look = capture.look(Moment(1, "front", 1, clock.monotonic_s() - 300.0))
    assert look.wait(3.0)
    item, note = capture.result(look)
    assert (item, note.unread_reason) == (None, "no_frame")
    nowhere = capture.look(Moment(1, "gate", 1, clock.monotonic_s()))
    assert nowhere.wait(0.0)
    assert capture.result(nowhere) == (None, None)


@pytest.fixture
def outbox(tmp_path, clock):
    outbox = Outbox(tmp_path / "outbox.sqlite3", station_id="DEMO-001", now=clock.now)
    yield outbox
    outbox.close()


@pytest.fixture
def make_sealer(repository, capture, outbox, clock, station_key):
    sealers, sealed = [], []

    def make_sealer():
        sealer = Sealer(
            load_config(repository / "configs/edge/station.toml"),
            private_key=station_key,
            boot_id=clock.identifier(),
            outbox=outbox,
            capture=capture,
            clock=clock,
            on_sealed=sealed.append,
            on_news=lambda: None,
            on_broken=lambda _: None,
        )
        sealers.append(sealer)
        sealer.start()
        return sealer, sealed

    yield make_sealer
    for sealer in sealers:
        sealer.stop()


def messages(outbox):
    """Give every waiting message its receipt; return passages and manifests."""
    passages, manifests = [], []
    while rows := outbox.waiting(100):
        for row in rows:
            if row.leaf == "passage":
                passages.append((row.payload, decode(row.payload, PassageMessage)))
            else:
                manifests.append((row.payload, decode(row.payload, EvidenceManifest)))
        outbox.receipted([row.payload_sha256 for row in rows])
    return passages, manifests


CLIP = Clip(
    counts=np.arange(400, dtype=np.int32).reshape(100, 4),
    sample_rate_hz=4000.0,
    start_time_s=1.8e9,
    temperature_c=None,
    blocks=(Block(100, 0, 0),),
    runs=(Run(1, 0),) * 4,
)


def weighed(entered, *, passage=PASSAGE, clip=CLIP):
    return Weighed(
        entered.vehicle,
        passage,
        entered.at_s,
        entered.at_s + 0.5,
        entered.at_s + 1.0,
        clip,
    )


def test_a_passage_is_sealed_with_plate_verdict_and_all_three_photographs(
    make_sealer, outbox, clock, station_key, eventually
):
    sealer, sealed = make_sealer()
    entered = Entered(1, 1, clock.monotonic_s() - 1.2)
    sealer.entered(entered)
    assert eventually(lambda: sealer._first_looks[0].wait(0.0))
    sealer.weighed(weighed(entered))
    assert eventually(lambda: outbox.backlog().depth == 2)
    ((payload, passage),), ((sealed_payload, manifest),) = messages(outbox)
    for signed in (payload, sealed_payload):
        check_signature(signed, public_key(station_key))
    assert sealed[0].took_s < 0.1, "nothing on the way of the message waits"
    assert passage.sequence == 1
    assert [note.text for note in passage.plate_readings] == ["鲁AS5122"]
    assert passage.assessment.overloaded
    assert passage.assessment.limit_kg == 49_000.0
    assert not passage.assessment.limit_certain
    assert manifest.subject_hash == sha256(payload)
    assert manifest.previous_hash == sha256(payload)
    kinds = [item.kind for item in manifest.items]
    assert kinds == ["photo_front", "photo_side", "photo_rear", "samples"]
    assert manifest.missing == ()
    assert [note.view for note in manifest.plate_readings] == ["rear"]
    assert passage.evidence == manifest.items[:1]
    ready = {file.sha256 for file in outbox.files(9)}
    assert ready == {item.sha256 for item in manifest.items}


def test_the_samples_of_an_overload_are_sealed(
    make_sealer, capture, outbox, clock, eventually
):
    sealer, _ = make_sealer()
    entered = Entered(1, 1, clock.monotonic_s())
    sealer.weighed(weighed(entered))
    assert eventually(lambda: outbox.backlog().depth == 2)
    ((_, passage),), ((_, manifest),) = messages(outbox)
    (item,) = [item for item in manifest.items if item.kind == "samples"]
    assert (item.proves, item.recorded_at) == ("measured_signal", passage.passed_at)
    content = capture._folder.path(item.sha256).read_bytes()
    assert sha256(content) == item.sha256
    with np.load(io.BytesIO(content)) as sealed:
        assert np.array_equal(sealed["counts"], CLIP.counts)
        assert float(sealed["start_time_s"]) == CLIP.start_time_s


def test_a_lawful_vehicle_gives_no_samples_and_misses_none(
    make_sealer, outbox, clock, eventually
):
    sealer, _ = make_sealer()
    loads_kg = (5_000.0,) * 6
    lawful = msgspec.structs.replace(
        PASSAGE, axle_loads_kg=loads_kg, gross_mass_kg=sum(loads_kg)
    )
    entered = Entered(1, 1, clock.monotonic_s())
    sealer.weighed(weighed(entered, passage=lawful))
    assert eventually(lambda: outbox.backlog().depth == 2)
    _, ((_, manifest),) = messages(outbox)
    named = {item.kind for item in manifest.items} | set(manifest.missing)
    assert named == {"photo_front", "photo_side", "photo_rear"}


def test_an_overload_whose_samples_are_gone_says_that_they_are_missing(
    make_sealer, outbox, clock, eventually
):
    sealer, _ = make_sealer()
    sealer.weighed(weighed(Entered(1, 1, clock.monotonic_s()), clip=None))
    assert eventually(lambda: outbox.backlog().depth == 2)
    _, ((_, manifest),) = messages(outbox)
    assert "samples" in manifest.missing


def test_class_uncertainty_and_the_evidence_of_flags_travel_with_the_mass(
    make_sealer, outbox, clock, eventually
):
    sealer, _ = make_sealer()
    told = msgspec.structs.replace(
        PASSAGE,
        vehicle_class="articulated",
        vehicle_class_probability=0.995,
        gross_mass_uncertainty_kg=1_700.0,
        axle_load_uncertainties_kg=(500.0,) * 6,
        contributions=(
            Contribution(name="rows", gross_mass_kg=680.0),
            Contribution(name="temperature", gross_mass_kg=510.0),
        ),
        flags=("braking", "strip_damaged"),
        findings=(
            Finding("braking", "acceleration_mps2", 0.9, 0.5),
            Finding("strip_damaged", "gain", math.inf, 1.4, (3,)),
        ),
        valid=False,
    )
    sealer.weighed(weighed(Entered(1, 1, clock.monotonic_s()), passage=told))
    assert eventually(lambda: outbox.backlog().depth == 2)
    ((_, passage),), _ = messages(outbox)
    assert passage.assessment.vehicle_class == "articulated"
    assert passage.vehicle_class_probability == 0.995
    assert passage.gross_mass_uncertainty_kg == 1_700.0
    assert passage.gross_mass_standard_uncertainties_kg == {
        "rows": 680.0,
        "temperature": 510.0,
    }
    assert [(f.flag, f.value, f.strips) for f in passage.findings] == [
        ("braking", 0.9, ()),
        ("strip_damaged", None, (3,)),
    ]


def test_what_a_crossing_did_not_show_travels_as_null_and_is_judged_by_the_mass(
    make_sealer, outbox, clock, eventually
):
    sealer, _ = make_sealer()
    unshown = msgspec.structs.replace(
        PASSAGE,
        speed_mps=None,
        axle_spacings_m=None,
        axle_groups=None,
        axle_configuration=None,
        flags=("stop_and_go",),
        valid=False,
    )
    sealer.weighed(weighed(Entered(1, 1, clock.monotonic_s()), passage=unshown))
    assert eventually(lambda: outbox.backlog().depth == 2)
    ((_, message),), _ = messages(outbox)
    assert message.speed_mps is None
    assert message.axle_spacings_m is None
    assert message.axle_groups is None
    assert message.axle_configuration is None
    assert not message.valid
    assert message.assessment.overloaded


def test_a_plate_that_is_late_comes_with_the_manifest(
    make_sealer, outbox, clock, reader, eventually
):
    sealer, _ = make_sealer()
    slow = reader.__class__.__call__

    def wait_then_read(self, content, region):
        eventually(lambda: False, 0.3)
        return slow(self, content, region)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reader, "__call__", wait_then_read)
        entered = Entered(1, 1, clock.monotonic_s() - 1.2)
        sealer.entered(entered)
        sealer.weighed(weighed(entered))
        assert eventually(lambda: outbox.backlog().depth == 2)
    ((_, passage),), ((_, manifest),) = messages(outbox)
    assert passage.plate_readings == ()
    assert passage.evidence == ()
    assert {note.view for note in manifest.plate_readings} == {"front", "rear"}
    assert manifest.items[0].kind == "photo_front"
    assert sealer.counters["plates_late"] == 1


def test_a_photograph_is_there_when_its_manifest_names_it_however_late(
    make_sealer, outbox, clock, tmp_path, eventually
):
    """A full disk held the manifest up, and meanwhile the folder was swept."""
    sealer, _ = make_sealer()
    entered = Entered(1, 1, clock.monotonic_s() - 1.2)
    sealer.entered(entered)
    assert eventually(lambda: sealer._first_looks[0].wait(0.0))
    with pytest.MonkeyPatch.context() as patch:

        def full(*_arguments, **_named):
            text = "no room"
            raise StorageFullError(text)

        patch.setattr(outbox, "accept_manifest", full)
        sealer.weighed(weighed(entered))
        assert eventually(lambda: sealer.counters["manifests_postponed"] > 0)
        folder = EvidenceFolder(tmp_path / "evidence")
        far = clock.now() + dt.timedelta(hours=1)
        assert folder.sweep(lambda _: False, before=far) > 0
    assert eventually(lambda: outbox.backlog().depth == 2)
    _, ((_, manifest),) = messages(outbox)
    assert len(manifest.items) == 4
    for item in manifest.items:
        assert sha256(folder.path(item.sha256).read_bytes()) == item.sha256


def test_a_stop_leaves_no_weighed_vehicle_without_its_message(
    make_sealer, outbox, clock
):
    sealer, sealed = make_sealer()
    for vehicle in range(1, 13):
        entered = Entered(vehicle, 1, clock.monotonic_s())
        sealer.entered(entered)
        sealer.weighed(weighed(entered))
    sealer.stop()
    assert [each.message.sequence for each in sealed] == list(range(1, 13))
    assert outbox.backlog().depth >= 12


def test_a_manifest_left_over_by_a_kill_is_made_at_the_next_start(
    make_sealer, outbox, eventually
):
    note = msgspec.convert(
        {
            "kind": "photo_front",
            "sha256": "ab" * 32,
            "size_bytes": 10,
            "media_type": "image/jpeg",
            "recorder": "front",
            "recorded_at": "2026-01-01T00:00:00Z",
            "proves": "vehicle_front_and_plate",
        },
        type=EvidenceNote,
    )
    outbox.accept(
        "passage",
        lambda _: b"{}",
        subject_id="017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        items=(note,),
        wanted=("photo_front", "photo_side", "photo_rear"),
    )
    make_sealer()
    assert eventually(lambda: not outbox.subjects())
    outbox.receipted([sha256(b"{}")])
    (row,) = outbox.waiting(9)
    manifest = decode(row.payload, EvidenceManifest)
    assert manifest.items == (note,)
    assert manifest.missing == ("photo_side", "photo_rear")
    assert manifest.subject_hash == sha256(b"{}")
