"""One contract for every scale: what a load on a line in any mood is weighed as."""

import threading
import typing

import msgspec
import numpy as np
import pytest

import edge.weighing
from edge.config import LineConfig, ScaleConfig, load_config
from edge.devices.drivers import LineReader, open_line
from edge.devices.scales import SCALES, scale_driver
from edge.devices.watch import DeviceWatch
from edge.weighing import LineWeighing, LoadFinder, ScaleLine, Settled
from simulators.clock import Pace
from simulators.pseudo_terminal import PseudoTerminal
from simulators.scales.display import Display
from simulators.scales.indicators import (
    INDICATORS,
    HbmCells,
    ModbusTransmitter,
    ToledoIndicator,
)
from simulators.scales.line import ScaleLine as SimulatedLine
from wim.protocols import modbus, toledo
from wim.protocols.readings import ScaleFault

SHIPPED = {
    "xk3190": "source",
    "toledo": "source-toledo",
    "hbm": "source-hbm",
    "modbus": "source-modbus",
}
SAYS_MOTION = {"toledo", "hbm", "modbus"}


def shipped_line(repository, protocol):
    path = repository / f"configs/edge/{SHIPPED[protocol]}.toml"
    return load_config(path).line


def test_every_protocol_of_the_file_has_a_driver_an_example_and_a_simulation():
    kinds = typing.get_args(typing.get_type_hints(LineConfig)["protocol"])
    assert set(kinds) - {"strip"} == {*SCALES} == {*INDICATORS} == {*SHIPPED}


@pytest.mark.parametrize("protocol", SCALES)
def test_the_shipped_example_fits_the_simulated_device(repository, protocol):
    driver = scale_driver(shipped_line(repository, protocol))
    indicator = INDICATORS[protocol]()
    assert (driver.interval_s is None) == (indicator.period_s is not None)
    for mass_kg in (0.0, 42_020.0, -40.0):
        (reading,) = told(driver, indicator, Display(mass_kg=mass_kg))
        assert reading.mass_kg == mass_kg
        assert reading.stable is (True if protocol in SAYS_MOTION else None)
    (reading,) = told(driver, indicator, Display(mass_kg=42_020.0, moving=True))
    assert reading.stable is (False if protocol in SAYS_MOTION else None)
    for display in (Display(mass_kg=150_000.0, out_of_range=True), POWER_UP):
        (fault,) = told(driver, indicator, display)
        assert isinstance(fault, ScaleFault)


POWER_UP = Display(mass_kg=42_020.0, power_up=True)


def told(driver, indicator, display):
    """Return what a driver makes of one round with a device."""
    told.now_s += 10.0
    said = indicator.say(display)
    events = driver.receive(said) if said else []
    while question := driver.ask(told.now_s):
        events += driver.receive(indicator.hear(question, display))
        if events:
            break
    return events


told.now_s = 0.0


class Yard:
    """A simulated scale on a pseudo-terminal and the edge's threads at its line."""

    def __init__(self, line, link, clock, *, indicator):
        self.display = Display()
        self.entered, self.weighed = [], []
        self.terminal = PseudoTerminal(link, patience_s=0.05)
        self.simulated = SimulatedLine(
            self.terminal,
            indicator,
            lambda _: self.display,
            pace=Pace(1.0),
            rng=np.random.default_rng(1),
        )
        self.watch = DeviceWatch("line", clock=clock)
        scale = ScaleLine(
            ScaleConfig(stable_for_s=0.2),
            driver=scale_driver(line),
            watch=self.watch,
            on_entered=self.entered.append,
            on_weighed=self.weighed.append,
        )
        self.reader = LineReader(line, clock=clock)
        self.weighing = LineWeighing(
            line, scale, reader=self.reader, watch=self.watch, clock=clock
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.simulated.run, args=(self._stop,))

    def __enter__(self):
        self._thread.start()
        self.weighing.start()
        self.reader.start()
        return self

    def __exit__(self, *_):
        self.reader.stop()
        self.weighing.stop()
        self._stop.set()
        self._thread.join()
        self.terminal.unplug()

    def count(self, name):
        return self.watch.status().counters.get(name, 0)


