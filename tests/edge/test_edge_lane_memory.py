"""What was remembered when a clip begins is found again, and nothing older is kept."""

from types import SimpleNamespace

from edge.lane_memory import LaneMemory, Memory


def noted(*samples):
    """A memory whose usual scatter is the sample from which on it holds."""
    memory = LaneMemory(Memory(usual_scatters=(0.0,)))
    for sample in samples:
        left = SimpleNamespace(runs=(), drift=(), usual_scatters=(float(sample),))
        memory.note(left, sample)
    return memory


def test_a_clip_begins_with_what_was_remembered_at_its_first_sample():
    memory = noted(80, 240)
    found = [memory.at(sample).usual_scatters for sample in (0, 79, 80, 239, 240, 999)]
    assert found == [(0.0,), (0.0,), (80.0,), (80.0,), (240.0,), (240.0,)]
    assert memory.latest == memory.at(240)


def test_what_no_clip_can_begin_with_is_dropped_and_the_oldest_rest_stands_for_it():
    memory = noted(80, 240, 400)
    memory.forget_before(300)
    assert memory.at(300).usual_scatters == (240.0,)
    assert memory.at(100).usual_scatters == (240.0,)
    memory.forget_before(10_000)
    assert memory.at(0) == memory.latest


def test_another_stream_goes_on_with_what_was_remembered_last():
    memory = noted(80, 240)
    memory.begin_anew()
    assert memory.at(0).usual_scatters == (240.0,)
