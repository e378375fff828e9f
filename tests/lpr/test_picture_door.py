"""Pictures from anywhere: what is handled comes out right, the rest is one line."""

import io
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from lpr.errors import PictureError
from lpr.formats import header_of
from lpr.image import (
    MOST_PIXELS,
    as_blob,
    decode_picture,
    encode_jpeg,
    holds,
    is_colourful,
    is_grey,
    sharpness,
)

YELLOW, BLUE = (20, 170, 240), (160, 80, 20)


def halves():
    page = np.zeros((60, 80, 3), np.uint8)
    page[:, :40], page[:, 40:] = YELLOW, BLUE
    return page


def written(format_, mode="RGB", **options):
    file = io.BytesIO()
    picture = PillowImage.fromarray(halves()[..., ::-1]).convert(mode)
    picture.save(file, format_, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("format_", "mode", "options"),
    [
        ("JPEG", "RGB", {"quality": 95}),
        ("JPEG", "RGB", {"quality": 95, "progressive": True}),
        ("JPEG", "CMYK", {"quality": 95}),
        ("PNG", "RGB", {}),
        ("PNG", "RGBA", {}),
        ("BMP", "RGB", {}),
        ("WEBP", "RGB", {"quality": 95}),
        ("WEBP", "RGB", {"lossless": True}),
    ],
)
def test_every_format_comes_out_in_its_colours(format_, mode, options):
    picture = decode_picture(written(format_, mode, **options))
    assert picture.image.shape == (60, 80, 3)
    assert not picture.grey
    assert np.allclose(picture.image[30, 20], YELLOW, atol=12)
    assert np.allclose(picture.image[30, 60], BLUE, atol=12)


@pytest.mark.parametrize("used_bits", [10, 12, 16])
def test_deep_pictures_keep_the_depth_they_use(used_bits):
    deep = halves().astype(np.uint16) << (used_bits - 8)
    _, data = cv2.imencode(".png", deep)
    picture = decode_picture(data.tobytes())
    assert picture.image.dtype == np.uint8
    assert np.allclose(picture.image[30, 20], YELLOW, atol=2)


@pytest.mark.parametrize("mode", ["L", "1"])
def test_grey_pictures_say_so(mode):
    assert decode_picture(written("PNG", mode)).grey


def test_a_picture_with_one_colourful_plate_is_not_grey():
    page = np.full((720, 1280, 3), 90, np.uint8)
    assert is_grey(page)
    page[300:380, 600:760] = YELLOW
    assert not is_grey(page)


@pytest.mark.parametrize("share", [0.02, 0.029, 0.031, 0.04])
def test_a_picture_is_colourful_from_three_places_of_a_hundred_on(share):
    """Above and below, where cameras write the time, an eighth is not counted."""
    places = np.full((80, 80, 3), 90, np.uint8)
    places[:10] = places[70:] = YELLOW
    inner = places[10:70].reshape(-1, 3)
    inner[: round(share * len(inner))] = YELLOW
    page = places.repeat(4, axis=0).repeat(4, axis=1)
    assert is_colourful(page) == (share > 0.03)


@pytest.mark.parametrize("size", [(640, 352), (320, 160)])
def test_a_network_sees_what_opencv_would_show_it(size):
    width, height = size
    image = np.random.default_rng(4).integers(0, 256, (352, 640, 3), np.uint8)
    wanted = cv2.dnn.blobFromImage(image, 1 / 128, size, (128.0, 128.0, 128.0))
    assert np.array_equal(as_blob(image, width=width, height=height), wanted)


@pytest.mark.parametrize("size", [(3, 3), (17, 40), (60, 190)])
def test_sharpness_is_that_of_the_sorted_levels(size):
    rng = np.random.default_rng(6)
    for spread in (3, 20, 70):
        noise = rng.normal(120, spread, (*size, 3))
        image = np.clip(noise, 0, 255).astype(np.uint8)
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(float)
        low, high = np.percentile(grey, (5, 95))
        steepest = np.percentile(np.abs(np.diff(grey, axis=1)), 97)
        wanted = 0.0 if high - low < 8.0 else steepest / (high - low)
        assert sharpness(image) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "BMP", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_a_cut_off_picture_is_refused_and_never_half_read(format_, share):
    data = written(format_)
    with pytest.raises(PictureError, match=r"cut off|damaged"):
        decode_picture(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty"),
        (b"hello", "no picture that is known"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "HEIC"),
        (b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00", "AVIF"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00", "video"),
        (b"GIF89a" + bytes(20), "a GIF"),
        (b"II*\x00" + bytes(20), "a TIFF"),
        (b"%PDF-1.7", "a PDF"),
        (b"\xff\xd8\xff", "cut off within its header"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "cut off within its header"),
        (b"\xff\xd8" + b"\xff\xc0\x00\x11\x08" + bytes(14), "its size is 0 by 0"),
    ],
)
def test_what_is_no_picture_is_named_in_one_line(data, told):
    with pytest.raises(PictureError, match=told) as refusal:
        decode_picture(data)
    assert "\n" not in str(refusal.value)


def test_a_giant_is_refused_from_its_header_alone():
    data = bytearray(written("PNG"))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    assert header_of(bytes(data)[:33]).width_px == 60_000
    with pytest.raises(PictureError, match=f"at most {MOST_PIXELS // 10**6} million"):
        decode_picture(bytes(data))


def test_a_flipped_bit_in_a_png_is_refused():
    data = bytearray(written("PNG"))
    data[len(data) // 2] ^= 1
    with pytest.raises(PictureError, match="check sum"):
        decode_picture(bytes(data))


def test_an_encoded_picture_decodes_to_itself():
    again = decode_picture(encode_jpeg(halves(), quality=98)).image
    assert np.abs(again.astype(int) - halves())[:, [10, 70]].max() < 8


def test_a_point_lies_in_a_quadrilateral_or_beside_it():
    corners = np.array([[0, 0], [10, 2], [10, 8], [0, 6]], np.float32)
    assert holds(corners, (5.0, 4.0))
    assert not holds(corners, (5.0, 9.0))
