import datetime as dt
import json

import pytest
from hypothesis import given, settings, strategies as st

from wim.cli.__main__ import main
from wim.protocols.wcard import (
    CardFault,
    Decoder,
    WCard,
    encode,
    fhwa_class,
    fhwa_lane,
)

LB, TENTH_FT = 0.45359237, 0.03048

# by hand: state 06, station 000123, east, right lane, 1 August 2026 at 7, class 9,
# 80 000 lb on five axles, 12.3, 4.4, 33.0 and 4.1 ft apart
FIVE = b"W06000123312026080107 9XY 080000 512000012317000004417000033017000004117000\n"


def read(data):
    decoder = Decoder()
    return decoder.receive(data) + decoder.finish()


def test_a_card_put_together_by_hand_reads_as_the_vehicle_it_tells_of():
    (card,) = read(FIVE)
    assert (card.state, card.station, card.agency) == ("06", "000123", "XY ")
    assert (card.direction, card.lane, card.fhwa_class) == (3, 1, 9)
    assert (card.date, card.hour) == (dt.date(2026, 8, 1), 7)
    assert card.gross_mass_kg == pytest.approx(36_287.3896)
    assert card.axle_loads_kg == pytest.approx([12_000 * LB] + [17_000 * LB] * 4)
    assert card.axle_spacings_m == pytest.approx(
        [3.749, 1.341, 10.058, 1.250], abs=1e-3
    )
    filled = FIVE.replace(b" 9XY", b"09XY").replace(b"000 5", b"00005")
    assert encode(card) == filled


axle_counts = st.integers(2, 25)


@given(
    axle_counts.flatmap(
        lambda n: st.tuples(
            st.lists(st.integers(0, 99_999), min_size=n, max_size=n).filter(
                lambda loads: sum(loads) <= 999_999
            ),
            st.lists(st.integers(0, 9_999), min_size=n - 1, max_size=n - 1),
        )
    ),
    st.dates(),
    st.integers(0, 23),
)
@settings(max_examples=100)
def test_every_card_comes_back_to_the_letter(axles, date, hour):
    loads, spacings = axles
    card = WCard(
        state="48",
        station="A 0017",
        direction=9,
        lane=0,
        date=date,
        hour=hour,
        fhwa_class=13,
        gross_mass_kg=sum(loads) * LB,
        axle_loads_kg=tuple(load * LB for load in loads),
        axle_spacings_m=tuple(spacing * TENTH_FT for spacing in spacings),
        agency="!~ ",
    )
    text = encode(card)
    assert len(text) == 36 + 9 * len(loads) - 5
    (again,) = read(text)
    assert again == card
    assert encode(again) == text


@pytest.mark.parametrize(
    ("spoil", "column", "what"),
    [
        (lambda t: b"S" + t[1:], 1, "no W-card"),
        (lambda t: t[:40], 40, "at least 48"),
        (lambda t: t[:60], 60, "need 75"),
        (lambda t: t[:-1] + b"0041", 76, "need 75"),
        (lambda t: t[:32] + b" 1" + t[34:], 33, "expected 2 to 25"),
        (lambda t: t[:32] + b"  " + t[34:], 33, "no figure"),
        (lambda t: t[:26] + b"070000" + t[32:], 27, "its axles make 80000"),
        (lambda t: t[:15] + b"13" + t[17:], 12, "no date"),
        (lambda t: t[:19] + b"24" + t[21:], 1, "hour 24"),
        (lambda t: t[:39] + b"01-3" + t[43:], 40, "no figure"),
        (lambda t: t[:1] + b"CA" + t[3:], 1, "FIPS"),
        (lambda t: t[:21] + b"16" + t[23:], 1, "fhwa_class"),
        (lambda t: t[:5] + b"\xe9" + t[6:], 1, "station"),
    ],
)
def test_a_line_that_is_no_card_is_a_fault_with_its_place_and_costs_no_other(
    spoil, column, what
):
    decoder = Decoder()
    line = spoil(FIVE.rstrip())
    events = decoder.receive(FIVE + b"\n" + line + b"\r\n" + FIVE)
    first, fault, last = events
    assert isinstance(first, WCard)
    assert last == first
    assert (fault.line, fault.column) == (3, column)
    assert what in fault.what
    assert (decoder.cards, decoder.faults, decoder.lines) == (2, 1, 4)


@given(
    st.lists(st.one_of(st.just(FIVE), st.binary(max_size=90)), max_size=6),
    st.integers(1, 60),
)
def test_any_file_in_any_pieces_is_cards_and_faults(parts, size):
    data = b"".join(parts)
    decoder = Decoder()
    events = []
    for at in range(0, len(data), size):
        events += decoder.receive(data[at : at + size])
    events += decoder.finish()
    assert events == read(data)
    assert decoder.cards == sum(isinstance(event, WCard) for event in events)
    assert decoder.faults == sum(isinstance(event, CardFault) for event in events)


def test_an_endless_line_is_one_fault_and_fills_no_memory():
    decoder = Decoder()
    for _ in range(100):
        assert decoder.receive(b"W" * 10_000) == []
        assert len(decoder._pending) < 1000
    (fault,) = decoder.receive(b"\n")
    assert isinstance(fault, CardFault)


def test_what_no_card_can_carry_is_refused():
    (card,) = read(FIVE)
    fields = {name: getattr(card, name) for name in card.__struct_fields__}
    for name, value, said in (
        ("lane", 10, "lane"),
        ("gross_mass_kg", 5e5, "gross_mass_kg"),
        ("axle_loads_kg", (-1.0,) * 5, "axle_loads_kg"),
        ("axle_spacings_m", (1.0,) * 5, "one spacing fewer"),
        ("agency", "long", "3 characters"),
    ):
        with pytest.raises(ValueError, match=said):
            WCard(**{**fields, name: value})


