"""The first offset and noise of each channel, from the first stretch of samples.

It follows nothing afterwards: the kernel does, in quiet time only. Median and median
deviation let wheels cross during the stretch, as long as the channel is quiet for
more than half of it.
"""

import numpy as np
import numpy.typing as npt

__all__ = ["first_estimate"]

_MAD_TO_SIGMA = 1.4826
_LEAST_NOISE_COUNTS = 0.3


def first_estimate(
    counts: npt.NDArray[np.int32], *, window: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return offset [counts] and variance of the averaged noise [counts²].

    Args:
        counts: samples, shape (n, strips), n ≥ 1.
        window: length of the moving average of the detector [samples].

    Returns:
        Two arrays of shape (strips,). The variance is that of quantisation at least.
    """
    offset = np.median(counts, axis=0)
    above = counts - offset
    if len(above) > window:
        sums = np.cumsum(above, axis=0)
        above = (sums[window:] - sums[:-window]) / window
    sigma = _MAD_TO_SIGMA * np.median(np.abs(above - np.median(above, axis=0)), axis=0)
    return offset, np.maximum(sigma, _LEAST_NOISE_COUNTS) ** 2
