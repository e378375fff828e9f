"""Several readings of one plate: what they make together, and when there are any."""

from itertools import chain, repeat

import numpy as np
import pytest

from lpr import sequence
from lpr.alphabet import BLANK, GROUNDS, STATES, SYMBOLS
from lpr.crops import read_cut_out
from lpr.pooling import pooled
from lpr.second_look import SecondLook
from lpr.sequence import SequenceReader
from lpr.spelling import Spelling
from lpr.strips import nudged

PICTURE = np.zeros((40, 130, 3), np.uint8)


def reading(**chances):
    return tuple(Spelling(text, chance) for text, chance in chances.items())


def chance_of(text, told):
    return next((one.probability for one in told if one.text == text), 0.0)


# --------------------------------------------------------------------------- together


def test_one_reading_alone_stays_as_it_is():
    alone = reading(A1=0.6, A7=0.3)
    assert pooled([alone]) == alone


def test_what_all_readings_say_grows_surer_where_each_doubts_something_else():
    told = pooled([reading(A1=0.8, A7=0.2), reading(A1=0.8, AT=0.2), reading(A1=0.8)])
    assert told[0].text == "A1"
    assert told[0].probability > 0.9


def test_a_doubt_that_all_readings_share_stays():
    told = pooled([reading(A1=0.8, A7=0.2)] * 5)
    assert chance_of("A1", told) == pytest.approx(0.8)


def test_a_text_that_only_one_cut_shows_does_not_carry_the_others():
    clear, doubtful = reading(B8=0.9, BB=0.1), reading(BB=0.55, B8=0.45)
    told = pooled([clear, doubtful, doubtful])
    assert told[0].text == "B8"
    alone = pooled([reading(X=0.97), reading(A1=0.6, A7=0.4), reading(A1=0.6, A7=0.4)])
    assert alone[0].text == "A1"


def test_what_the_readings_leave_open_stays_open():
    told = pooled([reading(A1=0.5, A7=0.1), reading(A1=0.6)])
    assert sum(one.probability for one in told) == pytest.approx(0.6)
    chances = [one.probability for one in told]
    assert chances == sorted(chances, reverse=True)


def test_the_order_of_the_readings_does_not_matter():
    several = [reading(A1=0.7, A7=0.2), reading(A7=0.6, A1=0.4), reading(A1=0.9)]
    one, two = pooled(several), pooled(several[::-1])
    for text in ("A1", "A7"):
        assert chance_of(text, one) == pytest.approx(chance_of(text, two), rel=1e-12)


# -------------------------------------------------------------------------- cut again


def test_corners_are_moved_to_each_side_and_keep_their_size():
    corners = np.float32([[0, 0], [100, 0], [100, 25], [0, 25]])
    moves = [cut - corners for cut in nudged(corners)]
    for move in moves:
        assert np.ptp(move, axis=0) == pytest.approx([0, 0], abs=1e-4)
        assert 0.5 < np.abs(move[0]).max() < 2
    signs = {
        tuple(np.sign(np.round(move[0], 3)).astype(int).tolist()) for move in moves
    }
    assert signs == {(-1, 0), (1, 0), (0, -1), (0, 1)}


def test_a_tilted_plate_is_moved_along_its_own_lines():
    corners = np.float32([[0, 0], [100, 40], [100, 70], [0, 30]])
    for cut in nudged(corners):
        across, down = (cut - corners)[0]
        assert across == pytest.approx(0, abs=1e-4) or down / across == pytest.approx(
            0.4, abs=1e-3
        )


class Wavering:
    """Sees another last character in its first strip than in all others."""

    engine = "onnxruntime"

    def __init__(self, first, others, *, sure=0.98):
        self._answers, self._sure = chain([first], repeat(others)), sure
        self.strips = self.calls = 0

    def run(self, tensor):
        self.strips += len(tensor)
        self.calls += 1
        texts = [next(self._answers) for _ in tensor]
        grounds = np.zeros((len(texts), len(GROUNDS)), np.float32)
        grounds[:, GROUNDS.index("yellow")] = 12.0
        states = np.zeros((len(texts), len(STATES)), np.float32)
        states[:, STATES.index("whole")] = 6.0
        columns = np.stack([lattice(text, self._sure) for text in texts])
        return columns, grounds, states


def lattice(text, sure):
    """Logits that spell a text, a little unsure of its last character."""
    chances = np.full((36, BLANK + 1), 1e-9)
    chances[:, BLANK] = 1.0
    for place, symbol in enumerate(text):
        chances[2 + 4 * place, [BLANK, SYMBOLS.index(symbol)]] = 1e-9, 1.0
    chances[2 + 4 * place, [SYMBOLS.index(symbol), SYMBOLS.index("Z")]] = sure, 1 - sure
    return np.log(chances).astype(np.float32)


@pytest.mark.parametrize(("sure", "strips"), [(0.9995, 1), (0.97, 5), (0.52, 5)])
def test_only_a_plate_in_doubt_is_cut_out_again(sure, strips):
    network = Wavering("豫A12345", "豫A12345", sure=sure)
    SequenceReader(network=network).read_crop(PICTURE, lines=1)
    assert network.strips == strips


def test_all_moved_cuts_go_through_the_networks_together():
    """One call for the first cut and one for the others, of each network."""
    network, patches = Wavering("豫A12345", "豫A12345", sure=0.97), []

    class Silent:
        engine = "onnxruntime"

        def run(self, tensor):
            patches.append(len(tensor))
            return (np.zeros((len(tensor), len(SYMBOLS)), np.float32),)

    reader = SequenceReader(network=network, second=SecondLook(network=Silent()))
    reader.read_crop(PICTURE, lines=1)
    assert (network.strips, network.calls) == (5, 2)
    assert patches == [1, 4]


def test_a_cut_out_plate_in_doubt_is_read_three_times_before_it_is_cut_again():
    """Between its corners, twice, and as it is; then the best is cut four times."""
    network = Wavering("豫A12345", "豫A12345", sure=0.97)

    class Idle:
        def rectified(self, _crop, around, **_passes):
            return around

    reader = SequenceReader(network=network)
    found = read_cut_out(np.zeros((40, 138, 3), np.uint8), Idle(), reader)
    assert found.text == "豫A12345"
    assert network.strips == 7


def test_what_nothing_could_mend_is_not_cut_out_again(monkeypatch):
    network = Wavering("豫A12345", "豫A12345", sure=0.52)
    monkeypatch.setattr(sequence, "_HOPELESS", 0.6)
    SequenceReader(network=network).read_crop(PICTURE, lines=1)
    assert network.strips == 1


def test_whoever_asks_for_one_reading_gets_one():
    network = Wavering("豫A12345", "豫A12346")
    reader = SequenceReader(network=network)
    assert reader.glance_crop(PICTURE, lines=1).decoded.text == "豫A12345"
    assert network.strips == 1


def test_most_cuts_outvote_the_first():
    first, others = "豫A12345", "豫A12346"
    alone = SequenceReader(network=Wavering(first, others))
    (only,) = alone.read_strips(np.zeros((1, 32, 144, 3), np.uint8))
    assert only.text == first
    together = SequenceReader(network=Wavering(first, others)).read_crop(
        PICTURE, lines=1
    )
    assert together.text == others
    agreed = SequenceReader(network=Wavering(first, first)).read_crop(PICTURE, lines=1)
    assert agreed.text == first
    assert agreed.confidence == pytest.approx(only.confidence, abs=1e-3)
    assert agreed.confidence > together.confidence
