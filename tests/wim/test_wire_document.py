import re
from pathlib import Path

import numpy as np

from wim.protocols import strip, xk3190

DOCUMENT = (Path(__file__).parents[2] / "docs/wire-protocol.md").read_text("utf-8")
BLOCKS = [
    bytes.fromhex(block)
    for block in re.findall(r"```hex\n(.*?)```", DOCUMENT, re.DOTALL)
]


def test_the_documented_frame_is_the_one_that_the_codec_writes_and_reads():
    counts = np.array([[100, -2], [32767, -32768], [0, 1]], dtype=np.int32)
    frame = strip.SampleFrame(
        sequence=7, first_sample=560, sample_rate_hz=4000.0, counts=counts, inputs=1
    )
    written = strip.encode(frame)
    assert BLOCKS[0] == written, written.hex(" ").upper()
    (read,) = strip.Decoder().receive(BLOCKS[0])
    np.testing.assert_array_equal(read.counts, counts)
    assert (read.sequence, read.first_sample, read.inputs) == (7, 560, 1)


def test_the_documented_scale_frames_read_as_said():
    events = xk3190.Decoder().receive(BLOCKS[1])
    assert [event.mass_kg for event in events] == [0.0, 1560.0]


def test_the_documented_load_of_a_line_is_right():
    counts = np.zeros((80, 16), dtype=np.int32)
    frame = strip.SampleFrame(
        sequence=0, first_sample=0, sample_rate_hz=4000.0, counts=counts
    )
    assert "129 900" in DOCUMENT
    assert 50 * len(strip.encode(frame)) == 129_900
