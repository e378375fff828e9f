import zlib

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from wim.protocols import strip
from wim.protocols.strip import Decoder, FramesLost, LineNoise, SampleFrame


def frame(sequence=0, *, samples=5, channels=3, bits=16, rate=4000.0, seed=0, at=None):
    rng = np.random.default_rng(seed + sequence)
    top = 1 << (bits - 1)
    counts = rng.integers(-top, top, (samples, channels), dtype=np.int32)
    return SampleFrame(
        sequence=sequence,
        first_sample=sequence * samples if at is None else at,
        sample_rate_hz=rate,
        counts=counts,
        inputs=sequence % 4,
        bits_per_sample=bits,
    )


def delivered(events):
    return [event for event in events if isinstance(event, SampleFrame)]


def same(a, b):
    return (
        a.sequence == b.sequence
        and a.first_sample == b.first_sample
        and a.sample_rate_hz == b.sample_rate_hz
        and a.inputs == b.inputs
        and a.bits_per_sample == b.bits_per_sample
        and np.array_equal(a.counts, b.counts)
    )


def in_pieces(decoder, data, sizes):
    events, at, k = [], 0, 0
    while at < len(data):
        size = sizes[k % len(sizes)]
        events += decoder.receive(data[at : at + size])
        at, k = at + size, k + 1
    return events


@settings(max_examples=150, deadline=None)
@given(
    bits=st.sampled_from([16, 24]),
    channels=st.integers(1, 32),
    samples=st.integers(1, 60),
    rate_mhz=st.integers(1_000_000, 20_000_000),
    first=st.integers(0, 2**63),
    inputs=st.integers(0, 2**32 - 1),
    data=st.data(),
)
def test_a_frame_of_any_shape_comes_back_as_it_went(
    bits, channels, samples, rate_mhz, first, inputs, data
):
    top = 1 << (bits - 1)
    edge = data.draw(st.sampled_from([-top, top - 1, 0]))
    counts = np.random.default_rng(samples).integers(
        -top, top, (samples, channels), dtype=np.int32
    )
    counts[0, 0] = edge
    sent = SampleFrame(
        sequence=data.draw(st.integers(0, 2**32 - 1)),
        first_sample=first,
        sample_rate_hz=rate_mhz / 1000.0,
        counts=counts,
        inputs=inputs,
        bits_per_sample=bits,
    )
    decoder = Decoder()
    (received,) = decoder.receive(strip.encode(sent))
    assert same(received, sent)
    assert (decoder.frames, decoder.bad_crc, decoder.noise_bytes) == (1, 0, 0)
    assert decoder.pending_bytes == 0


def test_a_frame_cut_at_any_byte_costs_only_itself():
    first, second, third = frame(0), frame(1), frame(2)
    whole = strip.encode(first)
    after = strip.encode(second) + strip.encode(third)
    for cut in range(len(whole)):
        decoder = Decoder()
        events = decoder.receive(whole[:cut] + after)
        assert [f.sequence for f in delivered(events)] == [1, 2], cut
        assert decoder.noise_bytes == cut
        assert decoder.pending_bytes == 0


def test_a_frame_cut_between_two_others_is_counted_as_lost():
    whole = strip.encode(frame(1))
    for cut in range(len(whole)):
        decoder = Decoder()
        line = strip.encode(frame(0)) + whole[:cut] + strip.encode(frame(2))
        events = decoder.receive(line + strip.encode(frame(3)))
        assert [f.sequence for f in delivered(events)] == [0, 2, 3]
        assert FramesLost(frames=1, samples=5) in events
        assert (decoder.lost_frames, decoder.lost_samples) == (1, 5)


def test_any_damaged_byte_costs_one_frame_and_no_other():
    frames = [frame(k) for k in range(4)]
    line = bytearray(b"".join(strip.encode(f) for f in frames))
    size = len(line) // 4
    for at in range(size, 2 * size):
        for flip in (0x01, 0x80, 0xFF):
            damaged = line.copy()
            damaged[at] ^= flip
            decoder = Decoder()
            events = decoder.receive(bytes(damaged))
            assert [f.sequence for f in delivered(events)] == [0, 2, 3]
            assert decoder.lost_samples == 5
            assert decoder.noise_bytes == size


def test_two_frames_in_one_read_and_one_frame_in_two_reads_are_the_same():
    frames = [frame(k) for k in range(2)]
    line = b"".join(strip.encode(f) for f in frames)
    for cut in range(len(line)):
        decoder = Decoder()
        events = decoder.receive(line[:cut]) + decoder.receive(line[cut:])
        assert all(same(a, b) for a, b in zip(events, frames, strict=True))


