"""The columns of a hit table: what kernels know of a wheel's pulse and of its strip.

Sides are 0 left, 1 right, 2 both in one strip; what is true is 1, what is not is 0.
"""

__all__ = [
    "AREA",
    "AREA_SIGMA",
    "CENTRE",
    "CENTROID",
    "CHANNEL",
    "CLIPPED",
    "END",
    "FALL",
    "FORCE",
    "HALF",
    "HEALTHY",
    "HIT_COLUMNS",
    "INDEX",
    "IS_PLATE",
    "NOISE",
    "PLACE",
    "PLATEAU",
    "RANK",
    "RISE",
    "ROW",
    "SIDE",
    "START",
    "WIDTH",
]

INDEX, CHANNEL, RANK, ROW, SIDE = range(5)
"""Of the strip: its place in the lane and its channel; its row as counted along the
way, and by the site; its side."""
PLACE, FORCE, WIDTH, HALF, IS_PLATE, HEALTHY = range(5, 11)
"""Where it lies [m]; counts per newton times width; width [m]; how far a wheel usually
goes while its pulse is above half its height [m]; what it is; whether it can be relied
on."""
CENTROID, CENTRE, AREA, AREA_SIGMA, RISE, FALL, START, END = range(11, 19)
"""Of the pulse: its centroid, and when the wheel's centre was over the strip's [s];
area and what is unknown of it [counts*s]; between which times it was above half its
height, and above the threshold [s]."""
NOISE, CLIPPED, PLATEAU = range(19, 22)
"""Noise around it [counts]; whether it ran against an end of the scale; mean while a
plate carried the wheel wholly, 0 where none did [counts]."""
HIT_COLUMNS = 22
