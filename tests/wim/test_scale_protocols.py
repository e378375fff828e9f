"""What holds for every protocol of a static scale, and each one's documented frames."""

import math

import pytest
from hypothesis import given, settings, strategies as st

from wim.protocols import hbm, modbus, toledo, xk3190
from wim.protocols.noise import LineNoise
from wim.protocols.readings import ScaleFault, ScaleReading
from wim.protocols.registers import MassRegister, RegisterMap, Span, StatusRegister

LAUMAS = RegisterMap(
    mass=MassRegister(register=40008, kind="u32"),
    status=StatusRegister(
        register=40007,
        stable=(11,),
        negative=(7,),
        out_of_range=(2, 3, 4),
        device=(0, 1),
    ),
)

TEXT_COFS = (1, 3, 9, 11)
BINARY_COFS = (0, 2, 4, 6, 8, 12)

# name → a fresh decoder, the frame of a figure, what it reads as
CODECS = {
    "xk3190": (
        xk3190.Decoder,
        lambda kg: xk3190.encode(float(kg)),
        lambda kg: ScaleReading(mass_kg=float(kg)),
    ),
    "toledo": (
        toledo.Decoder,
        lambda kg: toledo.encode(float(kg)),
        lambda kg: ScaleReading(mass_kg=float(kg), stable=True),
    ),
    "toledo, bare": (
        lambda: toledo.Decoder(checksum=False),
        lambda kg: toledo.encode(float(kg), moving=True, checksum=False),
        lambda kg: ScaleReading(mass_kg=float(kg), stable=False),
    ),
    "hbm, text": (
        lambda: hbm.Decoder(9),
        lambda kg: hbm.encode(kg, cof=9, status=8, address=3),
        lambda kg: hbm.Value(digits=kg, status=8, address=3),
    ),
    "hbm, binary": (
        lambda: hbm.Decoder(8),
        lambda kg: hbm.encode(kg, cof=8, status=8),
        lambda kg: hbm.Value(digits=kg, status=8),
    ),
    "modbus": (
        lambda: modbus.AnswerDecoder(1, LAUMAS.spans),
        lambda kg: modbus.encode_answer(1, LAUMAS.spans[0], LAUMAS.write(kg)),
        lambda kg: modbus.Registers(
            3, (2048 + 128 * (kg < 0), abs(kg) >> 16, abs(kg) & 0xFFFF)
        ),
    ),
}
CHECKED = ["xk3190", "toledo", "modbus"]
"""Those whose frames carry a check."""


@pytest.fixture(params=CODECS)
def codec(request):
    return CODECS[request.param]


def said(events):
    return [event for event in events if not isinstance(event, LineNoise)]


def noise(events):
    return sum(event.n_bytes for event in events if isinstance(event, LineNoise))


def pieces(decoder, line, sizes):
    events, at, k = [], 0, 0
    while at < len(line):
        size = sizes[k % len(sizes)]
        events += decoder.receive(line[at : at + size])
        at, k = at + size, k + 1
    return events


figures = st.integers(-999_999, 999_999)
sizes = st.lists(st.integers(1, 30), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(st.lists(figures, max_size=6), sizes)
@pytest.mark.parametrize("name", CODECS)
def test_what_is_written_is_read_in_whatever_pieces_it_comes(name, kgs, sizes):
    make, frame, reading = CODECS[name]
    decoder = make()
    events = pieces(decoder, b"".join(frame(kg) for kg in kgs), sizes)
    assert events == [reading(kg) for kg in kgs]
    counted = (decoder.frames, decoder.bad_checks, decoder.noise_bytes)
    assert counted == (len(kgs), 0, 0)
    assert decoder.pending_bytes == 0


def test_a_frame_cut_at_any_byte_costs_only_itself(codec):
    make, frame, reading = codec
    for cut in range(len(frame(1560))):
        decoder = make()
        events = decoder.receive(frame(1560)[:cut] + frame(48_020) + frame(20))
        assert said(events) == [reading(48_020), reading(20)], cut
        assert decoder.noise_bytes == noise(events) == cut


@pytest.mark.parametrize("name", CHECKED)
def test_no_damaged_byte_reads_as_another_mass(name):
    make, frame, reading = CODECS[name]
    whole = frame(48_020)
    for at in range(len(whole)):
        for flip in range(1, 256):
            spoiled = bytearray(whole)
            spoiled[at] ^= flip
            events = make().receive(bytes(spoiled) + frame(20) * 2)
            assert said(events)[-1] == reading(20)
            assert set(map(str, said(events))) <= {
                str(reading(48_020)),
                str(reading(20)),
            }, (at, flip)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(figures, st.binary(max_size=40)), max_size=8), sizes)