@settings(max_examples=200, deadline=None)
@given(
    spoils=st.lists(
        st.tuples(
            st.sampled_from(["whole", "flip", "cut", "garbage", "dropped"]),
            st.integers(0, 10**6),
            st.binary(max_size=40),
        ),
        max_size=12,
    ),
    sizes=st.lists(st.integers(1, 200), min_size=1, max_size=5),
)
def test_whatever_happens_on_the_line_whole_frames_arrive_and_losses_are_counted(
    spoils, sizes
):
    line, whole = b"", []
    for k, (what, where, noise) in enumerate(spoils):
        sent = frame(k, channels=2, samples=3)
        data = strip.encode(sent)
        if what == "flip":
            spoiled = bytearray(data)
            spoiled[where % len(data)] ^= 1 + where % 255
            line += bytes(spoiled)
        elif what == "cut":
            line += data[: where % len(data)]
        elif what == "garbage":
            line += noise + data
            whole.append(sent)
        elif what == "whole":
            line += data
            whole.append(sent)
    last = [frame(len(spoils) + k, channels=2, samples=3) for k in range(3)]
    line += b"".join(strip.encode(f) for f in last)
    whole += last

    decoder = Decoder()
    events = in_pieces(decoder, line, sizes)
    got = delivered(events)
    assert [f.sequence for f in got] == [f.sequence for f in whole]
    assert all(same(a, b) for a, b in zip(got, whole, strict=True))
    missing = range(whole[0].sequence, whole[-1].sequence + 1)
    assert decoder.lost_frames == len(missing) - len(whole)
    assert decoder.lost_samples == 3 * decoder.lost_frames
    used = sum(len(strip.encode(f)) for f in got)
    assert used + decoder.noise_bytes + decoder.pending_bytes == len(line)
    noise = sum(e.n_bytes for e in events if isinstance(e, LineNoise))
    assert noise == decoder.noise_bytes


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400), st.lists(st.integers(1, 50), min_size=1, max_size=4))
def test_garbage_alone_raises_nothing_and_is_all_accounted_for(noise, sizes):
    decoder = Decoder()
    events = in_pieces(decoder, noise, sizes)
    assert delivered(events) == []
    assert decoder.noise_bytes + decoder.pending_bytes == len(noise)


def test_a_sync_word_inside_samples_begins_no_frame():
    word = int.from_bytes(strip.SYNC[:2], "little", signed=True)
    half = int.from_bytes(strip.SYNC[2:], "little", signed=True)
    counts = np.array([[word, half]] * 4, dtype=np.int32)
    sent = SampleFrame(sequence=0, first_sample=0, sample_rate_hz=1000.0, counts=counts)
    data = strip.encode(sent)
    assert data.count(strip.SYNC) == 5
    decoder = Decoder()
    events = in_pieces(decoder, data + data[:-1] + data, [7])
    assert len(delivered(events)) >= 1
    assert same(delivered(events)[0], sent)
    assert decoder.bad_crc >= 1


def test_a_sequence_wraps_without_a_loss():
    decoder = Decoder()
    events = decoder.receive(strip.encode(frame(2**32 - 1, at=0)))
    events += decoder.receive(strip.encode(frame(2**32, at=5)))
    assert [f.sequence for f in delivered(events)] == [2**32 - 1, 0]
    assert decoder.lost_frames == 0


def test_a_device_that_starts_again_is_told_from_a_loss():
    decoder = Decoder()
    decoder.receive(strip.encode(frame(9)))
    events = decoder.receive(strip.encode(frame(0)))
    assert events[0] == FramesLost(frames=0, samples=0, restarted=True)
    assert (decoder.restarts, decoder.lost_frames) == (1, 0)


def test_a_whole_frame_of_another_type_is_passed_over_and_counted():
    data = bytearray(strip.encode(frame(0)))
    data[5] = 9
    head = bytes(data[:12])
    data[12:14] = strip.binascii.crc_hqx(head, 0xFFFF).to_bytes(2, "little")
    data[-4:] = zlib.crc32(bytes(data[:-4])).to_bytes(4, "little")
    decoder = Decoder()
    assert decoder.receive(bytes(data)) == []
    assert (decoder.unknown_frames, decoder.noise_bytes) == (1, 0)


def test_figures_that_no_frame_can_carry_are_refused():
    with pytest.raises(ValueError, match="16 bits"):
        strip.encode(_too_large())
    with pytest.raises(ValueError, match="sample_rate_hz"):
        frame(0, rate=20_001.0)
    with pytest.raises(ValueError, match="32 channels"):
        frame(0, channels=33)
    with pytest.raises(ValueError, match="exceeds"):
        strip.encode(frame(0, samples=2000, channels=32))


def _too_large():
    return SampleFrame(
        sequence=0,
        first_sample=0,
        sample_rate_hz=1000.0,
        counts=np.array([[2**15]], dtype=np.int32),
    )
