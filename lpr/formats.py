"""What the bytes of a picture file are, before anything decodes them.

It looks at headers only: which format, how large a picture they promise, whether the
file ends as that format ends. It decodes nothing, so a hostile file costs nothing.
"""

import struct
import zlib
from typing import Final, Literal, TypeAlias

import msgspec

from lpr.errors import PictureError

__all__ = ["READ_FORMATS", "Format", "Header", "header_of", "is_film"]

Format: TypeAlias = Literal["JPEG", "PNG", "BMP", "WebP"]
READ_FORMATS: Final = "JPEG, PNG, BMP and WebP"

_HEIF_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"}
)
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_OTHERS: Final = (
    (b"GIF8", "a GIF"),
    (b"II*\x00", "a TIFF"),
    (b"MM\x00*", "a TIFF"),
    (b"%PDF", "a PDF document"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\x1aE\xdf\xa3", "a video (Matroska)"),
)
_FILMS: Final = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"\x00\x00\x01\xba",  # MPEG programme stream
    b"\x00\x00\x01\xb3",  # MPEG video
    b"\x30\x26\xb2\x75",  # ASF, WMV
)
_TS_PACKET: Final = 188
_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_JPEG_TAIL: Final = 65536
"""Cameras add blocks of their own after a picture's end: it is looked for so far."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """A picture as its first bytes promise it; ``whole`` when its end is there."""

    format: Format
    width_px: int
    height_px: int
    channels: int
    bits: int
    whole: bool


def header_of(data: bytes) -> Header:
    """The header of a picture file.

    Raises:
        PictureError: the bytes are no picture of a format that is read; the message
            names what they are and what to do.

    >>> header_of(b"GIF89a")
    Traceback (most recent call last):
    lpr.errors.PictureError: is a GIF; JPEG, PNG, BMP and WebP are read
    """
    if not data:
        raise PictureError("is empty")
    try:
        if data[:2] == b"\xff\xd8":
            return _jpeg(data)
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            return _png(data)
        if data[:2] == b"BM" and len(data) > 25:
            return _bmp(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
    except (struct.error, IndexError) as error:
        raise PictureError("is cut off within its header") from error
    message = f"is {_name_of(data)}; {READ_FORMATS} are read"
    raise PictureError(message)


def is_film(beginning: bytes) -> bool:
    """Tell whether a file begins as films do: MP4, AVI, Matroska, MPEG, FLV or WMV.

    >>> is_film(bytes(4) + b"ftypmp42")
    True
    >>> is_film(bytes(4) + b"ftypheic")
    False
    """
    if beginning[4:8] == b"ftyp":
        return beginning[8:12] not in _HEIF_BRANDS | _AVIF_BRANDS
    if beginning[:4] == b"RIFF":
        return beginning[8:12] == b"AVI "
    packets = beginning[::_TS_PACKET][:4]
    return beginning.startswith(_FILMS) or packets == b"GGGG"


def _name_of(data: bytes) -> str:
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        if brand in _HEIF_BRANDS:
            return "a HEIC picture (as telephones take)"
        return "an AVIF picture" if brand in _AVIF_BRANDS else "a video (MP4)"
    for start, name in _OTHERS:
        if data.startswith(start):
            return name
    return "no picture that is known here"


def _jpeg(data: bytes) -> Header:
    at = 2
    while True:
        if data[at] != 0xFF:
            raise PictureError("is a damaged JPEG: a marker is missing")
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
            continue
        if marker in _STANDALONE:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in _START_OF_FRAME:
            bits, height, width, channels = struct.unpack_from(">BHHB", data, at + 4)
            whole = data.rfind(b"\xff\xd9", max(at, len(data) - _JPEG_TAIL)) > at
            return _header("JPEG", width, height, channels, bits, whole=whole)
        if marker == 0xDA or length < 2:
            raise PictureError("is a damaged JPEG: it has no size")
        at += 2 + length


def _png(data: bytes) -> Header:
    width, height, bits, kind = struct.unpack_from(">IIBB", data, 16)
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(kind, 0)
    return _header("PNG", width, height, channels, bits, whole=_png_is_whole(data))


def _png_is_whole(data: bytes) -> bool:
    """Whether every block up to the last is there, each with its right check sum."""
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            return False
        (stated,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(memoryview(data)[at + 4 : end]) != stated:
            raise PictureError("is a damaged PNG: a check sum is wrong")
        if data[at + 4 : at + 8] == b"IEND":
            return True
        at = end + 4
    return False


def _bmp(data: bytes) -> Header:
    (size,) = struct.unpack_from("<I", data, 2)
    width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
    return _header(
        "BMP", width, abs(height), 3, max(1, bits // 3), whole=len(data) >= size
    )


def _webp(data: bytes) -> Header:
    (size,) = struct.unpack_from("<I", data, 4)
    whole = len(data) >= size + 8
    kind = data[12:16]
    if kind == b"VP8X":
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
    elif kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        width, height = 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    elif kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        width, height = width & 0x3FFF, height & 0x3FFF
    else:
        raise PictureError("is a damaged WebP: its first block is unknown")
    return _header("WebP", width, height, 3, 8, whole=whole)


def _header(
    kind: Format, width: int, height: int, channels: int, bits: int, *, whole: bool
) -> Header:
    if width < 1 or height < 1:
        message = f"is a damaged {kind}: its size is {width} by {height}"
        raise PictureError(message)
    return Header(
        format=kind,
        width_px=width,
        height_px=height,
        channels=channels,
        bits=bits,
        whole=whole,
    )
