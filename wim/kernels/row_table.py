"""The columns of a row table: what one row said of one axle."""

__all__ = [
    "AT",
    "AXLE",
    "FULL",
    "LEFT",
    "LEFT_KG",
    "LOAD",
    "RIGHT",
    "RIGHT_KG",
    "ROW_COLUMNS",
    "ROW_NUMBER",
    "ROW_PLACE",
    "ROW_RANK",
    "SEEN",
    "SIGMA",
    "SKEW",
    "SPEED",
    "SPEED_SIGMA",
    "WHOLE",
]

AXLE, ROW_RANK, ROW_NUMBER, AT, ROW_PLACE, SPEED, SPEED_SIGMA = range(7)
"""Whose crossing; the row as counted along the way, and by the site; when the axle was
over it [s], where that is [m] and how fast it was there, and the uncertainty [m/s]."""
LEFT_KG, RIGHT_KG, LOAD, SIGMA, SEEN, WHOLE, SKEW = range(7, 14)
"""What left and right wheels pressed, 0 where none did; all of them together, and the
uncertainty of noise alone [kg]; the sides that were seen (below, added up); 1 where
these were both, or both in one strip, else 0; how far the left wheel was ahead of the
right one [m], not a number where that is not known."""
ROW_COLUMNS = 14
LEFT, RIGHT, FULL = 1, 2, 4