@pytest.mark.parametrize("name", CODECS)
def test_any_bytes_are_frames_noise_or_waiting_and_nothing_else(name, parts, sizes):
    make, frame, _ = CODECS[name]
    line = b"".join(p if isinstance(p, bytes) else frame(p) for p in parts)
    decoder = make()
    events = pieces(decoder, line, sizes)
    size = len(frame(0))
    assert decoder.pending_bytes < 64
    used = decoder.frames * size if name != "modbus" else None
    if used is not None:
        assert used + decoder.noise_bytes + decoder.pending_bytes == len(line)
    waiting = decoder.pending_bytes
    assert noise(decoder.give_up()) == waiting
    assert decoder.noise_bytes == noise(events) + waiting


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=9), max_size=5), sizes)
@pytest.mark.parametrize("name", ["xk3190", "toledo", "hbm, text"])
def test_no_frame_is_lost_behind_garbage_that_begins_none(name, parts, sizes):
    make, frame, reading = CODECS[name]
    beginners = bytes(b for b in range(256) if b & 0x7F == 2 or b in b"+- 0123456789")
    parts = [part.translate(None, beginners) for part in parts]
    line = b"".join(part + frame(kg) for kg, part in enumerate(parts))
    events = pieces(make(), line, sizes)
    assert said(events) == [reading(kg) for kg in range(len(parts))]
    assert noise(events) == sum(map(len, parts))


# ---------------------------------------------------------------- XK3190


def test_an_xk3190_set_to_tonnes_or_pounds_is_read_as_kilogrammes():
    frame = xk3190.encode(42.56, 2)
    (tonnes,) = xk3190.Decoder(unit="t").receive(frame)
    assert tonnes.mass_kg == pytest.approx(42_560.0)
    (pounds,) = xk3190.Decoder(unit="lb").receive(xk3190.encode(1000.0))
    assert pounds.mass_kg == pytest.approx(453.59237)


def test_an_xk3190_that_shows_no_figure_has_a_fault_and_is_no_noise():
    decoder = xk3190.Decoder()
    events = decoder.receive(xk3190.encode_blank() + xk3190.encode(20.0))
    assert events == [ScaleFault(reason="unreadable"), ScaleReading(mass_kg=20.0)]
    assert (decoder.bad_checks, decoder.noise_bytes) == (0, 0)


# ---------------------------------------------------------------- Toledo

# by hand from the tables of the status bytes: A = 2A is 00X0 of no decimals, by 1;
# B = 30 gross, in range, at rest, kg; the check makes the sum of all bytes 5 * 128
TOLEDO_1560 = bytes.fromhex(
    "02 2A 30 20 20 20 31 35 36 30 20 20 20 20 20 30 0D 1B".replace(" ", "")
)


def test_a_toledo_frame_put_together_by_hand_reads_and_is_written():
    assert sum(TOLEDO_1560) == 5 * 128
    assert toledo.Decoder().receive(TOLEDO_1560) == [
        ScaleReading(mass_kg=1560.0, stable=True)
    ]
    assert toledo.encode(1560.0) == TOLEDO_1560


@pytest.mark.parametrize(
    ("a", "mass_kg"),
    [
        (0x20, 123_400.0),
        (0x21, 12_340.0),
        (0x22, 1_234.0),
        (0x23, 123.4),
        (0x24, 12.34),
        (0x25, 1.234),
        (0x26, 0.1234),
        (0x27, 0.01234),
        (0x2A, 1_234.0),  # increment 1, 2 and 5 change no figure
        (0x32, 1_234.0),
        (0x3A, 1_234.0),
    ],
)
def test_status_word_a_places_the_point(a, mass_kg):
    frame = bytes((2, a, 0x30, 0x20)) + b"001234000000\r"
    (reading,) = toledo.Decoder(checksum=False).receive(frame)
    assert reading.mass_kg == pytest.approx(mass_kg, rel=1e-12)