@pytest.fixture
def enter(repository, tmp_path, clock, monkeypatch):
    """Make the yard of a protocol, quicker than the real ones in everything."""
    monkeypatch.setattr(edge.weighing, "_JUDGED_S", 0.1)

    def enter(protocol, indicator=None):
        link = tmp_path / "line"
        line = shipped_line(repository, protocol)
        table = getattr(line, protocol)
        if protocol in ("hbm", "modbus"):
            table = msgspec.structs.replace(
                table, poll_interval_s=0.02, answer_timeout_s=0.1
            )
        line = msgspec.structs.replace(
            line, device=str(link), silent_after_s=0.3, **{protocol: table}
        )
        indicator = indicator or INDICATORS[protocol]()
        if indicator.period_s is not None:
            indicator.period_s = 0.02
        return Yard(line, link, clock, indicator=indicator)

    return enter


@pytest.mark.parametrize("protocol", SCALES)
def test_a_load_is_weighed_once_whatever_happens_to_its_line(
    enter, eventually, protocol
):
    with enter(protocol) as yard:
        yard.display = Display(mass_kg=42_020.0)
        assert eventually(lambda: yard.count("not_there"))
        yard.terminal.plug()
        assert eventually(lambda: yard.watch.state == "ok")
        assert eventually(lambda: yard.entered)

        yard.terminal.unplug()
        assert eventually(lambda: yard.watch.state == "missing")
        yard.terminal.plug()
        assert eventually(lambda: yard.watch.state == "ok")

        yard.simulated.mood = "silent"
        assert eventually(lambda: yard.watch.state == "silent")
        yard.simulated.mood = "wrong"
        assert eventually(lambda: yard.watch.state == "noisy")
        yard.simulated.mood = "well"
        assert eventually(lambda: yard.watch.state == "ok")

        for _ in range(40):
            yard.terminal.write(bytes(range(256)) * 2)
            if eventually(lambda: yard.watch.state == "noisy", 0.05):
                break
        assert yard.watch.state == "noisy"
        assert eventually(lambda: yard.watch.state == "ok")

        assert yard.weighed == []
        yard.display = Display()
        assert eventually(lambda: yard.weighed)
        assert [each.mass_kg for each in yard.weighed] == [42_020.0]
        assert len(yard.entered) == 1
        assert yard.count("noise_bytes") > 512
        assert yard.count("failures") == 0
        if protocol in ("hbm", "modbus"):
            assert yard.count("answers_missed") > 0


@pytest.mark.parametrize("protocol", SCALES)
def test_what_moves_or_is_out_of_range_or_was_just_switched_on_settles_nothing(
    enter, eventually, protocol
):
    with enter(protocol) as yard:
        yard.display = POWER_UP
        yard.terminal.plug()
        assert eventually(lambda: yard.watch.state == "ok")
        before = sum(map(yard.count, FAULT_COUNTERS))
        assert not eventually(lambda: yard.entered, 0.35)
        assert sum(map(yard.count, FAULT_COUNTERS)) > before
        if protocol in SAYS_MOTION:
            yard.display = Display(mass_kg=42_020.0, moving=True)
            assert not eventually(lambda: yard.entered, 0.35)
            assert yard.count("readings")
        yard.display = Display(mass_kg=150_000.0, out_of_range=True)
        assert not eventually(lambda: yard.entered, 0.35)
        yard.display = Display(mass_kg=250_000.0)  # more than the scale can carry
        assert not eventually(lambda: yard.entered, 0.35)
        yard.display = Display(mass_kg=42_020.0)
        assert eventually(lambda: yard.entered)
        yard.display = Display()
        assert eventually(lambda: yard.weighed)
        assert [each.mass_kg for each in yard.weighed] == [42_020.0]


FAULT_COUNTERS = ("fault_power_up", "fault_device", "fault_out_of_range")
FAULT_COUNTERS += ("fault_unreadable",)


