"""Ways to drive that defeat a scale, each with its label and how bad it is.

Severity runs from 0, the mildest that still bears the name, to 1. Normal driving has
no label. What a station makes of it is the business of others.
"""

from collections.abc import Callable
from typing import Literal, get_args

import msgspec
import numpy as np

from simulators.driving import Drive, Path
from simulators.fleet import Vehicle

__all__ = ["MANOEUVRES", "Driving", "Manoeuvre", "Place", "draw_driving"]

Manoeuvre = Literal[
    "accelerating",
    "braking",
    "tap_braking",
    "stop_and_go",
    "rush",
    "crawl",
    "jump",
    "s_path",
    "straddling",
    "edge",
    "tailgating",
    "reverse",
    "lane_change",
]
MANOEUVRES: tuple[Manoeuvre, ...] = get_args(Manoeuvre)

_KMH = 1.0 / 3.6
_TURN = 2.0 * np.pi
_SPEED_BANDS_KMH = ((5.0, 10.0, 0.06), (10.0, 40.0, 0.26), (40.0, 100.0, 0.68))
_NORMAL_MPS2 = 0.12
_MOST_NORMAL_MPS2 = 0.3
_OFFSET_M = 0.15
_MOST_OFFSET_M = 0.35
_MOST_ASIDE_MPS2 = 3.0
"""More to the side tips a loaded lorry over."""
_MOST_BEND_PER_M = 0.1
"""More than the steering of a lorry turns: its front wheels go round in ten metres."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody drives: how long the site is and what lies beside the lane.

    ``aside`` is +1 or -1 towards a neighbouring lane, 0 without one.
    """

    length_m: float
    low_mps: float
    high_mps: float
    aside: int


class Driving(msgspec.Struct, frozen=True, kw_only=True):
    """One drive with its label."""

    drive: Drive
    manoeuvre: Manoeuvre | None = None
    severity: float | None = None
    flags: tuple[str, ...] = ()


def draw_driving(
    rng: np.random.Generator,
    manoeuvre: Manoeuvre | None,
    vehicle: Vehicle,
    place: Place,
) -> Driving:
    """Draw how one driver drives; ``None`` is normal driving, 5 to 100 km/h."""
    if manoeuvre is None:
        return Driving(drive=normal_drive(rng, speed_mps=_speed(rng)))
    severity = float(rng.random())
    drive, flags = _DRAWN[manoeuvre](_Case(rng, severity, vehicle, place))
    return Driving(
        drive=drive, manoeuvre=manoeuvre, severity=round(severity, 3), flags=flags
    )


def normal_drive(
    rng: np.random.Generator, *, speed_mps: float, path: Path | None = None
) -> Drive:
    """Draw a driver who keeps a speed as well as people do."""
    mean = float(
        np.clip(rng.normal(0.0, _NORMAL_MPS2), -_MOST_NORMAL_MPS2, _MOST_NORMAL_MPS2)
    )
    # whoever is slow brakes less: nobody comes to a stop by not noticing
    mean *= min(1.0, speed_mps / 8.0)
    limit = min(_MOST_NORMAL_MPS2, speed_mps / 20.0)
    pushes = tuple(
        (
            float(rng.uniform(1.0, 2.5)),
            float(np.clip(mean + rng.normal(0.0, 0.05), -limit, limit)),
        )
        for _ in range(3)
    )
    return Drive(
        start_mps=speed_mps,
        pushes=pushes,
        pushes_from_m=-min(20.0, 1.0 * speed_mps) - 1.0,
        path=path or _path(rng),
    )


def _speed(rng: np.random.Generator) -> float:
    shares = np.array([band[2] for band in _SPEED_BANDS_KMH])
    low, high, _ = _SPEED_BANDS_KMH[int(rng.choice(len(shares), p=shares))]
    return float(rng.uniform(max(low, 5.5), min(high, 99.0))) * _KMH


def _path(rng: np.random.Generator, **more: float) -> Path:
    """Draw a place in the lane and a slow wander."""
    offset = float(np.clip(rng.normal(0.0, _OFFSET_M), -_MOST_OFFSET_M, _MOST_OFFSET_M))
    figures = {
        "offset_m": offset,
        "wander_m": float(rng.uniform(0.0, 0.06)),
        "wander_wave_m": float(rng.uniform(40.0, 90.0)),
        "wander_phase": float(rng.uniform(0.0, 2.0 * np.pi)),
    }
    return Path(**{**figures, **more})


def _between(severity: float, least: float, most: float) -> float:
    return least + severity * (most - least)


# ------------------------------------------------------------------ one function each

_Drawn = tuple[Drive, tuple[str, ...]]


class _Case(msgspec.Struct, frozen=True):
    """What a manoeuvre is drawn from."""

    rng: np.random.Generator
    severity: float
    vehicle: Vehicle
    place: Place

    @property
    def beside(self) -> tuple[str, ...]:
        """What half a vehicle is called: with no lane beside, it is off the edge."""
        return ("straddling",) if self.place.aside else ("edge",)

    def steady(self, least_kmh: float, most_kmh: float, path: Path) -> Drive:
        """Draw a drive at an even speed on a path of its own."""
        speed = float(self.rng.uniform(least_kmh, most_kmh)) * _KMH
        return normal_drive(self.rng, speed_mps=speed, path=path)


