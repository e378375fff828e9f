"""What the arrays of the signal kernels hold: their types, rows and columns."""

import numpy as np
import numpy.typing as npt

__all__ = [
    "FACTORS",
    "FEWEST_TOPS",
    "INTEGERS",
    "LANES",
    "LEVELS",
    "OUT_COLUMNS",
    "OUT_FIGURES",
    "REALS",
    "STEPS",
    "Counts",
    "Floats",
    "Integers",
]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]

LANES = 32
"""Places in a row of ``reals``: the most channels."""
REALS = 26
"""Rows of ``reals``: 0 offset; 1 undershoot; 2-4 residuals of the last three tiles; 5-7
variances of one tile, of the mean of two, of four; 8-9 hum, cosine and sine; 10-11
thresholds for two and four tiles; 12 variance of one sample; 13 state (0 idle, 1 in a
run, 2 in its tail); 14 droop of a tile; 15 droop of a sample; 16 least threshold; 17
undershoot before the run; 18 for which share of its pulse a plate carries the wheel, 0
of a strip; 19 tiles since the last run; 20 tiles far below the offset; 21 whether
something has to be done about the tile; 22 highest residual of the run; 23 highest
count that the channel can tell, infinite where nobody says; 24 what its clock is late
[s]; 25 noise from which on a level top is a clipped one, infinite where wheels may
stand level [counts]."""
INTEGERS = 6
"""Rows of ``integers``: 0 samples in the run; 1 of them looked back upon; 2 tiles of it
in which something was there; 3 tiles of its tail; 4 first sample of it; 5 offsets taken
anew."""
OUT_COLUMNS = 15
"""Columns of ``out``: 0 column of counts; 1 last sample used; 2 peak; 3 closure; from
``OUT_FIGURES`` on those of a hit table that are of the pulse."""
OUT_FIGURES = 4
LEVELS = 11
"""Figures in ``levels``: see ``find_levels``."""
STEPS = 10
"""Figures in ``steps``: 0 samples in a tile; 1 tiles of look-back; 2 least and 3 most
tiles of a tail; 4 tiles below the offset before it is taken anew; 5 samples of the
shortest average; 6 lobes told apart in one run; 7 least samples between half heights;
8 quiet tiles until the offset may follow; 9 samples after which a run that hardly
stands out is taken for drift."""
FACTORS = 14
"""Figures in ``factors``: 0 threshold over noise; 1 hysteresis; 2 tail over pulse; 3
share of a new tile in offset and variances; 4 and in the hum; 5 hum periods from the
first to the middle sample of a tile; 6 share of the hum left in the mean of a tile; 7
step of the noise follower; 8 share of the droop that is not trusted; 9 hum periods per
sample; 10 tail over run; 11 deviation of the level over that of a tile; 12 how much of
the width at half its height the highest count of a clipped pulse fills; 13 samples a
second."""
FEWEST_TOPS = 5
"""Samples at its highest count that a pulse has at least which was clipped nowhere in
particular."""
