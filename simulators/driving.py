"""How somebody drives over a site: speed, braking, and where between the lines.

Time runs in steps of a millisecond from a start before the site; places are those of
the first axle from row 0. No road shakes anything here and no load is known.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators.kernels import roll, speed_up

__all__ = ["STEP_S", "Drive", "Motion", "Path"]

STEP_S = 0.001
WARM_UP_S = 5.0
"""How long a truck drives before row 0, so that it swings as it always does."""

_SMOOTH_STEPS = 250  # a foot needs a quarter of a second
_LONGEST_S = 900.0
_BEYOND_M = 1.0
_LEAST_MPS = 0.05


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """Where the middle of the vehicle is, from the lane's middle, right positive.

    A slow wander, a sine as in an S, and one move to the side that takes ``move_m``
    of way from ``move_from_m``. Every axle stands square to the path, so that on a
    slope its wheels are at different places along the road.
    """

    offset_m: float = 0.0
    wander_m: float = 0.0
    wander_wave_m: float = 60.0
    wander_phase: float = 0.0
    s_m: float = 0.0
    s_wave_m: float = 20.0
    s_phase: float = 0.0
    aside_m: float = 0.0
    move_from_m: float = 0.0
    move_m: float = 1.0

    def lateral_m(self, place_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the offset to the side at some places."""
        turn = 2.0 * np.pi * place_m
        done = np.clip((place_m - self.move_from_m) / self.move_m, 0.0, 1.0)
        lateral: NDArray[np.float64] = (
            self.offset_m
            + self.wander_m * np.sin(turn / self.wander_wave_m + self.wander_phase)
            + self.s_m * np.sin(turn / self.s_wave_m + self.s_phase)
            + self.aside_m * done * done * (3.0 - 2.0 * done)
        )
        return lateral

    def slope(self, place_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far to the side it goes per metre of road at some places."""
        wander, s, moving, done = self._phases(place_m)
        slope: NDArray[np.float64] = (
            self.wander_m * 2.0 * np.pi / self.wander_wave_m * np.cos(wander)
            + self.s_m * 2.0 * np.pi / self.s_wave_m * np.cos(s)
            + self.aside_m * moving * 6.0 * done * (1.0 - done) / self.move_m
        )
        return slope

    def bend_per_m(self, place_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how much the slope changes per metre of road at some places."""
        wander, s, moving, done = self._phases(place_m)
        bend: NDArray[np.float64] = (
            -self.wander_m * (2.0 * np.pi / self.wander_wave_m) ** 2 * np.sin(wander)
            - self.s_m * (2.0 * np.pi / self.s_wave_m) ** 2 * np.sin(s)
            + self.aside_m * moving * 6.0 * (1.0 - 2.0 * done) / self.move_m**2
        )
        return bend

    def _phases(self, place_m: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """Return the angles of both sines, where the move is, and how much is done."""
        turn = 2.0 * np.pi * place_m
        done = (place_m - self.move_from_m) / self.move_m
        return (
            turn / self.wander_wave_m + self.wander_phase,
            turn / self.s_wave_m + self.s_phase,
            ((done > 0.0) & (done < 1.0)).astype(np.float64),
            np.clip(done, 0.0, 1.0),
        )


class Motion(msgspec.Struct, frozen=True):
    """A drive, step by step; all arrays have the shape (steps,)."""

    place_m: NDArray[np.float64]
    speed_mps: NDArray[np.float64]
    acceleration_mps2: NDArray[np.float64]
    heave_mps2: NDArray[np.float64]

    def step_at(self, place_m: float) -> float:
        """Return when the first axle comes to a place first, in steps.

        Raises:
            ValueError: it never does.
        """
        ahead = self.place_m >= place_m
        if ahead[0]:  # it comes from the other end
            ahead = self.place_m <= place_m
        k = int(np.argmax(ahead))
        if k == 0:
            message = f"no drive to {place_m:g} m"
            raise ValueError(message)
        before, after = self.place_m[k - 1], self.place_m[k]
        return k - 1 + float((place_m - before) / (after - before))


class Drive(msgspec.Struct, frozen=True, kw_only=True):
    """One driver's way: a speed at first, then accelerations, each for some time.

    ``pushes`` are (seconds, m/s²) pairs that begin when the first axle reaches
    ``pushes_from_m``. ``start_mps`` below zero drives backwards. ``heaves`` are
    (place, seconds, m/s²) of jolts that the driver gives the bodies.
    """

    start_mps: float
    pushes: tuple[tuple[float, float], ...] = ()
    pushes_from_m: float = -10.0
    heaves: tuple[tuple[float, float, float], ...] = ()
    path: Path = Path()

    @property
    def backwards(self) -> bool:
        """Whether the vehicle comes from the far end, tail first."""
        return self.start_mps < 0.0

    def motion(self, *, wheelbase_m: float, length_m: float) -> Motion:
        """Return the drive over a site until its last wheel has left it.

        Args:
            wheelbase_m: of the vehicle.
            length_m: from row 0 to the last strip.
        """
        far_m = length_m + wheelbase_m + _BEYOND_M
        speed = self.start_mps
        if self.backwards:
            first_m = far_m - speed * WARM_UP_S
            lead_s = WARM_UP_S
        else:
            begins_m = min(self.pushes_from_m, -_BEYOND_M) if self.pushes else 0.0
            first_m = min(begins_m, -_BEYOND_M) - speed * WARM_UP_S
            begins_m = self.pushes_from_m if self.pushes else 0.0
            lead_s = max((begins_m - first_m) / speed, 0.0)
        push = self._wanted(lead_s)
        velocity = np.empty_like(push)
        gone = speed_up(push, _SMOOTH_STEPS, self.start_mps, STEP_S, velocity)
        end_mps = velocity[-1]
        end_m = first_m + STEP_S * (gone - 0.5 * end_mps)
        target_m = -_BEYOND_M if end_mps < 0.0 else far_m
        rest_s = (target_m - end_m) / end_mps
        if rest_s > 0.0:
            steps = int(min(rest_s, _LONGEST_S) / STEP_S) + 2
            velocity = np.concatenate([velocity, np.full(steps, end_mps)])
        place, acceleration = np.empty_like(velocity), np.empty_like(velocity)
        roll(velocity, first_m, STEP_S, place, acceleration)
        if rest_s <= 0.0:
            last = self._last_step(place, far_m)
            place, velocity = place[:last], velocity[:last]
            acceleration = acceleration[:last]
        return Motion(place, velocity, acceleration, self._jolts(place))

    def _wanted(self, lead_s: float) -> NDArray[np.float64]:
        """Return the accelerations that the driver wants, step by step."""
        # smoothing comes late by half its length
        parts = [np.zeros(int(lead_s / STEP_S) - _SMOOTH_STEPS // 2)]
        parts += [np.full(int(t / STEP_S), a) for t, a in self.pushes]
        parts.append(np.zeros(_SMOOTH_STEPS))
        return np.concatenate(parts)

    def _last_step(self, place: NDArray[np.float64], far_m: float) -> int:
        """Return where to end: once past the site for the last time."""
        inside = (place > -_BEYOND_M) & (place < far_m)
        return int(len(place) - np.argmax(inside[::-1])) + 1

    def _jolts(self, place: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return vertical accelerations, half a sine up and half a sine down each."""
        heave = np.zeros_like(place)
        for place_m, duration_s, amplitude in self.heaves:
            first = int(np.argmax(place >= place_m))
            steps = int(duration_s / STEP_S)
            wave = amplitude * np.sin(2.0 * np.pi * np.arange(steps) / steps)
            room = len(heave[first : first + steps])
            heave[first : first + steps] += wave[:room]
        return heave
