import pytest
from hypothesis import given, settings, strategies as st

from wim.protocols.xk3190 import Decoder, LineNoise, ScaleReading, encode

ZERO = bytes.fromhex("02 2B 30 30 30 30 30 30 30 31 42 03")
KG_1560 = bytes.fromhex("02 2B 30 30 31 35 36 30 30 31 39 03")


def masses(events):
    return [event.mass_kg for event in events if isinstance(event, ScaleReading)]


def test_published_frames_read_as_the_masses_they_show():
    decoder = Decoder()
    assert masses(decoder.receive(ZERO + KG_1560)) == [0.0, 1560.0]
    assert (decoder.frames, decoder.noise_bytes) == (2, 0)


def test_published_frames_are_written_as_published():
    assert encode(0.0) == ZERO
    assert encode(1560.0) == KG_1560


@given(st.integers(-999_999, 999_999), st.integers(0, 4))
def test_every_mass_that_can_be_shown_comes_back(shown, decimals):
    mass_kg = shown / 10**decimals
    (reading,) = Decoder().receive(encode(mass_kg, decimals))
    assert reading == ScaleReading(mass_kg=mass_kg)


def test_a_frame_cut_at_any_byte_costs_only_itself():
    for cut in range(len(KG_1560)):
        decoder = Decoder()
        events = decoder.receive(KG_1560[:cut] + ZERO + KG_1560)
        assert masses(events) == [0.0, 1560.0], cut
        assert decoder.noise_bytes == cut


def test_a_damaged_byte_never_reads_as_another_mass():
    for at in range(len(KG_1560)):
        for value in range(256):
            spoiled = bytearray(KG_1560)
            spoiled[at] = value
            if bytes(spoiled) == KG_1560:
                continue
            assert masses(Decoder().receive(bytes(spoiled) + ZERO)) == [0.0]


@settings(max_examples=200)
@given(
    st.lists(st.one_of(st.integers(0, 120_000), st.binary(max_size=15)), max_size=8),
    st.integers(1, 13),
)
def test_garbage_between_frames_raises_nothing_and_loses_no_frame(parts, size):
    parts = [p.replace(b"\x02", b"") if isinstance(p, bytes) else p for p in parts]
    line = b"".join(p if isinstance(p, bytes) else encode(float(p)) for p in parts)
    decoder = Decoder()
    events = []
    for at in range(0, len(line), size):
        events += decoder.receive(line[at : at + size])
    assert masses(events) == [float(p) for p in parts if isinstance(p, int)]
    noise = sum(e.n_bytes for e in events if isinstance(e, LineNoise))
    assert noise == sum(len(p) for p in parts if isinstance(p, bytes))


@given(st.binary(max_size=200))
def test_any_bytes_at_all_raise_nothing(line):
    decoder = Decoder()
    decoder.receive(line)
    assert decoder.noise_bytes + 12 * decoder.frames <= len(line)


def test_a_mass_of_seven_digits_is_refused():
    with pytest.raises(ValueError, match="6 digits"):
        encode(1_000_000.0)
    with pytest.raises(ValueError, match="decimals"):
        encode(1.0, 5)
