"""Compile or load every kernel before the first vehicle, whole or in two halves.

It starts no process: whoever has two processors may have each compile one half into the
cache that both share. What weighing calls is found by weighing a small vehicle.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from wim._jit import is_kept
from wim.calibration import Calibration
from wim.hit_tables import HitTable
from wim.hits import USUAL_CONTACT_M, Hit
from wim.kernels.apart import space_axles
from wim.kernels.body import fit_body
from wim.kernels.crossed import cross_rows
from wim.kernels.in_step import step_of
from wim.kernels.joint import estimate_jointly
from wim.kernels.rows import weigh_rows
from wim.kernels.signal import follow
from wim.kinematics import Kinematics, fit_together
from wim.load_transfer import Transfer, moved_kg
from wim.loads import Crossings, Swing, joint_loads
from wim.passage import Event, Passage, Weigher
from wim.pulses import Pulse
from wim.roads import Ride, Road, excess
from wim.row_times import RowTimes
from wim.samples import Site
from wim.spacings import spacings_m
from wim.views import View

__all__ = ["is_compiled", "warm_up", "warm_up_pulses", "warm_up_vehicles"]

_RATE_HZ = 1000.0
_SAMPLES = 3000
_ROWS = 3
_AXLES = 2
_LONG = 50
_HIGH = 50_000
_ROAD = Road(
    lane=1,
    from_m=-10.0,
    cell_m=0.5,
    slopes=(0.0,) * 40,
    rest_speeds_mps=(10.0,),
    rest=(1.0,),
)


def is_compiled() -> bool:
    """Tell whether the cache has the kernels that take long to compile."""
    return (
        is_kept(follow)
        and is_kept(cross_rows)
        and is_kept(space_axles)
        and is_kept(fit_body)
        and is_kept(weigh_rows)
        and is_kept(estimate_jointly)
    )


def warm_up() -> None:
    """Compile or load every kernel, so that the first vehicle does not wait.

    A small vehicle of two axles is weighed on a road that was learned: what weighing
    may call has then been called.
    """
    weigher = _weigher(_ROAD)
    _expect_passage(weigher.receive(_counts()) + weigher.flush())


def warm_up_pulses() -> None:
    """Compile or load the half from counts to pulses, and some more.

    What a learned road says, how axles crossed the rows and what a change of speed
    moved is with the pulses so that both halves take as long. The hits come first: the
    other half looks at them, too, and finds it in the cache by then.
    """
    view = View.of(_weigher().site.lanes[0], reverse=False)
    pulses = {place: _pulse(place[1], _first(place[1], place[0])) for place in _ORDER}
    hits = [
        [Hit(sensor, pulses[axle, sensor.rank]) for sensor in view.sensors]
        for axle in range(_AXLES)
    ]
    table = HitTable.of(hits)
    step_of(table.hits, _AXLES, USUAL_CONTACT_M)
    spacings_m(RowTimes.of(table))
    moved_kg(
        (5000.0, 5000.0),
        spacings_m=(4.0,),
        groups=((0,), (1,)),
        vehicle_class=None,
        acceleration_mps2=0.0,
        transfer=Transfer(),
        ride=Ride(),
    )
    _weigher().receive(_counts()[: _first(0, 0)])
    excess(_ROAD, "steer", load_kg=5000.0, speed_mps=10.0, places_m=(3.0,), ride=Ride())


def warm_up_vehicles() -> None:
    """Compile or load the half from pulses to passages, on a road that is not known.

    The pulses are made up: those of the vehicle that :func:`warm_up` weighs. The way
    of a vehicle and its joint estimate come first, which nothing but this half needs.
    """
    at_s, s_m, over_mps = np.array([[0.0, 0.3], [0.0, 3.0], [10.0, 10.0]])
    axle, ends = np.zeros(2, dtype=np.int64), np.array([2])
    fit_together(RowTimes(at_s, s_m, over_mps, axle, ends), kinematics=Kinematics())
    seen = Crossings.of(
        axles=(0,),
        ranks=(0,),
        places_m=(0.0,),
        speeds_mps=(10.0,),
        loads_kg=(5000.0,),
        own_variances_kg2=(100.0,),
        row_variances=(1e-4,),
    )
    joint_loads(seen, ((0,),), swing=Swing())
    weigher = _weigher()
    pulses = [_pulse(row, _first(row, axle)) for axle, row in _ORDER]
    _expect_passage(weigher.weigh(pulses, samples=_SAMPLES) + weigher.flush())


def _first(row: int, axle: int) -> int:
    """Return the first sample of a pulse: at 10 m/s, axles 4 m apart."""
    return 1000 + 300 * row + 400 * axle


_ORDER = sorted(
    ((axle, row) for axle in range(_AXLES) for row in range(_ROWS)),
    key=lambda crossing: _first(crossing[1], crossing[0]),
)


def _counts() -> npt.NDArray[np.int32]:
    counts = np.zeros((_SAMPLES, _ROWS), dtype=np.int32)
    for axle, row in _ORDER:
        first = _first(row, axle)
        counts[first : first + _LONG, row] = _HIGH
    return counts


def _pulse(row: int, first: int) -> Pulse:
    """Return what :func:`_counts` shows, with 20 samples of quiet behind it."""
    start_s, end_s = first / _RATE_HZ, (first + _LONG) / _RATE_HZ
    middle_s = 0.5 * (start_s + end_s)
    return Pulse(
        strip=row,
        start_s=start_s,
        end_s=end_s,
        rise_s=start_s,
        fall_s=end_s,
        centroid_s=middle_s,
        centre_s=middle_s,
        area_counts_s=_HIGH * (end_s - start_s),
        area_sigma_counts_s=1.0,
        peak_counts=float(_HIGH),
        plateau_counts=None,
        noise_counts=1.0,
        closure_counts=0.0,
        clipped=False,
        last_sample=first + _LONG + 20,
    )


def _weigher(*roads: Road) -> Weigher:
    strip = {"width_m": 0.5, "counts_per_newton": 1.0, "side": "full"}
    strips = [
        {"channel": row, "row": row, "position_m": 3.0 * row, **strip}
        for row in range(_ROWS)
    ]
    lane = {"number": 1, "speed_range_kmh": [1.0, 100.0], "strips": strips}
    site = msgspec.convert({"station": {"id": "WARM-UP"}, "lanes": [lane]}, Site)
    return Weigher(site, sample_rate_hz=_RATE_HZ, calibration=Calibration(roads=roads))


def _expect_passage(events: list[Event]) -> None:
    if not any(isinstance(event, Passage) for event in events):
        message = "the vehicle that warms the kernels up was not weighed"
        raise AssertionError(message)
