"""What the tails of pulses say of a strip's time constant: the site file's or another.

A charge amplifier forgets: behind a pulse its signal lies below where it was before, by
the pulse's area over the time constant. Undone with the right constant, nothing is
left; with a wrong one the level behind differs from that before by the area times the
difference of the two rates, 1/stated - 1/true. One pulse says little of that against
noise; the pulses of some trucks together say it. It mends nothing: a site file is put
right by a person.
"""

import math
from collections.abc import Iterable
from typing import Annotated, NamedTuple

import msgspec

from wim.axles import Axle

__all__ = ["Tail", "TailRules", "tails"]


class TailRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When tails contradict a site file.

    At least ``least_pulses`` of a strip, each of at most ``longest_pulse_s`` (beyond,
    what drifts meanwhile outweighs). The rates must differ by more than
    ``least_difference`` of the greater one and ``sigma`` standard uncertainties.
    """

    least_pulses: Annotated[int, msgspec.Meta(ge=3)] = 20
    longest_pulse_s: Annotated[float, msgspec.Meta(gt=0.0)] = 0.5
    least_difference: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] = 0.15
    sigma: Annotated[float, msgspec.Meta(gt=0.0)] = 4.0


class Tail(msgspec.Struct, frozen=True, kw_only=True):
    """What the tails of one strip say.

    ``rate_per_s`` is one over the time constant, 0 of an amplifier that forgets
    nothing; its uncertainty is standard, k = 1. ``stated_s`` is what the site file
    says, None where it says that nothing is forgotten.
    """

    channel: int
    pulses: int
    stated_s: float | None
    rate_per_s: float
    rate_uncertainty_per_s: float
    contradicts: bool

    @property
    def time_constant_s(self) -> float | None:
        """Return the time constant, None where the tails show no end of it.

        >>> Tail(channel=0, pulses=90, stated_s=5.0, rate_per_s=0.4,
        ...      rate_uncertainty_per_s=0.01, contradicts=True).time_constant_s
        2.5
        """
        if self.rate_per_s <= 2.0 * self.rate_uncertainty_per_s:
            return None
        return 1.0 / self.rate_per_s


class _Pulse(NamedTuple):
    area_counts_s: float
    closure_counts: float


def tails(axles: Iterable[Axle], *, rules: TailRules | None = None) -> tuple[Tail, ...]:
    """Return what the pulses of axles say of each strip's time constant.

    Args:
        axles: of as many vehicles as there are, weighed with one site.
        rules: when it contradicts the site.

    Returns:
        By channel; strips with too few pulses are left out.
    """
    used = TailRules() if rules is None else rules
    stated: dict[int, float | None] = {}
    pulses: dict[int, list[_Pulse]] = {}
    for axle in axles:
        for hit in axle.hits:
            strip, pulse = hit.sensor.strip, hit.pulse
            if pulse.end_s - pulse.start_s <= used.longest_pulse_s:
                stated[strip.channel] = strip.time_constant_s
                one = _Pulse(pulse.area_counts_s, pulse.closure_counts)
                pulses.setdefault(strip.channel, []).append(one)
    return tuple(
        _tail(channel, stated[channel], own, used)
        for channel, own in sorted(pulses.items())
        if len(own) >= used.least_pulses
    )


def _tail(
    channel: int, stated_s: float | None, pulses: list[_Pulse], rules: TailRules
) -> Tail:
    """Fit a line through nought to the closures over the areas."""
    squares = math.fsum(area * area for area, _ in pulses)
    slope = math.fsum(area * closure for area, closure in pulses) / squares
    rest = math.fsum((closure - slope * area) ** 2 for area, closure in pulses)
    sigma = math.sqrt(rest / (len(pulses) - 1) / squares)
    stated_per_s = 0.0 if stated_s is None else 1.0 / stated_s
    rate_per_s = stated_per_s - slope
    allowed = rules.least_difference * max(stated_per_s, rate_per_s)
    return Tail(
        channel=channel,
        pulses=len(pulses),
        stated_s=stated_s,
        rate_per_s=rate_per_s,
        rate_uncertainty_per_s=sigma,
        contradicts=abs(slope) > allowed + rules.sigma * sigma,
    )
