"""The strips of a lane as one direction of travel meets them.

Everything here looks along the direction of travel: ``s`` [m] is zero at the row that
the vehicle reaches first and grows, whichever way it drives. It knows no pulse and no
vehicle.
"""

import math
import struct

import msgspec

from wim.samples import Lane, Side, Strip

__all__ = ["Sensor", "View"]

_SIDES: dict[Side, float] = {"left": 0.0, "right": 1.0, "full": 2.0}
_USUAL_HALF_M = 0.155


class Sensor(msgspec.Struct, frozen=True, kw_only=True):
    """One strip as seen along the way: its index, place, rank of its row and shape.

    ``half_m`` is how far a wheel usually goes while its pulse is above half its height;
    ``figures`` are the strip's columns of ``wim.kernels.hit_table``, packed.
    """

    index: int
    s_m: float
    rank: int
    side: Side
    strip: Strip
    half_m: float
    figures: bytes


class View(msgspec.Struct, frozen=True, kw_only=True):
    """The strips of one lane in the order in which one direction meets them."""

    sensors: tuple[Sensor, ...]
    rows: int
    length_m: float
    by_rank: tuple[tuple[Sensor, ...], ...]

    @staticmethod
    def of(lane: Lane, *, reverse: bool, first_row: int = 0) -> "View":
        """Look along a lane; a sensor's index is its strip's place in the lane.

        Rows before ``first_row`` are left out; places are those of row 0 all the same.
        """
        rows = 1 + max(strip.row for strip in lane.strips)
        entry = _row_centre(lane, rows - 1 if reverse else 0)
        sign = -1.0 if reverse else 1.0
        sensors = [
            _sensor(
                k,
                strip,
                s_m=sign * (strip.position_m - entry),
                rank=rows - 1 - strip.row if reverse else strip.row - first_row,
            )
            for k, strip in enumerate(lane.strips)
            if strip.row >= first_row
        ]
        sensors.sort(key=lambda sensor: (sensor.rank, sensor.side))
        length_m = abs(_row_centre(lane, rows - 1) - _row_centre(lane, 0))
        return View(
            sensors=tuple(sensors),
            rows=rows - first_row,
            length_m=length_m,
            by_rank=tuple(
                tuple(sensor for sensor in sensors if sensor.rank == rank)
                for rank in range(rows - first_row)
            ),
        )

    def row(self, rank: int) -> tuple[Sensor, ...]:
        """Return the sensors of one row, counted along the way."""
        return self.by_rank[rank]


def _row_centre(lane: Lane, row: int) -> float:
    places = [strip.position_m for strip in lane.strips if strip.row == row]
    return math.fsum(places) / len(places)


def _sensor(index: int, strip: Strip, *, s_m: float, rank: int) -> Sensor:
    plate = strip.kind == "plate"
    half_m = max(strip.width_m, _USUAL_HALF_M) if plate else _USUAL_HALF_M
    return Sensor(
        index=index,
        s_m=s_m,
        rank=rank,
        side=strip.side,
        strip=strip,
        half_m=half_m,
        figures=struct.pack(
            "=11d",
            index,
            strip.channel,
            rank,
            strip.row,
            _SIDES[strip.side],
            s_m,
            strip.counts_per_newton * strip.width_m,
            strip.width_m,
            half_m,
            plate,
            1.0,
        ),
    )
