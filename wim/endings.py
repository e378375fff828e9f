"""What becomes of a vehicle that has ended: its axles are weighed and told."""

import math
from collections.abc import Sequence

import msgspec

from wim.assembly import Assembly
from wim.axles import Weighed, weigh_axles, weighed as weigh
from wim.crossings import Crossing, Entry, LaneEvent, Neighbour
from wim.health import Damage, StripMemory
from wim.hit_tables import HitTable
from wim.hits import Hit
from wim.kinematics import Kinematics
from wim.matching import Matched
from wim.open_vehicles import OpenVehicle, Views
from wim.parts import entry_s, is_seen, lacks, parts_of
from wim.pulse_store import PulseStore
from wim.row_loads import RowTable
from wim.row_times import RowTimes
from wim.turns import straightened
from wim.vehicles import Part, Shapes

__all__ = ["Endings"]


class Endings:
    """Axles of ended vehicles in, crossings out; their pulses leave the store.

    ``stalled_s`` is since when a vehicle may stand between the rows of which only the
    beginning was told, else infinite.
    """

    def __init__(
        self,
        memory: StripMemory,
        *,
        assembly: Assembly,
        kinematics: Kinematics,
        shapes: Shapes,
        store: PulseStore,
        views: Views,
    ) -> None:
        self._memory = memory
        self._assembly = assembly
        self._kinematics = kinematics
        self._shapes = shapes
        self._store = store
        self._views = views
        self.stalled_s = math.inf

    def parts(
        self,
        kept: Sequence[tuple[Hit, ...]],
        times: RowTimes,
        *,
        reverse: bool = False,
    ) -> list[Part]:
        """Find the vehicles among axles that no separator told apart."""
        return parts_of(
            kept,
            times,
            assembly=self._assembly,
            shapes=self._shapes,
            kinematics=self._kinematics,
            reverse=reverse,
        )

    def _parts_behind(
        self, kept: Sequence[tuple[Hit, ...]], until_s: float
    ) -> list[Part]:
        """Find who followed a vehicle that went to and fro until some time.

        What of it came later is told from the followers as ever; the rest is its own.
        """
        later = [
            tuple(hit for hit in axle if hit.pulse.centroid_s > until_s)
            for axle in kept
        ]
        first = next((i for i, axle in enumerate(later) if axle), len(later))
        behind = later[first:]
        if not all(behind):
            return [Part(0, len(kept), None, alike=False)]
        if not behind:
            return [Part(0, first, None, alike=False)]
        own, *others = self.parts(behind, RowTimes.of_hits(behind))
        parts = [Part(0, first + own.end, None, alike=False)]
        return parts + [
            part._replace(first=first + part.first, end=first + part.end)
            for part in others
        ]

    def crossings(self, vehicle: OpenVehicle, matched: Matched) -> list[LaneEvent]:
        """Return what a vehicle with these axles is; nothing if it has no loads."""
        events: list[LaneEvent] = []
        view = self._views.of(vehicle)
        hits, table = matched
        tangle = None
        groups = kept = hits
        if table is None:
            tangle = straightened(
                vehicle, view, hits, forward=self._views.forward, store=self._store
            )
            groups = hits if tangle is None else tangle.axles
            kept = [axle for axle in groups if is_seen(axle, view)]
            table = HitTable.of(kept)
        times = RowTimes.of(table)
        if not kept:
            parts = []
        elif vehicle.by_separator:
            parts = [Part(0, len(kept), None, alike=False)]
        elif tangle is not None:
            parts = self._parts_behind(kept, tangle.until_s)
        else:
            parts = self.parts(kept, times, reverse=vehicle.reverse)
        found = []
        for i, part in enumerate(parts):
            first, end = part.first, part.end
            axles = kept[first:end]
            own, crossed = table.part(first, end), times.part(first, end)
            if tangle is not None and not i:
                axles = tangle.straight(axles)
                own = HitTable.of(axles)
                crossed = RowTimes.of(own)
            told = weigh_axles(axles, own, crossed, kinematics=self._kinematics)
            if tangle is not None and not i:
                told = msgspec.structs.replace(told, smooth=False)
            found.append((part, told))
        weighed = [(part, told) for part, told in found if told.axles]
        claimed = hits if tangle is None else [*hits, *groups]
        self._look_for_the_rest(vehicle, claimed)
        self._store.consume(
            claimed, [axle for _, told in weighed for axle in told.axles]
        )
        whole = [
            vehicle.whole
            and len(told.axles) == part.end - part.first
            and not lacks(part, kept, groups, axle_gap_m=self._assembly.axle_gap_m)
            for part, told in weighed
        ]
        for i, (part, told) in enumerate(weighed):
            turned = tangle is not None and part.first == 0
            if turned:
                told = _from(told, min(map(entry_s, hits)))  # noqa: PLW2901 - it turned
            damages = self._memory.judge(told, rows=_rows_of(told) if turned else None)
            if damages:
                told = _without(told, damages)  # noqa: PLW2901 - the better figures
            if i:
                events.append(Entry(at_s=told.axles[0].crossed_s))
            before = part if i else vehicle.cut_before
            behind = vehicle.cut_behind
            if i + 1 < len(weighed):
                behind = weighed[i + 1][0]
            events.append(
                Crossing(
                    axles=told.axles,
                    hits=told.hits,
                    rows=told.rows,
                    view=view,
                    reverse=vehicle.reverse,
                    whole=whole[i],
                    told_apart=vehicle.told_apart,
                    turned=turned,
                    smooth=told.smooth,
                    rest_m=told.rest_m,
                    before=None if before is None else _neighbour(before),
                    behind=None if behind is None else _neighbour(behind),
                    damages=damages,
                    by_separator=vehicle.by_separator,
                )
            )
        return events

    def _look_for_the_rest(
        self, vehicle: OpenVehicle, hits: Sequence[tuple[Hit, ...]]
    ) -> None:
        """Find out whether a vehicle is the rest of one that had stopped.

        Wheels that stood between the rows cross the later ones without having crossed
        the first: pulses that are no axle of this vehicle.
        """
        if self.stalled_s < vehicle.begun_s:
            own = {
                (hit.sensor.index, hit.pulse.last_sample)
                for axle in hits
                for hit in axle
            }
            vehicle.told_apart &= not any(
                pulse.start_s > self.stalled_s
                and (sensor.index, pulse.last_sample) not in own
                for sensor in self._views.forward.sensors
                for pulse in self._store.of[sensor.index]
                if sensor.rank > 0
            )
            self.stalled_s = math.inf