def _accelerating(case: _Case) -> _Drawn:
    speed = float(case.rng.uniform(10.0, 60.0)) * _KMH
    push = _between(case.severity, 0.6, 2.0)
    way_m = case.place.length_m + case.vehicle.wheelbase_m + 6.0
    takes_s = (np.sqrt(speed**2 + 2.0 * push * way_m) - speed) / push
    return Drive(
        start_mps=speed,
        pushes=((float(takes_s) + 0.5, push),),
        pushes_from_m=-5.0 - 0.3 * speed,
        path=_path(case.rng),
    ), ("accelerating",)


def _braking(case: _Case) -> _Drawn:
    brake = _between(case.severity, 0.6, 3.5)
    way_m = case.place.length_m + case.vehicle.wheelbase_m + 8.0
    least = np.sqrt(2.0 * brake * way_m + 2.0**2)
    speed = float(least * case.rng.uniform(1.02, 1.5) + 0.3 * brake)
    takes_s = (speed - np.sqrt(max(speed**2 - 2.0 * brake * way_m, 1.0))) / brake
    return Drive(
        start_mps=speed,
        pushes=((float(takes_s) + 0.2, -brake),),
        pushes_from_m=-6.0,
        path=_path(case.rng),
    ), ("braking",)


def _tap_braking(case: _Case) -> _Drawn:
    brake = _between(case.severity, 1.2, 3.5)
    scale_m = case.place.length_m + case.vehicle.wheelbase_m
    # slow enough that the foot goes down and up again while axles are on the scale
    most = min(70.0 * _KMH, scale_m / 1.7)
    speed = float(case.rng.uniform(0.6, 1.0)) * most
    pushes: list[tuple[float, float]] = []
    here, gone = speed, 0.0
    while gone < scale_m + 5.0 and len(pushes) < 40:
        tap_s = float(case.rng.uniform(0.35, 0.6))
        rest_s = float(case.rng.uniform(0.4, 0.7))
        tap = min(brake, (here - 0.45 * speed) / tap_s)
        again = float(case.rng.uniform(0.3, 0.8))
        if here < 0.75 * speed:
            again = max(again, 0.6 * brake)
        if tap > 0.5 * brake:
            pushes.append((tap_s, -tap))
            gone += here * tap_s
            here -= tap * tap_s
        pushes.append((rest_s, again))
        gone += here * rest_s
        here += again * rest_s
    return Drive(
        start_mps=speed,
        pushes=tuple(pushes),
        pushes_from_m=-float(case.rng.uniform(0.5, 2.0)),
        path=_path(case.rng),
    ), ("tap_braking",)


def _stop_and_go(case: _Case) -> _Drawn:
    speed = float(case.rng.uniform(6.0, 18.0)) * _KMH
    stops = 1 + round(2.0 * case.severity)
    way_m = case.place.length_m + case.vehicle.wheelbase_m
    # where it stands, the first axle somewhere between row 0 and the far end
    spots = np.sort(case.rng.uniform(0.08, 0.92, stops)) * way_m
    pushes: list[tuple[float, float]] = []
    here_m = -3.0 - speed
    begins_m = here_m
    for spot in spots:
        brake = float(case.rng.uniform(0.7, 1.6))
        stop_m = speed**2 / (2.0 * brake)
        roll_m = max(float(spot) - here_m - stop_m, 0.0)
        stands_s = float(case.rng.uniform(0.8, 4.0))
        push = float(case.rng.uniform(0.5, 1.0))
        pushes += [
            (round(roll_m / speed, 3), 0.0),
            # to a stand within a thousandth of a second, and off again alike
            (round(speed / brake, 3), -speed / round(speed / brake, 3)),
            (stands_s, 0.0),
            (round(speed / push, 3), speed / round(speed / push, 3)),
        ]
        here_m += roll_m + stop_m + speed**2 / (2.0 * push)
    return Drive(
        start_mps=speed,
        pushes=tuple(pushes),
        pushes_from_m=begins_m,
        path=_path(case.rng),
    ), ("stop_and_go",)


def _rush(case: _Case) -> _Drawn:
    speed = case.place.high_mps * _between(case.severity, 1.03, 1.2)
    drive = normal_drive(case.rng, speed_mps=speed)
    return drive, ("rush", "speed_out_of_range")


def _crawl(case: _Case) -> _Drawn:
    least = max(case.place.low_mps, 3.0 * _KMH)
    speed = least * _between(case.severity, 0.9, 0.4)
    drive = Drive(start_mps=speed, path=_path(case.rng))
    too_slow = ("speed_out_of_range",) if speed < case.place.low_mps else ()
    return drive, ("crawl", *too_slow)


