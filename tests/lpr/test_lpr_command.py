"""luheng-lpr as its users meet it: figures, pictures, and one line where it refuses."""

import csv
import http.server
import json
import threading
import time

import cv2
import numpy as np
import pytest

from lpr.alphabet import GROUNDS, STATES, SYMBOLS
from lpr.cli.__main__ import main
from lpr.cli.answers import passage_line, passage_sentence, plate_line
from lpr.cli.evaluate import measure
from lpr.cli.sources import read_labels
from lpr.decoding import Decoded, Outputs, Place, decode
from lpr.detector import packaged_detector_weights
from lpr.engines import ENGINES, Answer, EngineRow
from lpr.errors import EngineError
from lpr.image import encode_jpeg, rim_of
from lpr.models import PlateBox, PlateReading
from lpr.second_look import packaged_second_weights
from lpr.sequence import packaged_reader_weights
from lpr.tracks import Look, Track

PLATES = ("豫A12345", "京B67890", "川K2468B")
HEADER = ["path", "plate", "kind", "colour", "layout", "cx", "cy", "source"]


@pytest.fixture(scope="module")
def labels(tmp_path_factory, new_studio):
    folder = tmp_path_factory.mktemp("labelled")
    studio = new_studio(41)
    rows = []
    for index, text in enumerate(PLATES):
        frame = studio.photo(text, width=220, colour="blue")
        (folder / f"frame{index}.jpg").write_bytes(encode_jpeg(frame))
        rows.append(
            [f"frame{index}.jpg", text, "frame", "blue", "single", 320, 585, "s"]
        )
        crop = cv2.resize(studio.face(text, colour="blue"), (220, 70))
        (folder / f"crop{index}.jpg").write_bytes(encode_jpeg(crop))
        rows.append([f"crop{index}.jpg", text, "crop", "blue", "single", "", "", "s"])
    return written(folder / "labels.csv", rows)


def written(path, rows, header=HEADER):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def refused(capsys, *arguments):
    """The one line on standard error of a call that is refused."""
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as exit_:
        status = exit_.code
    told = capsys.readouterr().err
    assert status == 2
    assert told.endswith("\n")
    assert told.count("\n") == 1
    return told


def test_eval_counts_every_labelled_plate_and_names_none(labels, capsys):
    assert main(["eval", str(labels), "--engine", "glyphs"]) == 0
    told = capsys.readouterr().out
    assert "crops: 3 pictures" in told
    assert "frames: 3 pictures" in told
    assert not any(plate in told for plate in PLATES)