@pytest.mark.parametrize(
    ("b", "c", "said_of_it"),
    [
        (0x30, 0x20, ScaleReading(mass_kg=1234.0, stable=True)),
        (0x10, 0x00, ScaleReading(mass_kg=1234.0, stable=True)),  # constants apart
        (0x38, 0x20, ScaleReading(mass_kg=1234.0, stable=False)),
        (0x32, 0x20, ScaleReading(mass_kg=-1234.0, stable=True)),
        (0x31, 0x20, ScaleReading(mass_kg=1334.0, stable=True)),  # net, and the tare
        (0x33, 0x20, ScaleReading(mass_kg=-1134.0, stable=True)),
        (0x20, 0x20, ScaleReading(mass_kg=1234.0 * 0.45359237, stable=True)),
        (0x30, 0x21, ScaleReading(mass_kg=1.234, stable=True)),
        (0x20, 0x22, ScaleReading(mass_kg=1_234_000.0, stable=True)),
        (0x30, 0x28, ScaleReading(mass_kg=1234.0, stable=True)),  # print key
        (0x34, 0x20, ScaleFault(reason="out_of_range")),
        (0x70, 0x20, ScaleFault(reason="power_up")),
        (0x30, 0x23, ScaleFault(reason="unit", code=3)),  # ounces
        (0x30, 0x30, ScaleFault(reason="unit", code=16)),  # tenfold magnification
    ],
)
def test_status_words_b_and_c_say_what_the_tables_say(b, c, said_of_it):
    frame = bytes((2, 0x2A, b, c)) + b"001234   100\r"
    frame += bytes((-sum(frame) % 128,))
    assert toledo.Decoder().receive(frame) == [said_of_it]


def test_seven_bits_with_parity_read_as_eight_without():
    even = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in TOLEDO_1560)
    assert even != TOLEDO_1560
    assert toledo.Decoder().receive(even) == toledo.Decoder().receive(TOLEDO_1560)


def test_an_overloaded_toledo_display_without_figures_is_a_fault():
    frame = bytes((2, 0x2A, 0x34, 0x20)) + b"      " + b"     0\r"
    (event,) = toledo.Decoder(checksum=False).receive(frame)
    assert event == ScaleFault(reason="out_of_range")
    shown = bytes((2, 0x2A, 0x30, 0x20)) + b"------" + b"     0\r"
    (event,) = toledo.Decoder(checksum=False).receive(shown)
    assert event == ScaleFault(reason="unreadable")


@given(
    st.integers(-999_999, 999_999),
    st.integers(0, 999_999),
    st.integers(-2, 5),
    st.sampled_from(["kg", "t", "g", "lb"]),
    st.booleans(),
    st.booleans(),
)
def test_every_toledo_display_comes_back(shown, tare, decimals, unit, moving, check):
    step = 10.0**-decimals
    frame = toledo.encode(
        shown * step,
        tare * step,
        decimals=decimals,
        unit=unit,
        moving=moving,
        checksum=check,
    )
    (reading,) = toledo.Decoder(checksum=check).receive(frame)
    kg = {"kg": 1.0, "t": 1000.0, "g": 0.001, "lb": 0.45359237}[unit]
    gross = (shown + tare) * step * kg
    assert reading.mass_kg == pytest.approx(gross, rel=1e-12, abs=1e-12)
    assert reading.stable is (not moving)


def test_figures_that_no_toledo_frame_can_carry_are_refused():
    with pytest.raises(ValueError, match="six digits"):
        toledo.encode(1_000_000.0)
    with pytest.raises(ValueError, match="decimals"):
        toledo.encode(1.0, decimals=6)


# ---------------------------------------------------------------- HBM