def _jump(case: _Case) -> _Drawn:
    speed = float(case.rng.uniform(8.0, 45.0)) * _KMH
    way_m = case.place.length_m + case.vehicle.wheelbase_m
    hops = int(case.rng.integers(2, 5))
    places = np.sort(case.rng.uniform(-0.5, 0.85 * way_m, hops))
    heaves = tuple(
        (
            float(at),
            float(case.rng.uniform(0.25, 0.4)),
            float(case.rng.choice([-1.0, 1.0])) * _between(case.severity, 3.0, 9.0),
        )
        for at in places
    )
    return Drive(start_mps=speed, heaves=heaves, path=_path(case.rng)), ("jump",)


def _s_path(case: _Case) -> _Drawn:
    aside_m = _between(case.severity, 0.5, 1.1)
    site_m = max(case.place.length_m, 9.0)
    # as short as it is wanted, but no shorter than a lorry can be steered
    shortest_m = max(1.4 * site_m, _TURN * float(np.sqrt(aside_m / _MOST_BEND_PER_M)))
    wave_m = float(case.rng.uniform(shortest_m, max(2.6 * site_m, shortest_m)))
    path = _path(
        case.rng,
        s_m=aside_m,
        s_wave_m=wave_m,
        s_phase=float(case.rng.uniform(0.0, _TURN)),
    )
    most_kmh = _upright_kmh(aside_m * (_TURN / wave_m) ** 2)
    return case.steady(8.0, min(35.0, most_kmh), path), ("s_path",)


def _upright_kmh(bend_per_m: float) -> float:
    """Return how fast a loaded lorry may take a bend."""
    return float(np.sqrt(_MOST_ASIDE_MPS2 / bend_per_m)) / _KMH


def _straddling(case: _Case) -> _Drawn:
    towards = case.place.aside or int(case.rng.choice([-1, 1]))
    path = _path(
        case.rng, offset_m=towards * _between(case.severity, 1.2, 1.8), wander_m=0.0
    )
    return case.steady(10.0, 80.0, path), case.beside


def _edge(case: _Case) -> _Drawn:
    # the outer wheel is half off its strip in the mildest case, wholly in the worst
    towards = -case.place.aside or int(case.rng.choice([-1, 1]))
    path = _path(
        case.rng, offset_m=towards * _between(case.severity, 0.78, 1.15), wander_m=0.0
    )
    return case.steady(8.0, 80.0, path), ("edge",)


def _tailgating(case: _Case) -> _Drawn:
    return case.steady(8.0, 60.0, _path(case.rng)), ("tailgating",)


def _reverse(case: _Case) -> _Drawn:
    speed = float(case.rng.uniform(3.5, 9.0)) * _KMH
    if case.rng.random() < 0.4:  # tail first from the far end
        return Drive(start_mps=-speed, path=_path(case.rng)), ("reverse",)
    # forward, back again over some axles, forward once more
    way_m = case.place.length_m + case.vehicle.wheelbase_m
    turn_m = float(case.rng.uniform(0.35, 1.0)) * way_m
    back_m = min(_between(case.severity, 3.0, 12.0), turn_m + 0.5)
    slow = float(case.rng.uniform(0.5, 0.9))  # m/s², of every change of speed
    change_s = round(speed / slow, 3)
    change_m = 0.5 * speed * change_s
    begins_m = -3.0 - speed
    pushes = (
        (round(max(turn_m - begins_m - change_m, 0.0) / speed, 3), 0.0),
        (change_s, -speed / change_s),
        (float(case.rng.uniform(0.5, 1.5)), 0.0),
        (change_s, -speed / change_s),
        (round(max(back_m - 2.0 * change_m, 0.0) / speed, 3), 0.0),
        (change_s, speed / change_s),
        (float(case.rng.uniform(0.5, 1.5)), 0.0),
        (change_s, speed / change_s),
    )
    drive = Drive(
        start_mps=speed, pushes=pushes, pushes_from_m=begins_m, path=_path(case.rng)
    )
    return drive, ("reverse",)


def _lane_change(case: _Case) -> _Drawn:
    towards = case.place.aside or int(case.rng.choice([-1, 1]))
    move_m = _between(case.severity, 50.0, 25.0)
    halfway = float(case.rng.uniform(0.35, 0.65))
    path = _path(
        case.rng,
        aside_m=towards * 3.75,
        move_from_m=case.place.length_m / 2.0 - move_m * halfway,
        move_m=move_m,
    )
    most_kmh = _upright_kmh(6.0 * 3.75 / move_m**2)
    return case.steady(20.0, min(80.0, most_kmh), path), case.beside


_DRAWN: dict[Manoeuvre, Callable[[_Case], _Drawn]] = {
    "accelerating": _accelerating,
    "braking": _braking,
    "tap_braking": _tap_braking,
    "stop_and_go": _stop_and_go,
    "rush": _rush,
    "crawl": _crawl,
    "jump": _jump,
    "s_path": _s_path,
    "straddling": _straddling,
    "edge": _edge,
    "tailgating": _tailgating,
    "reverse": _reverse,
    "lane_change": _lane_change,
}