def test_eval_for_machines_is_one_object(labels, capsys):
    main(["eval", str(labels), "--engine", "glyphs", "--second", "glyphs", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert report["engine"] == "glyphs"
    for kind in ("crop", "frame"):
        figures = report[kind]["figures"]
        assert figures["exact"]["total"] == 3
        assert report[kind]["ms_per_picture"] > 0
        assert report[kind]["median_ms_per_picture"] > 0
    assert report["frame"]["figures"]["found"]["hits"] >= 2
    assert report["agreement"]["coverage"]["total"] == 6


class Colourblind:
    """An engine that reads every plate and tells each for a black one of two lines."""

    version = "1"

    def __init__(self):
        self._texts = [text for _ in ("crops", "frames") for text in PLATES]

    def read_crop(self, _image):
        return self._answer(None)

    def read_frame(self, image):
        height, width = image.shape[:2]
        return (self._answer(rim_of(width, height)),)

    def _answer(self, corners):
        return Answer(
            text=self._texts.pop(0),
            confidence=0.99,
            colour="black",
            corners=corners,
            accepted=True,
            lines=2,
        )


def test_eval_tells_a_wrong_colour_of_what_was_accepted(labels, capsys, monkeypatch):
    row = EngineRow(name="colourblind", needs="nothing", open=Colourblind)
    monkeypatch.setattr("lpr.engines.ENGINES", (*ENGINES, row))
    arguments = ["eval", str(labels), "--engine", "colourblind"]
    main([*arguments, "--json"])
    report = json.loads(capsys.readouterr().out)
    for kind in ("crop", "frame"):
        figures = report[kind]["figures"]
        hits = {
            name: figures[name]["hits"]
            for name in (
                "exact",
                "accepted_precision",
                "colour",
                "colour_wrong",
                "exact_with_colour",
                "accepted_precision_with_colour",
                "layout",
            )
        }
        assert list(hits.values()) == [3, 3, 0, 3, 0, 0, 0]
    main(arguments)
    told = capsys.readouterr().out
    assert told.count("and no wrong colour    0.0 %") == 2
    assert told.count("another colour told    100.0 %") == 2
    assert told.count("one line or two, right 0.0 %") == 2


class Slow:
    """An engine that works on one crop of three longer than on both others."""

    version = "1"

    def __init__(self):
        self._crops = 0

    def read_crop(self, _image):
        self._crops += 1
        until = time.process_time() + (0.3 if self._crops == 2 else 0.03)
        while time.process_time() < until:
            pass

    def read_frame(self, _image):
        return ()


def test_the_median_tells_what_a_usual_picture_takes(labels):
    crops = measure(Slow(), "slow", read_labels(labels)).kinds["crop"]
    assert 30 <= crops.median_cpu_ms_per_picture < 100
    assert 120 <= crops.cpu_ms_per_picture < 300


def test_bench_runs_the_engines_that_are_asked_for(labels, capsys):
    arguments = ["bench", str(labels), "--engine", "glyphs", "--against", "--json"]
    assert main(arguments) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(row["engine"], row["kind"]) for row in rows} == {
        ("glyphs", "crop"),
        ("glyphs", "frame"),
    }


class Stumbling:
    """An engine that reads every crop and fails on every frame."""

    version = "1"

    def read_crop(self, _image):
        return Answer(
            text=PLATES[0], confidence=0.9, colour=None, corners=None, accepted=True
        )

    def read_frame(self, _image):
        raise EngineError("engine stumbling failed on this picture: no height")


def test_pictures_on_which_an_engine_fails_count_as_not_answered(
    labels, capsys, monkeypatch
):
    row = EngineRow(name="stumbling", needs="nothing", open=Stumbling)
    monkeypatch.setattr("lpr.engines.ENGINES", (*ENGINES, row))
    arguments = ["bench", str(labels), "--engine", "glyphs", "--against", "stumbling"]
    assert main([*arguments, "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert "frame0.jpg: engine stumbling failed" in printed.err
    rows = [json.loads(line) for line in printed.out.splitlines()]
    ours = {row["kind"]: row for row in rows if row["engine"] == "stumbling"}
    assert ours["crop"]["failed_pictures"] == 0
    assert ours["crop"]["exact"]["hits"] == 1
    assert ours["frame"]["failed_pictures"] == 3
    assert ours["frame"]["exact"]["hits"] == 0
    assert ours["frame"]["exact"]["total"] == 3
    main(arguments)
    assert "failed on 3, counted as not answered" in capsys.readouterr().out


def test_read_prints_the_plates_of_a_picture_and_draws_them(labels, capsys, tmp_path):
    out = tmp_path / "drawn.jpg"
    picture = labels.parent / "frame0.jpg"
    status = main(["read", str(picture), "--draw", str(out), "--json"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert status == (0 if any(line["text"] for line in lines) else 1)
    assert lines
    assert lines[0]["grey_picture"] is False
    assert len(lines[0]["corners_px"]) == 4
    before, after = cv2.imread(str(picture)), cv2.imread(str(out))
    assert before.shape == after.shape
    assert np.abs(before.astype(int) - after).max() > 100


def test_a_grammar_that_is_broken_is_told_with_what_breaks_it(
    new_studio, capsys, tmp_path
):
    """A trailer's plate is yellow; on blue ground its text belongs to no kind."""
    photo = new_studio(12).photo("豫A2532挂", width=240, layout="cells", colour="blue")
    path = tmp_path / "blue.png"
    cv2.imwrite(str(path), photo)
    assert main(["read", str(path)]) == 1
    told = capsys.readouterr().out
    assert told.startswith("unread: grammar (豫A2532挂 stands on blue, not on yellow)")
    main(["read", str(path), "--json"])
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["text"], line["unread_reason"]) == (None, "grammar")
    assert (line["conflict"], line["seen"]) == ("colour", "豫A2532挂")
    assert line["seen_by_picture"] == "豫A2532挂"
    assert set(line["colours"]) == set(GROUNDS)
    assert sum(line["colours"].values()) == pytest.approx(1.0, abs=1e-3)
    assert max(line["colours"], key=line["colours"].get) == "blue" == line["colour"]


def test_what_the_picture_alone_spells_is_told_beside_what_the_grammar_makes_of_it():
    read = Decoded(
        text="豫A12345",
        probability=0.6,
        seen="豫A1234S",
        places=tuple(Place(one, 0.6, ()) for one in "豫A12345"),
        alternatives=(),
        ground="blue",
        ground_probability=0.9,
        conflict=None,
        state="whole",
        state_probabilities=(1.0, 0.0, 0.0),
    )
    line = plate_line("a", PlateReading.unread("doubtful", decoded=read), grey=False)
    assert (line.seen, line.seen_by_picture) == ("豫A12345", "豫A1234S")
    assert (line.conflict, line.colours) == (None, {})
    assert plate_line("a", PlateReading.unread("no_frame"), grey=False).colours is None


def test_a_grey_picture_is_read_without_a_colour_and_says_so(labels, capsys, tmp_path):
    frame = cv2.imread(str(labels.parent / "frame1.jpg"), cv2.IMREAD_GRAYSCALE)
    path = tmp_path / "infrared.png"
    cv2.imwrite(str(path), frame)
    main(["read", str(path), "--json"])
    for line in capsys.readouterr().out.splitlines():
        told = json.loads(line)
        assert told["grey_picture"] is True
        assert told["colour"] is None
        assert told["colours"] is None


def test_read_fetches_an_address(labels, capsys):
    content = (labels.parent / "frame0.jpg").read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path == "/plate.jpg"
            self.send_response(200 if found else 404)
            self.end_headers()
            if found:
                self.wfile.write(content)

        def log_message(self, *_):
            """Say nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        assert main(["read", f"{address}/plate.jpg"]) in {0, 1}
        assert capsys.readouterr().out
        assert "404" in refused(capsys, "read", f"{address}/other.jpg")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def passage(path, studio, face, *, blur_px=0.6):
    """A film of six frames in which a plate comes nearer."""
    film = cv2.VideoWriter(
        str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (1280, 720)
    )
    for step in range(6):
        at = (300 + 40 * step, 540 + 12 * step)
        frame = studio.mounted(face, width=190 + 6 * step, at=at)
        film.write(studio.photographed(frame, noise=2.0, blur_px=blur_px))
    film.release()
    return path


def followed(path, capsys):
    """Exit status, the object and the line of the one plate that moves in a film."""
    status = main(["read", str(path), "--json"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (line,) = [one for one in lines if one["moves"] and one["looks"] >= 4]
    main(["read", str(path)])
    told = capsys.readouterr().out.splitlines()
    (sentence,) = [one for one in told if f"of {line['looks']} looks" in one]
    return status, line, sentence


def test_read_follows_the_plates_of_a_video(new_studio, capsys, tmp_path):
    studio = new_studio(43)
    face = studio.face("豫A12345", colour="blue")
    path = passage(tmp_path / "passage.avi", studio, face)
    status, line, sentence = followed(path, capsys)
    assert status == 0
    assert (line["text"], line["seen"], line["colour"]) == (*["豫A12345"] * 2, "blue")
    assert line["accepted"] is True
    assert line["unread_reason"] is None
    assert min(line["character_confidences"]) > 0.99
    assert line["weakest"] in range(7)
    assert "  豫A12345  " in sentence


def test_a_covered_plate_of_a_video_is_unread_and_shows_its_pattern(
    new_studio, capsys, tmp_path
):
    studio = new_studio(45)
    face = studio.face("皖D25B68")
    face[46:234, 411:515] = (110, 110, 115)
    path = passage(tmp_path / "covered.avi", studio, face)
    status, line, sentence = followed(path, capsys)
    assert status == 1
    assert line["text"] is None
    assert line["accepted"] is False
    assert line["unread_reason"] == "covered"
    assert line["pattern"] == "皖D2?B68"
    assert "unread: covered (皖D2?B68)" in sentence


def test_what_a_video_does_not_show_is_unread_with_a_reason_and_no_guess(
    new_studio, capsys, tmp_path
):
    studio = new_studio(46)
    face = studio.face("冀C52F18", colour="blue")
    path = passage(tmp_path / "smeared.avi", studio, face, blur_px=6.0)
    status, line, sentence = followed(path, capsys)
    assert status == 1
    assert line["text"] is None
    assert line["unread_reason"] in {"blurred", "doubtful"}
    assert line["seen"] not in dict(line["alternatives"])
    assert f"unread: {line['unread_reason']}, weakest" in sentence
    assert line["seen"] not in sentence


@pytest.mark.parametrize("grey", [False, True])
def test_a_vote_is_told_whether_the_film_has_colour(
    new_studio, tmp_path, monkeypatch, grey
):
    """In one that has, letters on no plate's ground are no plate."""
    studio = new_studio(44)
    face = studio.face("豫A12345", colour="blue")
    path, told = tmp_path / "passage.avi", []
    film = cv2.VideoWriter(
        str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (1280, 720)
    )
    for step in range(3):
        frame = studio.mounted(face, width=200, at=(300 + 40 * step, 560))
        if grey:
            frame[:] = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)[..., None]
        film.write(frame)
    film.release()
    monkeypatch.setattr("lpr.cli.answers.vote", told.extend)
    main(["read", str(path)])
    assert {look.colourful for look in told} == {not grey}


def test_a_track_in_which_no_character_is_seen_is_unread_and_not_dropped():
    corners = np.array([[9, 9], [99, 9], [99, 39], [9, 39]], np.float32)
    bare = decode(
        Outputs(
            np.eye(len(SYMBOLS) + 1, dtype=np.float32)[[-1] * 4] * 20,
            np.zeros(len(GROUNDS), np.float32),
            np.zeros(len(STATES), np.float32),
        )
    )
    looks = tuple(
        Look(
            frame=frame,
            at_s=frame / 10,
            box=PlateBox(corners=corners, confidence=0.9),
            place=(0.5, 0.5),
            sharpness=0.1,
            decoded=bare,
            unread_reason="blurred",
        )
        for frame in range(3)
    )
    line = passage_line("a.avi", Track(number=4, looks=looks), sure=0.99)
    assert (line.text, line.unread_reason, line.seen) == (None, "blurred", None)
    assert (line.track, line.looks, line.agreeing) == (4, 3, 0)
    assert line.accepted is False
    assert "unread: blurred  0 of 3 looks agree" in passage_sentence(line)


def without_plate(path, studio):
    """A picture, or a film of three frames, in which no plate is."""
    frames = [studio.photographed(studio.scene()) for _ in range(3)]
    if path.suffix == ".jpg":
        path.write_bytes(encode_jpeg(frames[0]))
        return
    fourcc = cv2.VideoWriter.fourcc(*"MJPG")
    film = cv2.VideoWriter(str(path), fourcc, 10.0, (1280, 720))
    for frame in frames:
        film.write(frame)
    film.release()


@pytest.mark.parametrize("name", ["empty.jpg", "empty.avi"])
def test_where_no_plate_is_found_read_says_so(new_studio, tmp_path, capsys, name):
    path = tmp_path / name
    without_plate(path, new_studio(51))
    assert main(["read", str(path)]) == 1
    assert capsys.readouterr().out == f"{path}: no plate found\n"
    assert main(["read", str(path), "--json"]) == 1
    (line,) = [json.loads(one) for one in capsys.readouterr().out.splitlines()]
    assert (line["text"], line["unread_reason"]) == (None, "no_plate")
    assert line["source"] == str(path)


def test_what_cannot_be_read_is_refused_in_one_line(tmp_path, capsys):
    telephone = tmp_path / "a.heic"
    telephone.write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(20))
    film = tmp_path / "b.mp4"
    film.write_bytes(b"no film")
    assert "HEIC" in refused(capsys, "read", telephone)
    assert "no such file" in refused(capsys, "read", tmp_path / "none.mp4")
    assert "cannot be read" in refused(capsys, "read", tmp_path / "none.jpg")
    assert "--every" in refused(capsys, "read", film, "--every", "0")


@pytest.mark.parametrize(
    ("rows", "header", "told"),
    [
        ([], HEADER, "holds no row"),
        ([], ["path", "plate"], "lacks column 'kind'"),
        ([["a.jpg", "豫A12345", "film", "", "", "", "", ""]], HEADER, "line 2"),
        ([["a.jpg", "豫A12345", "frame", "", "", "x", "1", ""]], HEADER, "cx and cy"),
        ([["", "豫A12345", "crop", "", "", "", "", ""]], HEADER, "may not be empty"),
        ([["a.jpg", "豫A12345", "crop", "", "", "", "", ""]], HEADER, "a.jpg"),
    ],
)
def test_bad_labels_are_refused_in_one_line(tmp_path, capsys, rows, header, told):
    path = written(tmp_path / "labels.csv", rows, header)
    assert told in refused(capsys, "eval", path, "--engine", "glyphs")


def test_an_unknown_or_missing_engine_is_refused_in_one_line(labels, capsys):
    assert "choose one of ours" in refused(capsys, "eval", labels, "--engine", "none")
    assert "pip install" in refused(capsys, "eval", labels, "--engine", "agentclpr")
    assert "OpenCV 4" in refused(capsys, "eval", labels, "--engine", "hyperlpr2")
    wrong = ["--engine", "glyphs", "--runtime", "opencv"]
    assert "go with --engine ours" in refused(capsys, "eval", labels, *wrong)


@pytest.mark.parametrize(
    "option",
    ["--detector", "--rectifier", "--reader", "--fine-reader", "--second-look"],
)
def test_wrong_weights_are_refused_with_the_name_of_their_file(
    option, labels, capsys, tmp_path
):
    assert "labels.csv: " in refused(capsys, "eval", labels, option, labels)
    others = {
        "--detector": packaged_reader_weights(),
        "--rectifier": packaged_second_weights(),
        "--reader": packaged_second_weights(),
        "--fine-reader": packaged_reader_weights(),
        "--second-look": packaged_detector_weights(),
    }
    path = tmp_path / "others.onnx"
    path.write_bytes(others[option])
    assert "others.onnx: " in refused(capsys, "eval", labels, option, path)


def test_a_missing_command_is_refused_in_one_line(capsys):
    refused(capsys)
    refused(capsys, "write")
