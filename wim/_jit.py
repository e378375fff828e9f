"""The one door to Numba: compiled once, cached, never at the price of other bits.

No ``fastmath``: sums keep their order, so the same samples give the same masses on
every start. Where the cache lies is decided by whoever starts the process.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

__all__ = ["njit"]

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def njit(function: Kernel) -> Kernel:
    """Compile a function on its first call, or load it from the cache."""
    return cast("Kernel", numba.njit(cache=True)(function))
