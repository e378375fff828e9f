import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from simulators.__main__ import main
from simulators.clock import Pace
from simulators.pseudo_terminal import PseudoTerminal
from simulators.scales.display import DIVISION_KG, Display, Stays
from simulators.scales.indicators import INDICATORS, HbmCells
from simulators.scales.line import ScaleLine
from wim.protocols import hbm, toledo
from wim.protocols.readings import ScaleReading

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def stays():
    return Stays(seed=3, vehicles=6, capacity_kg=50_000.0)


def test_every_vehicle_rolls_on_stands_at_its_mass_and_leaves(stays):
    times_s = np.arange(0.0, stays.length_s, 0.05)
    shown = [stays.at(float(t)) for t in times_s]
    for number, mass_kg in enumerate(stays.masses_kg):
        standing = [
            display
            for t, display in zip(times_s, shown, strict=True)
            if stays.standing(float(t)) == number
        ]
        assert len(standing) > 80
        assert {display.mass_kg for display in standing} == {mass_kg}
        assert not any(display.moving for display in standing)
    assert shown[0] == shown[-1] == Display()
    assert all(display.mass_kg % DIVISION_KG == 0.0 for display in shown)
    assert any(display.moving and display.mass_kg > 0.0 for display in shown)


def test_the_same_seed_gives_the_same_vehicles_and_another_gives_others(stays):
    again = Stays(seed=3, vehicles=6, capacity_kg=50_000.0)
    assert again.masses_kg == stays.masses_kg
    other = Stays(seed=4, vehicles=6, capacity_kg=50_000.0)
    assert other.masses_kg != stays.masses_kg


def test_what_is_above_the_capacity_by_more_than_nine_divisions_is_out_of_range(stays):
    assert not stays.show(50_180.0).out_of_range
    assert stays.show(50_200.0).out_of_range


def test_cells_share_a_load_to_the_digit_and_answer_only_when_selected():
    cells = HbmCells(addresses=(5, 6, 7), cof=11, kg_per_digit=1.0)
    display = Display(mass_kg=1000.0)
    assert cells.hear(b"MSV?;", display) == b""
    assert cells.hear(b"S04;MSV?;", display) == b""
    answers = [cells.hear(hbm.question(k), display) for k in (5, 6, 7)]
    values = [hbm.Decoder(11).receive(answer)[0].digits for answer in answers]
    assert values == [334, 333, 333]


@pytest.mark.parametrize("protocol", INDICATORS)
def test_an_indicator_talks_by_itself_or_answers_and_never_both(protocol):
    indicator = INDICATORS[protocol]()
    asked = {"hbm": b"S01;MSV?;", "modbus": bytes.fromhex("010300060003E5CA")}
    question = asked.get(protocol, b"anything")
    said = indicator.say(Display(mass_kg=20.0))
    heard = indicator.hear(question, Display(mass_kg=20.0))
    assert bool(said) != bool(heard)
    assert bool(said) == (indicator.period_s is not None)


def test_a_wrong_mood_loses_a_byte_of_every_frame_and_a_silent_one_all(tmp_path):
    with PseudoTerminal(tmp_path / "scale") as terminal:
        line = ScaleLine(
            terminal,
            INDICATORS["toledo"](),
            lambda _: Display(mass_kg=1560.0),
            pace=Pace(1.0),
            rng=np.random.default_rng(1),
        )
        reader = os.open(terminal.link, os.O_RDWR | os.O_NOCTTY)
        for mood, size in (("well", 18), ("silent", 0), ("wrong", 17), ("well", 18)):
            line.mood = mood
            line._send(toledo.encode(1560.0))
            line._send(b"")
            terminal.write(b"!")
            heard = b""
            while not heard.endswith(b"!"):
                heard += os.read(reader, 100)
            assert len(heard) == size + 1
        os.write(reader, b"asked")
        heard = b""
        while len(heard) < 5:
            heard += terminal.read()
        assert heard == b"asked"
        assert terminal.read() == b""
        os.close(reader)
        assert terminal.read() == b""
    assert terminal.read() == b""


def test_the_command_runs_one_scale_that_obeys_and_ends_cleanly(tmp_path):
    link = tmp_path / "scale"
    words = ["scale", str(link), "--protocol", "toledo", "--seed", "2", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators", *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert json.loads(process.stdout.readline())["event"] == "ready"
        answers = []
        for text in ("load 1560", "dance", "load much", "garbage 5", "wrong", "well"):
            process.stdin.write(text + "\n")
            process.stdin.flush()
            answers.append(json.loads(process.stdout.readline())["event"])
        assert answers == ["done", "refused", "refused", "done", "done", "done"]
        reader = os.open(link, os.O_RDONLY | os.O_NOCTTY)
        decoder, events = toledo.Decoder(), []
        while not events:
            events += decoder.receive(os.read(reader, 100))
        os.close(reader)
        assert events[-1] == ScaleReading(mass_kg=1560.0, stable=True)
    finally:
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert (out, errors) == ("", "")
    assert not link.is_symlink()


def test_a_link_that_cannot_be_placed_is_told_in_one_line(tmp_path, capsys):
    (tmp_path / "scale").write_text("precious")
    before = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    assert main(["scale", str(tmp_path / "scale")]) == 2
    for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
        signal.signal(number, handler)
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "name another path" in error


@pytest.mark.parametrize(
    "words",
    [
        ["scale"],
        ["scale", "x", "--protocol", "avery"],
        ["scale", "x", "--vehicles", "-1"],
        ["scale", "x", "--capacity-kg", "much"],
    ],
)
def test_wrong_use_of_the_scale_is_told_in_one_line(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