def test_trucks_have_the_classes_of_the_fhwa_by_units_and_axles():
    assert [fhwa_class("rigid", n) for n in (2, 3, 4, 5)] == [5, 6, 7, 7]
    trailers = [fhwa_class("full_trailer", n) for n in (3, 4, 5, 6, 7)]
    assert trailers == [8, 8, 9, 10, 10]
    assert fhwa_class(None, 2) == 15
    assert [fhwa_lane(k, lanes=2) for k in (1, 2)] == [2, 1]
    with pytest.raises(ValueError, match="lane 3 of 2"):
        fhwa_lane(3, lanes=2)


# ---------------------------------------------------------------- the commands

PASSAGE = {
    "lane": 1,
    "started_at_s": 3601.5,
    "direction": "forward",
    "speed_mps": 22.1,
    "axle_loads_kg": [7000.0, 19_000.0, 19_000.0, 25_000.0, 25_000.0, 25_000.0],
    "axle_spacings_m": [3.3, 1.35, 7.0, 1.31, 1.31],
    "gross_mass_kg": 120_000.0,
    "axle_configuration": "1+2+3",
    "flags": [],
    "valid": True,
    "vehicle_class": "articulated",
    "findings": [],
}
WORDS = ["--start", "2026-08-01T23:30:00+08:00", "--lanes", "2", "--state", "06"]
WORDS += ["--station", "000123", "--direction", "3"]


@pytest.fixture
def passages(tmp_path):
    path = tmp_path / "passages.jsonl"
    lines = [
        PASSAGE,
        {**PASSAGE, "valid": False},
        {**PASSAGE, "direction": "reverse"},
        {**PASSAGE, "lane": 2, "vehicle_class": None},
    ]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n", encoding="utf-8")
    return path


def export(passages, *words, out="cards.txt"):
    path = str(passages.parent / out)
    return main(["export-wcard", str(passages), "--out", path, *WORDS, *words])


def test_passages_become_cards_and_cards_objects(passages, capsysbinary):
    assert export(passages, "--json") == 0
    assert json.loads(capsysbinary.readouterr().out) == {"cards": 2, "left_out": 2}
    cards = passages.parent / "cards.txt"
    assert cards.read_bytes().count(b"\n") == 2
    assert main(["import-wcard", str(cards), "--json"]) == 0
    first, second = map(json.loads, capsysbinary.readouterr().out.splitlines())
    assert first["event"] == "card"
    assert (first["date"], first["hour"]) == ("2026-08-02", 0)
    assert (first["lane"], first["fhwa_class"], first["station"]) == (2, 10, "000123")
    assert (second["lane"], second["fhwa_class"]) == (1, 15)
    assert first["gross_mass_kg"] == pytest.approx(120_000.0, abs=0.3)
    assert first["axle_loads_kg"] == pytest.approx(PASSAGE["axle_loads_kg"], abs=0.3)
    spacings_m = pytest.approx(PASSAGE["axle_spacings_m"], abs=0.016)
    assert first["axle_spacings_m"] == spacings_m


def test_both_commands_speak_to_people_and_a_fault_is_a_finding(passages, capsys):
    assert export(passages) == 0
    assert "2 cards; 2 passages left out" in capsys.readouterr().out
    cards = passages.parent / "cards.txt"
    cards.write_bytes(cards.read_bytes() + b"S06 station\n")
    assert main(["import-wcard", str(cards)]) == 1
    said = capsys.readouterr()
    assert "120.00 t" in said.out
    assert "2 cards, 1 lines that are none" in said.out
    assert said.err == f"luheng-wim: {cards}:3: column 1: 'S' is no W-card\n"
    assert main(["import-wcard", str(cards), "--json"]) == 1
    fault = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (fault["event"], fault["line"], fault["column"]) == ("fault", 3, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--start", "yesterday"], "--start"),
        (["--start", "2026-08-01T07:00:00"], "offset"),
        (["--lanes", "1"], "passages.jsonl:4: does not fit a card: lane 2 of 1"),
        (["--state", "CA"], "FIPS"),
        (["--station", "A10"], "station"),
        (["--direction", "11"], "direction"),
    ],
)
def test_wrong_use_of_an_export_is_one_line_and_exit_two(passages, capsys, words, said):
    assert export(passages, *words) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert said in error


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--state", "6"], "FIPS"), (["--direction", "11"], "0 to 9")],
)
def test_a_wrong_place_is_refused_though_no_passage_becomes_a_card(
    tmp_path, capsys, words, said
):
    path = tmp_path / "passages.jsonl"
    path.write_text(json.dumps({**PASSAGE, "valid": False}) + "\n", encoding="utf-8")
    assert export(path, *words) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert said in error
    assert export(path) == 0


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"lane": 1}', json.dumps({**PASSAGE, "started_at_s": 1e300})],
)
def test_a_line_that_is_no_passage_is_named(tmp_path, capsys, content):
    path = tmp_path / "passages.jsonl"
    path.write_text(content, encoding="utf-8")
    assert export(path) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "passages.jsonl:1" in error
    assert [each.name for each in tmp_path.iterdir()] == ["passages.jsonl"]


def test_files_that_cannot_be_opened_are_named(passages, capsys):
    gone = passages.parent / "gone"
    assert export(gone) == 2
    assert export(passages, out="no/such/folder") == 2
    assert main(["import-wcard", str(gone)]) == 2
    assert main(["export-wcard", str(passages), "--out", "", *WORDS]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 4
    assert "gone: cannot be read" in errors[0]
    assert "folder: cannot be written" in errors[1]
    assert "gone: cannot be read" in errors[2]