@pytest.mark.parametrize(
    ("cof", "frame", "value"),
    [  # from the tables of COF in the AD104 and AD101B manuals
        (0, "4E 20 00 00 0D 0A", hbm.Value(digits=5_120_000)),
        (4, "00 00 20 4E 0D 0A", hbm.Value(digits=5_120_000)),
        (8, "4E 20 00 08 0D 0A", hbm.Value(digits=5_120_000, status=8)),
        (12, "08 00 20 4E 0D 0A", hbm.Value(digits=5_120_000, status=8)),
        (2, "4E 20 0D 0A", hbm.Value(digits=20_000)),
        (6, "20 4E 0D 0A", hbm.Value(digits=20_000)),
        (8, "FF FF FE 00 0D 0A", hbm.Value(digits=-2, status=0)),
        (2, "7F FF 0D 0A", hbm.Value(digits=32_767, overflow=True)),
        (6, "00 80 0D 0A", hbm.Value(digits=-32_768, overflow=True)),
        (8, "0D 0A 0D 0A 0D 0A", hbm.Value(digits=0x0D0A0D, status=10)),
    ],
)
def test_documented_binary_answers_read_as_their_values(cof, frame, value):
    assert hbm.Decoder(cof).receive(bytes.fromhex(frame)) == [value]


@pytest.mark.parametrize(
    ("cof", "frame", "value"),
    [
        (3, b"0001000\r\n", None),  # seven characters are one too few
        (3, b"+0001000\r\n", hbm.Value(digits=1000)),
        (3, b" 0001000\r\n", hbm.Value(digits=1000)),
        (3, b"-0000345\r\n", hbm.Value(digits=-345)),
        (1, b"-0000345,07\r\n", hbm.Value(digits=-345, address=7)),
        (9, b"+0000345;07;008\r\n", hbm.Value(digits=345, address=7, status=8)),
        (11, b"+0000345,255\r\n", hbm.Value(digits=345, status=255)),
        (11, b"+0000345,256\r\n", None),
    ],
)
def test_documented_text_answers_read_as_their_values(cof, frame, value):
    events = hbm.Decoder(cof).receive(frame + b"\r\n" * 9)
    assert said(events) == ([] if value is None else [value])


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([*TEXT_COFS, *BINARY_COFS]),
    st.lists(st.integers(-0x7FFF, 0x7FFE), max_size=5),
    st.integers(0, 255),
    st.integers(0, 89),
)
def test_every_hbm_value_comes_back_even_with_line_ends_in_it(
    cof, values, status, address
):
    digits = [*values, 0x0D0A, 0x0A0D, -0xF2F6]
    if cof in (2, 6):
        digits = digits[:-1]
    line = b"".join(
        hbm.encode(each, cof=cof, status=status, address=address) for each in digits
    )
    read = hbm.Decoder(cof).receive(line)
    assert [value.digits for value in read] == digits
    assert {value.status for value in read} <= {None, status}
    assert {value.address for value in read} <= {None, address}


def test_a_short_hbm_value_overflows_as_the_device_does():
    (value,) = hbm.Decoder(2).receive(hbm.encode(40_000, cof=2))
    assert value.overflow
    with pytest.raises(ValueError, match="do not fit"):
        hbm.encode(2**23, cof=8)


def test_what_a_cell_hears_is_told_command_by_command():
    decoder = hbm.RequestDecoder()
    heard = []
    for byte in b"\x00;S31;MSV?;COF8;s02\r\nmsv?;":
        heard += decoder.receive(bytes((byte,)))
    assert said(heard) == [
        hbm.Select(31),
        hbm.AskValue(),
        hbm.Other("COF8"),
        hbm.Select(2),
        hbm.AskValue(),
    ]
    decoder.receive(b"x" * 1000)
    assert decoder.pending_bytes <= 64


def cells(addresses=(1, 2), **changes):
    settings = {"cof": 9, "kg_per_digit": 2.0, "bits": hbm.StatusBits()}
    return hbm.poller(
        addresses, interval_s=0.1, timeout_s=0.5, **{**settings, **changes}
    )


def cell(digits, address, status=8):
    return hbm.encode(digits, cof=9, status=status, address=address)


def test_the_cells_of_a_scale_are_asked_in_turn_and_added_up():
    poller = cells()
    assert poller.ask(0.0) == b"S01;MSV?;"
    assert poller.ask(0.1) == b""  # one question at a time
    assert poller.receive(cell(1000, 1)) == []
    assert poller.ask(0.11) == b"S02;MSV?;"
    assert poller.receive(cell(500, 2)) == [ScaleReading(mass_kg=3000.0, stable=True)]
    assert poller.ask(0.12) == b"S01;MSV?;"  # the interval is from round to round
    poller.receive(cell(1000, 1, status=0))
    poller.ask(0.13)
    assert poller.receive(cell(500, 2)) == [ScaleReading(mass_kg=3000.0, stable=False)]
    assert poller.ask(0.14) == b""


