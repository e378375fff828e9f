"""What a change of speed moves between the axles of a truck and of what it pulls."""

import math

import numpy as np
import numpy.typing as npt

from wim._jit import helper, inlined, njit
from wim.kernels.crossings import rough_loads
from wim.kernels.curves import between
from wim.kernels.exact import MOST_PARTS, exact_sum

__all__ = ["DRAWBAR", "FIFTH_WHEEL", "NO_COUPLING", "TRANSFER_FIGURES", "move_loads"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

NO_COUPLING, FIFTH_WHEEL, DRAWBAR = range(3)
"""Where a truck bears a part of what it pulls: nowhere, over its driven axles, or
behind its last one."""
TRANSFER_FIGURES = 6
"""0 height [m] at which a truck pulls; 1 how far a fifth wheel is before the driven
axles and 2 a drawbar's eye behind the last [m]; 3 mass of a tractor alone [kg]; 4
relative uncertainty of what is moved; 5 gravity [m/s²]."""


@njit
def move_loads(
    axles: Integers,
    loads_kg: Floats,
    spacings_m: Floats,
    rates: Floats,
    driven: Floats,
    own: int,
    coupling: int,
    figures: Floats,
    heights_at_kg: Floats,
    heights_m: Floats,
    gain: float,
    unsure: float,
    steady_kg: Floats,
    moved_kg: Floats,
    sigmas_kg: Floats,
) -> float:
    """Write what each axle carries more than at rest, and crossings without it.

    Args:
        axles: whose crossing, each axle's at least once, shape (n,).
        loads_kg: what rows saw, shape (n,).
        spacings_m: between the axles, shape (a - 1,).
        rates: of each axle's springs [N/m], shape (a,).
        driven: 1 of those that are, else 0, shape (a,).
        own: how many axles the truck has itself, one at least.
        coupling: one of the figures above.
        figures: shape (TRANSFER_FIGURES,).
        heights_at_kg: loads of axles, with
        heights_m: the height of the mass above them.
        gain: acceleration [m/s²], positive when gaining speed.
        unsure: standard uncertainty of it.
        steady_kg: what rows saw less what was moved, shape (n,); written.
        moved_kg: the sum is zero, shape (a,); written.
        sigmas_kg: standard uncertainty of it, shape (a,); written.

    Returns:
        The sum of the axles' plain means [kg].
    """
    count = moved_kg.shape[0]
    parts = np.empty(MOST_PARTS)
    rough_kg = np.empty(count)
    rough_loads(axles, loads_kg, rough_kg)
    places = np.zeros(count)
    for a in range(1, count):
        places[a] = places[a - 1] + spacings_m[a - 1]
    towed = count - own
    own_kg = exact_sum(rough_kg, own, parts)
    towed_kg = exact_sum(rough_kg[own:], towed, parts)
    at_m = 0.0
    if coupling == FIFTH_WHEEL:
        at_m = _middle_driven(places, driven, own, parts) - figures[1]
        pressed_kg = max(own_kg - figures[3], 0.25 * own_kg)
        own_kg -= pressed_kg
        towed_height = between(heights_at_kg, heights_m, towed_kg / towed)
        towed_kg += pressed_kg
        own_height = heights_m[0]
        for height in heights_m:
            own_height = min(own_height, height)
    else:
        own_height = between(heights_at_kg, heights_m, own_kg / own)
        towed_height = between(heights_at_kg, heights_m, towed_kg / max(towed, 1))
        if coupling == DRAWBAR:
            at_m = places[own - 1] + figures[2]
        elif towed > 0:
            at_m = _middle(rates[own:], places[own:], parts)
    middle_m = _middle(rates[:own], places[:own], parts)
    levers = np.empty(count)
    for a in range(count):
        levers[a] = rates[a] * (places[a] - (middle_m if a < own else at_m))
    whole = exact_sum(rates, own, parts)
    own_stiff = _stiff(levers[:own], places[:own], middle_m, parts)
    towed_stiff = _stiff(levers[own:], places[own:], at_m, parts)
    for turn in range(2):
        push = (unsure if turn == 0 else gain) / figures[5]
        pulled = figures[0] if push > 0.0 else 0.0
        moment = push * (own_kg * own_height + towed_kg * pulled)
        turned = push * towed_kg * (towed_height - pulled)
        pressed_kg = 0.0
        for a in range(own, count):
            moved_kg[a] = turned * levers[a] / towed_stiff if towed_stiff > 0.0 else 0.0
            pressed_kg -= moved_kg[a]
        if coupling != NO_COUPLING:
            moment += pressed_kg * (at_m - middle_m)
        for a in range(own):
            more = moment * levers[a] / own_stiff if own_stiff > 0.0 else 0.0
            moved_kg[a] = more + pressed_kg * rates[a] / whole
        if turn == 0:
            for a in range(count):
                sigmas_kg[a] = moved_kg[a]
    for a in range(count):
        more, kg = sigmas_kg[a], moved_kg[a]
        sigmas_kg[a] = math.sqrt(more * more + figures[4] * figures[4] * kg * kg)
    for k in range(loads_kg.shape[0]):
        steady_kg[k] = max(loads_kg[k] - moved_kg[axles[k]], 0.5 * loads_kg[k])
    return float(exact_sum(rough_kg, count, parts))


@inlined
def _middle_driven(places: Floats, driven: Floats, own: int, parts: Floats) -> float:
    """Return the middle of a truck's driven axles, of all where none is."""
    chosen = np.empty(own)
    count = 0
    for a in range(own):
        if driven[a] != 0.0:
            chosen[count] = places[a]
            count += 1
    if count == 0:
        return exact_sum(places, own, parts) / own
    return exact_sum(chosen, count, parts) / count


@helper
def _middle(rates: Floats, places: Floats, parts: Floats) -> float:
    """Return about which place a body on its springs turns."""
    n = rates.shape[0]
    moments = np.empty(n)
    for a in range(n):
        moments[a] = rates[a] * places[a]
    whole = exact_sum(rates, n, parts)
    return exact_sum(moments, n, parts) / whole


@helper
def _stiff(levers: Floats, places: Floats, about_m: float, parts: Floats) -> float:
    """Return which moment turns a body by one [N·m]."""
    n = levers.shape[0]
    moments = np.empty(n)
    for a in range(n):
        moments[a] = levers[a] * (places[a] - about_m)
    return exact_sum(moments, n, parts)