def _rows_of(weighed: Weighed) -> frozenset[int]:
    """Return the rows that count; those over which a vehicle went back do not."""
    return frozenset(
        [hit.sensor.strip.row for axle in weighed.axles for hit in axle.hits]
    )


def _neighbour(part: Part) -> Neighbour | None:
    return None if part.gap_m is None else Neighbour(gap_m=part.gap_m, alike=part.alike)


def _from(weighed: Weighed, first_s: float) -> Weighed:
    """Let a vehicle that went to and fro begin where it came to the rows at first."""
    first, *others = weighed.axles
    first = msgspec.structs.replace(first, crossed_s=min(first.crossed_s, first_s))
    return msgspec.structs.replace(weighed, axles=(first, *others))


def _without(weighed: Weighed, damages: Sequence[Damage]) -> Weighed:
    """Weigh the axles again without damaged strips.

    An axle of which one side would be left without any strip keeps them: half an axle
    is further from the truth.
    """
    damaged = frozenset(damage.strip for damage in damages)
    axles = []
    for axle in weighed.axles:
        seen = {hit.sensor.side for hit in axle.hits}
        healthy = {h.sensor.side for h in axle.hits if h.sensor.index not in damaged}
        if healthy == seen:
            moved = [(axle.hits, axle.motion)]
            axles += weigh(moved, smooth=weighed.smooth, damaged=damaged)
        else:
            axles.append(axle)
    return msgspec.structs.replace(
        weighed,
        axles=tuple(axles),
        rows=RowTable.of([axle.rows for axle in axles]),
    )
