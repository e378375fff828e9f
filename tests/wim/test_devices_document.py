import re
from pathlib import Path

import msgspec
import pytest

from wim.protocols import hbm, modbus, toledo
from wim.protocols.readings import FaultReason, ScaleFault, ScaleReading
from wim.protocols.registers import MassRegister, RegisterMap, Span, StatusRegister

DOCUMENT = (Path(__file__).parents[2] / "docs/devices.md").read_text("utf-8")
TOLEDO, HBM, MODBUS = (
    [bytes.fromhex(line) for line in block.splitlines()]
    for block in re.findall(r"```hex\n(.*?)```", DOCUMENT, re.DOTALL)
)
LAUMAS = RegisterMap(
    mass=MassRegister(register=40008, kind="u32"),
    status=StatusRegister(register=40007, stable=(11,), negative=(7,)),
)


def test_the_documented_toledo_frames_are_written_and_read_as_said():
    gross, net, over = TOLEDO
    assert toledo.encode(1560.0) == gross
    assert toledo.encode(15_000.0, 12_000.0, unit="lb", moving=True) == net
    (reading,) = toledo.Decoder().receive(net)
    assert reading.stable is False
    assert reading.mass_kg == pytest.approx(27_000.0 * 0.45359237)
    decoder = toledo.Decoder(checksum=False)
    assert decoder.receive(over) == [ScaleFault(reason="out_of_range")]


def test_the_documented_hbm_frames_are_written_and_read_as_said():
    question, text, *binary = HBM
    assert hbm.question(1) == question
    assert hbm.encode(3338, cof=9, status=8, address=1) == text
    assert [hbm.encode(3338, cof=cof, status=8) for cof in (8, 12)] == binary
    for cof, frame in zip((8, 12), binary, strict=True):
        assert hbm.Decoder(cof).receive(frame) == [hbm.Value(digits=3338, status=8)]


def test_the_documented_modbus_frames_are_written_and_read_as_said():
    question, answer, refusal = MODBUS
    poller = modbus.poller(LAUMAS, interval_s=0.1, timeout_s=0.5)
    assert poller.ask(0.0) == question
    assert modbus.encode_answer(1, Span(3, 6, 3), LAUMAS.write(48_020.0)) == answer
    assert poller.receive(answer) == [ScaleReading(mass_kg=48_020.0, stable=True)]
    assert modbus.encode_refusal(1, 3, code=2) == refusal


def test_every_reason_of_a_fault_is_documented():
    reasons = msgspec.inspect.type_info(FaultReason).values
    assert all(f"`fault_{reason}`" in DOCUMENT for reason in reasons)