@pytest.mark.parametrize("cof", [8, 12, 1])
def test_hbm_cells_are_read_in_binary_as_in_text(
    repository, tmp_path, clock, eventually, cof
):
    line = shipped_line(repository, "hbm")
    table = msgspec.structs.replace(line.hbm, cof=cof, poll_interval_s=0.02)
    link = tmp_path / "line"
    line = msgspec.structs.replace(line, device=str(link), hbm=table)
    # 2 kg a digit and four cells: their values are 0x0D0A and hold a line's end
    mass_kg = 0x0D0A * 4 * 2.0
    with Yard(line, link, clock, indicator=HbmCells(cof=cof)) as yard:
        yard.terminal.plug()
        yard.display = Display(mass_kg=mass_kg)
        assert eventually(lambda: yard.entered)
        yard.display = Display()
        assert eventually(lambda: yard.weighed)
        assert [each.mass_kg for each in yard.weighed] == [mass_kg]
        assert yard.count("noise_bytes") == 0


def test_a_net_display_is_weighed_with_its_tare(enter, eventually):
    with enter("toledo", ToledoIndicator(tare_kg=15_000.0)) as yard:
        yard.terminal.plug()
        yard.display = Display(mass_kg=42_020.0)
        assert eventually(lambda: yard.entered)
        yard.display = Display()
        assert eventually(lambda: yard.weighed)
        assert [each.mass_kg for each in yard.weighed] == [42_020.0]


class Refusing(ModbusTransmitter):
    """A transmitter that may answer every question with an exception."""

    refuses = False

    def hear(self, data, display):
        answer = super().hear(data, display)
        return modbus.encode_refusal(1, 3, code=4) if self.refuses else answer


def test_a_device_that_only_refuses_is_silent_and_not_well(enter, eventually):
    device = Refusing()
    with enter("modbus", device) as yard:
        yard.terminal.plug()
        assert eventually(lambda: yard.watch.state == "ok")
        device.refuses = True
        assert eventually(lambda: yard.watch.state == "silent")
        assert yard.count("fault_refused") > 1
        device.refuses = False
        assert eventually(lambda: yard.watch.state == "ok")


def test_an_answer_without_a_mass_keeps_a_load_from_having_rested(repository, clock):
    entered = []
    scale = ScaleLine(
        ScaleConfig(stable_for_s=1.0),
        driver=scale_driver(shipped_line(repository, "toledo")),
        watch=DeviceWatch("line", clock=clock),
        on_entered=entered.append,
        on_weighed=pytest.fail,
    )
    well = toledo.encode(42_020.0)
    over = toledo.encode(42_020.0, out_of_range=True)
    for k in range(28):
        assert scale.receive(over if k in (9, 18) else well, k / 10) == (1, 0)
    assert entered == []
    scale.receive(well, 2.9)
    assert len(entered) == 1


def test_a_line_that_is_not_open_takes_no_question(tmp_path, clock):
    config = LineConfig(protocol="strip", device=str(tmp_path / "gone"))
    assert not LineReader(config, clock=clock).send(b"S01;MSV?;")


def test_a_recording_hears_questions_and_goes_on(tmp_path):
    path = tmp_path / "line.bin"
    path.write_bytes(b"recorded")
    config = LineConfig(protocol="strip", device=str(path), driver="replay")
    line = open_line(config)
    line.write(b"S01;MSV?;")
    assert line.read() == b"recorded"[: 9600 // 500]
    line.close()


def test_a_stay_that_moves_all_the_time_never_settles_and_one_that_stops_does():
    finder = LoadFinder(ScaleConfig(stable_for_s=1.0))
    moving = [finder.receive(30_000.0, k / 10, stable=False) for k in range(30)]
    assert not any(moving)
    rests = [finder.receive(30_000.0, 3 + k / 10, stable=True) for k in range(11)]
    assert rests == [[]] * 10 + [[Settled(4.0)]]


def test_a_fault_in_between_begins_the_rest_anew_but_ends_no_stay():
    finder = LoadFinder(ScaleConfig(stable_for_s=1.0))
    for k in range(9):
        assert finder.receive(30_000.0, k / 10) == []
    finder.interrupt(0.9)
    for k in range(10):
        assert finder.receive(30_000.0, 1.0 + k / 10) == []
    assert finder.receive(30_000.0, 2.0) == [Settled(2.0)]
    for k in range(120):
        finder.interrupt(2.0 + k / 10)
    assert finder.receive(30_000.0, 14.0) == []
    (left,) = finder.receive(0.0, 14.1)
    assert left.mass_kg == 30_000.0
