"""Whether a passage may be evidence (有效性): findings on fairness and signals.

Every flag comes with its evidence: which figure went beyond which threshold, and on
which strips. Nothing here speaks of overload, and a drifting lane is told by whoever
watches the reference vehicles.
"""

import math
from collections.abc import Iterable
from typing import Annotated

import msgspec

from wim.geometry import Geometry
from wim.lanes import Crossing
from wim.manoeuvres import Figures, Finding, Thresholds, manoeuvres_of
from wim.messages import BARRING_FLAGS, FLAGS, Flag
from wim.samples import Lane

__all__ = ["Fairness", "bars_evidence", "findings_of", "flags_of"]


class Fairness(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures of what one vehicle can be.

    No tyre gives ``most_acceleration_mps2``: an axle that seems to was joined from
    pulses of several. Beyond ``longest_spacing_m`` between two axles,
    ``longest_wheelbase_m`` over all or ``most_axles`` nothing weighed is one vehicle
    that drives without a permit; it may be two that were taken for one (跟车).
    Somebody has to look at it. With fewer than ``least_axles`` it is a part of one.
    """

    longest_spacing_m: Annotated[float, msgspec.Meta(gt=0.0)] = 12.0
    longest_wheelbase_m: Annotated[float, msgspec.Meta(gt=0.0)] = 20.0
    most_axles: Annotated[int, msgspec.Meta(ge=2)] = 6
    least_axles: Annotated[int, msgspec.Meta(ge=1)] = 2
    most_acceleration_mps2: Annotated[float, msgspec.Meta(gt=0.0)] = 10.0


def findings_of(
    crossing: Crossing,
    figures: Figures,
    *,
    lane: Lane,
    fairness: Fairness,
    thresholds: Thresholds,
    geometry: Geometry,
    incomplete: bool,
    usual_scatter: float,
    drifting: bool = False,
) -> tuple[Finding, ...]:
    """Return what was found on one crossing, in the order of the flags.

    Args:
        crossing: the vehicle.
        figures: of its driving.
        lane: where it drove.
        fairness: figures of what one vehicle can be.
        thresholds: figures of the manoeuvres.
        geometry: what it shows of speed and spacings; a spacing that is not shown
            finds nothing, but there is no evidence without all of them.
        incomplete: samples are missing.
        usual_scatter: of the rows of that lane.
        drifting: the lane drifts by its reference vehicles.
    """
    axles = crossing.axles
    found = manoeuvres_of(
        figures,
        axles=axles,
        lane=lane,
        thresholds=thresholds,
        usual_scatter=usual_scatter,
    )

    def find(
        flag: Flag, name: str, value: float, most: float, strips: tuple[int, ...] = ()
    ) -> None:
        if value > most:
            found.append(Finding(flag, name, value, most, strips))

    find("tailgating", "axles", float(len(axles)), float(fairness.most_axles))
    spacings_m = [each for each in geometry.spacings_m if each is not None]
    longest_m = max(spacings_m, default=0.0)
    find("tailgating", "axle_spacing_m", longest_m, fairness.longest_spacing_m)
    wheelbase_m = math.fsum(spacings_m)
    find("tailgating", "wheelbase_m", wheelbase_m, fairness.longest_wheelbase_m)
    find("tailgating", "not_told_apart", float(not crossing.told_apart), 0.0)
    find("stop_and_go", "stood_between_s", crossing.stood_s, 0.0)
    if crossing.straddles:
        # of both lanes where both halves were weighed
        wheels = {hit.sensor.strip.channel for axle in axles for hit in axle.hits}
        find("straddling", "halves", 1.0, 0.0, tuple(sorted(wheels)))
    find("reverse", "driven_backwards", float(crossing.reverse), 0.0)
    find("reverse", "went_to_and_fro", float(crossing.turned), 0.0)
    find("axle_missing", "not_whole", float(not crossing.whole), 0.0)
    few, least = float(len(axles)), float(fairness.least_axles)
    if few < least:
        found.append(Finding("axle_missing", "axles", few, least))
    find("axle_missing", "samples_missing", float(incomplete), 0.0)
    # on a way that is not smooth little is shown, and that has been found already
    unknown = geometry.speed_mps is None or geometry.all_spacings_m is None
    find("axle_missing", "not_shown", float(crossing.smooth and unknown), 0.0)
    gains = [abs(axle.motion.acceleration_mps2 or 0.0) for axle in axles]
    most = fairness.most_acceleration_mps2
    find("axle_missing", "acceleration_mps2", max(gains), most)
    find("drifting", "reference_vehicles", float(drifting), 0.0)
    for damage in crossing.damages:
        channel = (lane.strips[damage.strip].channel,)
        clipped = damage.illness == "clipped"
        flag: Flag = "signal_clipped" if clipped else "strip_damaged"
        found.append(
            Finding(flag, damage.illness, damage.figure, damage.threshold, channel)
        )
    found.sort(key=lambda finding: FLAGS.index(finding.flag))
    return tuple(found)


def flags_of(findings: Iterable[Finding]) -> tuple[Flag, ...]:
    """Return the flags of some findings, each once, in the order of the list."""
    raised = {finding.flag for finding in findings}
    return tuple(flag for flag in FLAGS if flag in raised)


def bars_evidence(findings: Iterable[Finding]) -> bool:
    """Tell whether any finding bars a passage from being evidence.

    >>> mild = Finding("braking", "acceleration_mps2", 1.0, 0.5)
    >>> bars_evidence((mild,)), bars_evidence((Finding("crawl", "m/s", 0.4, 1.0),))
    (False, True)
    """
    return any(f.severe or f.flag in BARRING_FLAGS for f in findings)
