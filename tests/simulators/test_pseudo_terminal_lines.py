import contextlib
import os
import termios
import time

import pytest

from simulators.errors import SimulatorError
from simulators.pseudo_terminal import PseudoTerminal

ALL_BYTES = bytes(range(256))


@pytest.fixture
def line(tmp_path):
    with PseudoTerminal(tmp_path / "dev" / "strip", patience_s=0.1) as line:
        yield line


def opened(line):
    return os.open(line.link, os.O_RDWR | os.O_NOCTTY)


def test_every_byte_arrives_as_it_was_written(line):
    reader = opened(line)
    assert line.write(ALL_BYTES)
    assert os.read(reader, 4096) == ALL_BYTES
    os.close(reader)


def test_the_line_is_raw_before_anyone_configures_it(line):
    reader = opened(line)
    _, oflag, _, lflag, *_ = termios.tcgetattr(reader)
    assert not lflag & (termios.ICANON | termios.ECHO | termios.ISIG)
    assert not oflag & termios.OPOST
    os.close(reader)


def test_what_nobody_listens_to_is_gone_at_once(tmp_path):
    with PseudoTerminal(tmp_path / "strip", patience_s=20.0) as line:
        began = time.monotonic()
        for _ in range(200):
            assert not line.write(bytes(4096))
        assert time.monotonic() - began < 15.0, "not one was waited for"
        assert line.unheard_writes == 200


def test_a_reader_that_does_not_read_is_waited_for_once_and_then_costs_no_time(line):
    reader = opened(line)
    began = time.monotonic()
    for _ in range(500):
        line.write(bytes(4096))
    assert time.monotonic() - began < 10.0, "50 s if every write waited"
    assert line.dropped_writes > 300
    os.close(reader)


def test_a_drop_never_cuts_what_was_begun(line):
    reader = opened(line)
    os.set_blocking(reader, False)
    sent = [bytes([number]) * 3000 for number in range(100)]
    accepted = b"".join(piece for piece in sent if line.write(piece))
    received = b""
    for last in range(50):
        try:
            while data := os.read(reader, 65536):
                received += data
        except BlockingIOError:
            if line.write(bytes([200 + last]) * 3000):
                accepted += bytes([200 + last]) * 3000
            time.sleep(0.005)
    assert line.dropped_writes > 0
    assert accepted.startswith(received)
    assert len(accepted) - len(received) < 6000
    os.close(reader)


def test_a_reader_may_leave_and_come_back(line):
    reader = opened(line)
    assert line.write(b"one")
    assert os.read(reader, 100) == b"one"
    os.close(reader)
    assert not line.write(b"lost")
    reader = opened(line)
    assert line.write(b"two")
    assert os.read(reader, 100) == b"two"
    os.close(reader)


def test_pulling_the_line_hangs_up_and_plugging_it_gives_a_new_one(line):
    reader = opened(line)
    line.unplug()
    assert not line.link.is_symlink()
    with contextlib.suppress(OSError):  # a hang-up is an error or an empty read
        assert os.read(reader, 100) == b""
    os.close(reader)
    assert not line.write(b"into the void")
    line.plug()
    reader = opened(line)
    assert line.write(b"again")
    assert os.read(reader, 100) == b"again"
    os.close(reader)


def test_a_file_in_the_way_is_not_overwritten(tmp_path):
    (tmp_path / "strip").write_text("precious")
    line = PseudoTerminal(tmp_path / "strip")
    with pytest.raises(SimulatorError, match="name another path"):
        line.plug()
    assert (tmp_path / "strip").read_text() == "precious"
