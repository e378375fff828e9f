"""How far axles are apart is told whatever stop lies between them."""

from itertools import pairwise

import numpy as np
import pytest

from wim.kinematics import Crossed
from wim.spacings import AxleWay, spacing_m


def ways(behind_m, times_s, places_m, *, rows_m=(0.0, 3.0, 6.0, 9.0)):
    """Axles of a vehicle whose first one is at some places at some times.

    Their speed over a row is known as well as a pulse tells it, a tenth too high.
    """
    fine_s = np.arange(times_s[0], times_s[-1], 0.001)
    first_m = np.interp(fine_s, times_s, places_m)
    found = []
    for back_m in behind_m:
        at_s = [float(fine_s[np.argmax(first_m - back_m >= row)]) for row in rows_m]
        soon_m = np.interp(np.array(at_s) + 0.03, fine_s, first_m)
        here_m = np.interp(at_s, fine_s, first_m)
        over = [1.1 * gone_m / 0.03 for gone_m in (soon_m - here_m).tolist()]
        crossed = [Crossed(t, row) for t, row in zip(at_s, rows_m, strict=True)]
        pace = (rows_m[-1] - rows_m[0]) / (at_s[-1] - at_s[0])
        found.append(AxleWay(crossed, over, pace))
    return found


SIX_M = (0.0, 3.36, 4.71, 11.26, 12.57, 13.88)


def test_even_axles_are_apart_by_their_speed():
    axles = ways(SIX_M, (0.0, 20.0), (-5.0, 95.0))
    told = [spacing_m(*pair) for pair in pairwise(axles)]
    assert told == pytest.approx(np.diff(SIX_M), abs=0.01)


@pytest.mark.parametrize("stops_m", [10.4, 12.0, 13.4, 15.0, 16.6, 18.0])
def test_a_stop_moves_no_axle_of_a_semitrailer_to_another_vehicle(stops_m):
    """The tractor leaves evenly at 3 m/s, and then the trailer stands for six seconds.

    By its mean speed it would be 8 m behind, and its axles 1.7 m apart.
    """
    stop_s = (stops_m + 5.0) / 3.0
    times, places = (
        (0.0, stop_s, stop_s + 6.0, stop_s + 16.0),
        (
            -5.0,
            stops_m,
            stops_m + 0.05,
            stops_m + 30.0,
        ),
    )
    axles = ways(SIX_M, times, places)
    told = [spacing_m(*pair) for pair in pairwise(axles)]
    assert told == pytest.approx(np.diff(SIX_M), abs=0.6)
    assert max(told[3:]) < 1.7
    assert told[2] < 8.0


def test_wheels_that_came_to_all_rows_at_once_are_no_speed():
    """What strikes all strips together is no axle, and stops nothing."""
    struck = AxleWay([Crossed(1.0, row) for row in (0.0, 3.0, 6.0)], [8.0] * 3, 0.0)
    (even,) = ways((0.0,), (1.5, 8.0), (-5.0, 47.0), rows_m=(0.0, 3.0, 6.0))
    assert 0.0 <= spacing_m(struck, even) < 60.0
    assert 0.0 <= spacing_m(struck, struck) <= 6.0
