"""Strip protocol, version 1: raw samples of up to 32 force channels over a serial line.

It opens no port and keeps no time: bytes in, events out, and back. A decoder never
raises on data; what it cannot use it counts.

All numbers are little-endian. Every frame is

=======  ====  =========================================================
offset   type  field
=======  ====  =========================================================
0        4 B   sync ``C5 4C 48 57``
4        u8    version, 1
5        u8    frame type; 1 is SAMPLES, others are reserved
6        u16   payload length n, bytes
8        u32   sequence, one more each frame, wrapping
12       u16   CRC-16 of bytes 0 to 11 (CCITT, polynomial 0x1021, start 0xFFFF)
14       n B   payload
14 + n   u32   CRC-32 of bytes 0 to 13 + n (IEEE 802.3)
=======  ====  =========================================================

so that a damaged length is known before the decoder waits for it. SAMPLES carries

=======  ====  =========================================================
offset   type  field
=======  ====  =========================================================
0        u64   device time: number of the first sample since the device's start
8        u32   sample rate, mHz (1 kHz to 20 kHz)
12       u8    channels c, 1 to 32
13       u8    bits per sample, 16 or 24
14       u16   samples per channel s, at least 1
16       u32   inputs at the end of the block, bit k = digital input k
20       ...   s * c signed samples, channel by channel within one sample
=======  ====  =========================================================

A sequence or device time that runs on with a gap is a loss and counted; one that goes
back is a restarted device.
"""

import binascii
import struct
import zlib
from typing import Literal, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from wim.protocols.noise import LineNoise

__all__ = [
    "MAX_PAYLOAD_BYTES",
    "SYNC",
    "Decoder",
    "Event",
    "FramesLost",
    "LineNoise",
    "SampleFrame",
    "encode",
]

SYNC = b"\xc5\x4c\x48\x57"
MAX_PAYLOAD_BYTES = 65_535
_VERSION = 1
_SAMPLES = 1
_HEADER = struct.Struct("<4sBBHI")
_HEADER_BYTES = _HEADER.size + 2
_BLOCK = struct.Struct("<QIBBHI")
_CHECK_BYTES = 4