@pytest.mark.parametrize(
    ("status", "bits"), [(1, {}), (4, {}), (128, {"device": (7,)})]
)
def test_a_fault_of_one_cell_is_a_fault_of_the_scale(status, bits):
    poller = cells(bits=hbm.StatusBits(**bits))
    poller.ask(0.0)
    reason = "device" if bits else "out_of_range"
    assert poller.receive(cell(1000, 1, status=status)) == [
        ScaleFault(reason=reason, code=status)
    ]
    assert poller.ask(0.1) == b"S01;MSV?;"


def test_answers_without_status_say_nothing_of_motion():
    poller = cells((1,), cof=3)
    poller.ask(0.0)
    (reading,) = poller.receive(hbm.encode(7, cof=3))
    assert reading == ScaleReading(mass_kg=14.0, stable=None)


def test_an_answer_that_does_not_come_begins_the_round_again():
    poller = cells()
    poller.ask(0.0)
    poller.receive(cell(1000, 1))
    assert poller.ask(0.1) == b"S02;MSV?;"
    poller.receive(cell(500, 2)[:5])
    assert poller.ask(0.59) == b""
    assert poller.ask(0.61) == b"S01;MSV?;"
    assert poller.missed == 1
    # the stump is noise, and what comes now answers the new question only
    assert poller.receive(cell(500, 2)) == [LineNoise(n_bytes=5, reason="damaged")]
    assert poller.unasked == 1
    poller.receive(cell(1000, 1))
    poller.ask(0.62)
    assert poller.receive(cell(500, 2)) == [ScaleReading(mass_kg=3000.0, stable=True)]


def test_the_stump_of_an_answer_never_becomes_the_head_of_the_next():
    poller = cells((1,), cof=8, bits=hbm.StatusBits(out_of_range=()))
    poller.ask(0.0)
    poller.receive(b"\x00\x01")
    poller.ask(1.0)
    # with the stump before it, the fourth byte on would pass for a line's end
    answer = hbm.encode(0x20300D, cof=8, status=0x0A)
    assert said(poller.receive(answer)) == [
        ScaleReading(mass_kg=2.0 * 0x20300D, stable=True)
    ]


def test_unasked_answers_are_counted_and_believed_by_nobody():
    poller = cells((1,))
    assert poller.receive(cell(1000, 1)) == []
    poller.ask(0.0)
    assert poller.receive(cell(1000, 1) * 3) == [
        ScaleReading(mass_kg=2000.0, stable=True)
    ]
    assert poller.unasked == 3


@pytest.mark.parametrize("addresses", [(), (1, 1), (90,), (-1,)])
def test_addresses_that_no_bus_has_are_refused(addresses):
    with pytest.raises(ValueError, match="address"):
        cells(addresses)


# ---------------------------------------------------------------- Modbus


def test_the_frames_of_the_modbus_specification_are_written_and_read():
    # application protocol V1.1b3, 6.3, as unit 17 with its check
    request = bytes.fromhex("11 03 00 6B 00 03 76 87")
    span = Span(3, 0x6B, 3)
    assert modbus.question(17, span) == request
    assert modbus.RequestDecoder(17).receive(request) == [span]
    answer = bytes.fromhex("11 03 06 02 2B 00 00 00 64 C8 BA")
    values = {(3, 0x6B): 0x022B, (3, 0x6C): 0, (3, 0x6D): 0x64}
    assert modbus.encode_answer(17, span, values) == answer
    (registers,) = modbus.AnswerDecoder(17, [span]).receive(answer)
    assert registers == modbus.Registers(3, (0x022B, 0, 0x64))


