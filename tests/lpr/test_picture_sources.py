"""Pictures and films from anywhere: known by their bytes, refused in one line."""

import os

import cv2
import numpy as np
import pytest

from lpr.cli.__main__ import main
from lpr.cli.quiet import caught_words
from lpr.cli.sources import is_address, names_a_film
from lpr.image import encode_jpeg


@pytest.fixture
def picture(tmp_path):
    rng = np.random.default_rng(4)
    rough = rng.integers(0, 255, (240, 320, 3), np.uint8)
    path = tmp_path / "a.jpg"
    path.write_bytes(encode_jpeg(cv2.GaussianBlur(rough, (0, 0), 3)))
    return path


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.avi"
    made = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (320, 240))
    for level in (40, 90, 140):
        made.write(np.full((240, 320, 3), level, np.uint8))
    made.release()
    return path


def refused(capfd, *arguments):
    """The one line on the error stream, decoders' own words included."""
    assert main([str(argument) for argument in arguments]) == 2
    told = capfd.readouterr().err
    assert told.count("\n") == 1
    return told


def test_a_jpeg_that_is_damaged_inside_is_refused(picture, capfd):
    whole = picture.read_bytes()
    middle = len(whole) // 2
    picture.write_bytes(whole[:middle] + b"\xff\xd9")
    assert "a.jpg: is a damaged JPEG" in refused(capfd, "read", picture)
    picture.write_bytes(whole[:middle] + bytes(200) + whole[middle + 200 :])
    assert "a.jpg: is a damaged JPEG" in refused(capfd, "read", picture)
    picture.write_bytes(whole)
    assert main(["read", str(picture)]) == 1
    assert capfd.readouterr().err == ""


def test_a_jpeg_that_its_camera_filled_up_is_read(picture, capfd):
    whole = picture.read_bytes()
    picture.write_bytes(whole[:-2] + bytes(40) + whole[-2:])
    assert main(["read", str(picture)]) == 1
    told = capfd.readouterr()
    assert told.out
    assert told.err == ""


def test_decoders_add_no_words_of_their_own(tmp_path, capfd):
    page = np.random.default_rng(5).integers(0, 255, (60, 80, 3), np.uint8)
    _, data = cv2.imencode(".png", page)
    broken = tmp_path / "b.png"
    broken.write_bytes(data.tobytes()[:400] + data.tobytes()[-12:])
    assert "b.png: is a" in refused(capfd, "read", broken)
    film = tmp_path / "c.mp4"
    film.write_bytes(bytes(4) + b"ftypisom" + bytes(300))
    assert "c.mp4: is no picture and no video" in refused(capfd, "read", film)


def test_a_film_is_known_by_its_bytes_whatever_its_name(
    film, picture, tmp_path, capsys
):
    bare = tmp_path / "passage"
    bare.write_bytes(film.read_bytes())
    assert names_a_film(str(bare))
    assert names_a_film(str(film))
    assert not names_a_film(str(picture))
    assert main(["read", str(bare)]) == 1
    assert "is a video" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "address", "is_film"),
    [
        ("HTTP://camera.example/a.jpg", True, False),
        ("http://camera.example/film.mp4?token=1", True, True),
        ("RTSP://camera.example/live", True, True),
        ("none.mp4", False, True),
        ("none.jpg", False, False),
    ],
)
def test_addresses_tell_a_film_by_the_ending_of_their_path(name, address, is_film):
    assert is_address(name) == address
    assert names_a_film(name) == is_film


def test_nothing_is_drawn_onto_the_picture_itself(picture, tmp_path, capfd):
    before = picture.read_bytes()
    same = tmp_path / "same.jpg"
    same.symlink_to(picture)
    for out in (picture, same):
        told = refused(capfd, "read", picture, "--draw", out)
        assert "is the picture itself" in told
    assert picture.read_bytes() == before


def test_a_drawing_is_a_jpeg_and_is_called_so(picture, tmp_path, capfd):
    out = tmp_path / "drawn.png"
    assert "must end in .jpg" in refused(capfd, "read", picture, "--draw", out)
    assert not out.exists()


def test_caught_words_are_those_of_the_block_and_the_stream_comes_back(capfd):
    with caught_words() as words:
        os.write(2, b"from below\nand more\n")
        assert words == []
    os.write(2, b"afterwards\n")
    assert words == ["from below", "and more"]
    assert capfd.readouterr().err == "afterwards\n"
