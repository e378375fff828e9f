import pytest
from hypothesis import given, strategies as st

from wim.thresholds import learn_threshold

FIGURES = st.lists(st.floats(-100.0, 100.0), min_size=1, max_size=60)


@given(manoeuvre=FIGURES, normal=FIGURES, share=st.floats(0.0, 0.5))
def test_no_more_false_alarms_than_allowed(manoeuvre, normal, share):
    for worse in ("above", "below"):
        learned = learn_threshold(
            manoeuvre, normal, worse=worse, most_false_alarms=share
        )
        # in runs: a share just below a third of three runs is one run to a float
        assert round(learned.false_alarms * len(normal)) <= share * len(normal)
        assert 0.0 <= learned.found <= 1.0


def test_where_the_two_do_not_meet_everything_is_found():
    learned = learn_threshold((0.2, 0.3), (0.8, 1.1, None), worse="below")
    assert learned.threshold == pytest.approx(0.55)
    assert learned.found == 1.0
    assert learned.false_alarms == 0.0


def test_a_run_that_does_not_show_the_figure_counts_as_not_found():
    assert learn_threshold((9.0, None), (1.0,), worse="above").found == 0.5


def test_nothing_is_learned_from_nothing():
    with pytest.raises(ValueError, match="at least one of each"):
        learn_threshold((None,), (1.0,), worse="above")