def test_a_laumas_is_asked_once_for_status_and_mass():
    assert LAUMAS.spans == (Span(3, 6, 3),)
    poller = modbus.poller(LAUMAS, interval_s=0.1, timeout_s=0.5)
    assert poller.ask(0.0) == bytes.fromhex("01 03 00 06 00 03 E5 CA")
    answer = modbus.encode_answer(1, Span(3, 6, 3), LAUMAS.write(-48_020.0))
    assert poller.receive(b"\x01\x03" + answer) == [
        LineNoise(n_bytes=2, reason="garbage"),
        ScaleReading(mass_kg=-48_020.0, stable=True),
    ]


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (1 << 11, ScaleReading(mass_kg=7.0, stable=True)),
        (0, ScaleReading(mass_kg=7.0, stable=False)),
        (1 << 7, ScaleReading(mass_kg=-7.0, stable=False)),
        (1 << 3 | 1 << 11, ScaleFault(reason="out_of_range", code=2056)),
        (1 | 1 << 11, ScaleFault(reason="device", code=2049)),
    ],
)
def test_the_bits_of_a_status_register_mean_what_the_map_says(state, event):
    assert LAUMAS.read({(3, 6): state, (3, 7): 0, (3, 8): 7}) == event


def test_registers_far_apart_or_of_two_tables_are_asked_for_one_by_one():
    far = RegisterMap(
        mass=MassRegister(register=30101, kind="f32", word_order="low_first"),
        status=StatusRegister(register=40005, moving=(12,), well=(13, 15)),
        unit=9,
    )
    assert far.spans == (Span(4, 100, 2), Span(3, 4, 1))
    device = far.write(1560.5, stable=False)
    poller = modbus.poller(far, interval_s=0.1, timeout_s=0.5)
    for said_of_it in ([], [ScaleReading(mass_kg=1560.5, stable=False)]):
        question = poller.ask(0.0)
        (span,) = modbus.RequestDecoder(9).receive(question)
        answer = modbus.encode_answer(9, span, device)
        assert poller.receive(answer) == said_of_it
    device[3, 4] &= ~(1 << 13)
    assert far.read(device) == ScaleFault(reason="device", code=1 << 12 | 1 << 15)


@given(
    st.sampled_from(["u16", "s16", "u32", "s32", "f32"]),
    st.sampled_from(["high_first", "low_first"]),
    st.integers(-32_768, 65_535),
    st.sampled_from([1.0, 0.5, 20.0]),
)
def test_every_mass_that_its_kind_can_hold_comes_back(kind, order, steps, step):
    registers = RegisterMap(
        mass=MassRegister(register=40001, kind=kind, word_order=order, kg_per_step=step)
    )
    low = {"u16": 0, "u32": 0, "s16": -32_768}.get(kind, -32_768)
    high = {"s16": 32_767}.get(kind, 65_535)
    if not low <= steps <= high:
        with pytest.raises(ValueError, match="does not fit"):
            registers.write(steps * step)
        return
    assert registers.read(registers.write(steps * step)) == ScaleReading(
        mass_kg=steps * step
    )


@pytest.mark.parametrize("figure", [math.nan, math.inf])
def test_a_float_register_that_is_no_number_is_a_fault(figure):
    registers = RegisterMap(mass=MassRegister(register=40001, kind="f32"))
    fault = ScaleFault(reason="device")
    assert registers.read(registers.write(figure)) == fault


def test_an_exception_answer_is_a_refusal_and_the_next_round_goes_on():
    poller = modbus.poller(LAUMAS, interval_s=0.1, timeout_s=0.5)
    poller.ask(0.0)
    answer = modbus.encode_answer(1, Span(3, 6, 3), {})
    assert poller.receive(answer) == [ScaleFault(reason="refused", code=2)]
    assert poller.ask(0.1)


def test_answers_of_another_unit_function_or_length_are_noise():
    span = LAUMAS.spans[0]
    device = {(3, k): 1 for k in range(9)} | {(4, k): 1 for k in range(9)}
    others = [
        modbus.encode_answer(2, span, device),
        modbus.encode_answer(1, Span(4, 6, 3), device),
        modbus.encode_answer(1, Span(3, 5, 4), device),
        modbus.encode_refusal(1, 4, code=1),
    ]
    decoder = modbus.AnswerDecoder(1, LAUMAS.spans)
    assert said(decoder.receive(b"".join(others))) == []
    mine = modbus.encode_answer(1, span, LAUMAS.write(20.0))
    assert len(said(decoder.receive(mine))) == 1
    assert modbus.encode_answer(1, Span(3, 0, 126), device)[1:3] == b"\x83\x03"


@pytest.mark.parametrize("register", [39_999, 40_000, 49_999])
def test_a_reference_between_the_tables_is_refused(register):
    with pytest.raises(ValueError, match="register"):
        MassRegister(register=register)