class SampleFrame(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One block of samples of all channels.

    ``counts`` is int32 of shape (samples, channels); ``first_sample`` numbers its
    first row since the device's start; ``inputs`` is a bit mask at its end.

    Raises:
        ValueError: a figure that the protocol cannot carry.
    """

    sequence: int
    first_sample: int
    sample_rate_hz: float
    counts: npt.NDArray[np.int32]
    inputs: int = 0
    bits_per_sample: Literal[16, 24] = 16

    def __post_init__(self) -> None:
        """Refuse what no frame can say."""
        if self.counts.ndim != 2 or self.counts.dtype != np.int32:
            message = "counts must be int32 of shape (samples, channels)"
            raise ValueError(message)
        samples, channels = self.counts.shape
        if samples < 1 or not 1 <= channels <= 32:
            message = f"counts of shape {self.counts.shape}: 1 sample, 1 to 32 channels"
            raise ValueError(message)
        if not 1_000.0 <= self.sample_rate_hz <= 20_000.0:
            message = f"sample_rate_hz {self.sample_rate_hz} must be 1000 to 20000"
            raise ValueError(message)

    @property
    def end_sample(self) -> int:
        """Return the number of the first sample after this block."""
        return self.first_sample + int(self.counts.shape[0])


class FramesLost(msgspec.Struct, frozen=True, kw_only=True):
    """Frames that were sent and did not arrive.

    ``samples`` is how many samples of each channel are missing before the next frame.
    When ``restarted``, device time went back: nothing is known of what lies between,
    and the samples that follow begin a new stream.
    """

    frames: int
    samples: int
    restarted: bool = False


Event: TypeAlias = SampleFrame | LineNoise | FramesLost


class Decoder:
    """Bytes of the line in, frames, noise and losses out; it never raises on data.

    Counters: ``frames`` of samples delivered, ``bad_crc`` frames that failed a check,
    ``noise_bytes`` that belonged to no frame, ``lost_frames``, ``lost_samples`` (per
    channel), ``unknown_frames`` that were whole but of another type or shape,
    ``restarts`` of the device.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.bad_crc = 0
        self.noise_bytes = 0
        self.lost_frames = 0
        self.lost_samples = 0
        self.unknown_frames = 0
        self.restarts = 0
        self._pending = bytearray()
        self._next_sequence: int | None = None
        self._next_sample = 0

    @property
    def pending_bytes(self) -> int:
        """Return how many bytes wait for the rest of their frame."""
        return len(self._pending)

    def receive(self, data: bytes) -> list[Event]:
        """Take the next bytes and return what they complete, in order."""
        self._pending += data
        buffer = bytes(self._pending)
        events: list[Event] = []
        at = noise_from = 0
        damaged = False
        while (found := _find_sync(buffer, at)) < len(buffer):
            at = found
            size = _frame_size(buffer, at)
            if size == 0:
                break
            if size is None or not _is_whole(buffer, at, size):
                self.bad_crc += 1
                damaged = True
                at += 1
                continue
            if at > noise_from:
                events.append(self._noise(at - noise_from, damaged=damaged))
            self._take(buffer[at : at + size], events)
            at += size
            noise_from, damaged = at, False
        else:
            at = found
        if at > noise_from:
            events.append(self._noise(at - noise_from, damaged=damaged))
        del self._pending[:at]
        return events

    def _noise(self, n_bytes: int, *, damaged: bool) -> LineNoise:
        self.noise_bytes += n_bytes
        return LineNoise(n_bytes=n_bytes, reason="damaged" if damaged else "garbage")

    def _take(self, frame: bytes, events: list[Event]) -> None:
        """Deliver one whole frame and what was lost before it."""
        _, version, kind, _, sequence = _HEADER.unpack_from(frame)
        block = None
        if version == _VERSION and kind == _SAMPLES:
            block = _read_block(frame, sequence)
        if block is None:
            self.unknown_frames += 1
            return
        expected = self._next_sequence
        if expected is not None:
            frames = (sequence - expected) % 2**32
            samples = block.first_sample - self._next_sample
            if samples < 0 or frames >= 2**31:
                self.restarts += 1
                events.append(FramesLost(frames=0, samples=0, restarted=True))
            elif frames or samples:
                self.lost_frames += frames
                self.lost_samples += samples
                events.append(FramesLost(frames=frames, samples=samples))
        self._next_sequence = (sequence + 1) % 2**32
        self._next_sample = block.end_sample
        self.frames += 1
        events.append(block)


def encode(frame: SampleFrame) -> bytes:
    """Return the bytes of one SAMPLES frame.

    Raises:
        ValueError: a sample does not fit its bits, or the block is too long.
    """
    limit = 1 << (frame.bits_per_sample - 1)
    if int(frame.counts.min()) < -limit or int(frame.counts.max()) >= limit:
        message = f"counts do not fit {frame.bits_per_sample} bits"
        raise ValueError(message)
    if frame.bits_per_sample == 16:
        data = frame.counts.astype("<i2").tobytes()
    else:
        wide = np.ascontiguousarray(frame.counts, dtype="<i4")
        data = wide.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    samples, channels = frame.counts.shape
    length = _BLOCK.size + len(data)
    if length > MAX_PAYLOAD_BYTES:
        message = f"block of {length} bytes exceeds {MAX_PAYLOAD_BYTES}"
        raise ValueError(message)
    header = _HEADER.pack(SYNC, _VERSION, _SAMPLES, length, frame.sequence % 2**32)
    header += struct.pack("<H", binascii.crc_hqx(header, 0xFFFF))
    block = _BLOCK.pack(
        frame.first_sample,
        round(frame.sample_rate_hz * 1000.0),
        channels,
        frame.bits_per_sample,
        samples,
        frame.inputs,
    )
    body = header + block + data
    return body + struct.pack("<I", zlib.crc32(body))


def _find_sync(buffer: bytes, at: int) -> int:
    """Return where the next frame may begin, at the latest the end of the buffer."""
    found = buffer.find(SYNC, at)
    if found >= 0:
        return found
    for kept in range(len(SYNC) - 1, 0, -1):
        if buffer.endswith(SYNC[:kept]) and len(buffer) - kept >= at:
            return len(buffer) - kept
    return len(buffer)


def _frame_size(buffer: bytes, at: int) -> int | None:
    """Return a frame's size; None if its header is damaged, 0 if more must come."""
    if len(buffer) - at < _HEADER_BYTES:
        return 0
    header = buffer[at : at + _HEADER_BYTES]
    check = int.from_bytes(header[_HEADER.size :], "little")
    if binascii.crc_hqx(header[: _HEADER.size], 0xFFFF) != check:
        return None
    length: int = _HEADER.unpack_from(header)[3]
    size = _HEADER_BYTES + length + _CHECK_BYTES
    return size if len(buffer) - at >= size else 0


def _is_whole(buffer: bytes, at: int, size: int) -> bool:
    end = at + size - _CHECK_BYTES
    check = int.from_bytes(buffer[end : at + size], "little")
    return zlib.crc32(memoryview(buffer)[at:end]) == check


def _read_block(frame: bytes, sequence: int) -> SampleFrame | None:
    """Return the samples of a whole frame, None if its figures contradict it."""
    data = memoryview(frame)[_HEADER_BYTES:-_CHECK_BYTES]
    if len(data) < _BLOCK.size:
        return None
    first, rate_mhz, channels, bits, samples, inputs = _BLOCK.unpack_from(data)
    data = data[_BLOCK.size :]
    if bits not in (16, 24) or len(data) != samples * channels * bits // 8:
        return None
    if bits == 16:
        flat = np.frombuffer(data, dtype="<i2").astype(np.int32)
    else:
        wide = np.zeros((samples * channels, 4), dtype=np.uint8)
        wide[:, 1:] = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3)
        flat = (wide.view("<i4").reshape(-1) >> 8).astype(np.int32, copy=False)
    try:
        return SampleFrame(
            sequence=sequence,
            first_sample=first,
            sample_rate_hz=rate_mhz / 1000.0,
            counts=flat.reshape(samples, channels),
            inputs=inputs,
            bits_per_sample=bits,
        )
    except ValueError:
        return None
