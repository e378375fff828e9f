"""The simulators' one door to Numba: kernels compiled once and cached.

No ``fastmath``: a seed must give the same recording on every start.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

__all__ = ["njit"]

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def njit(function: Kernel) -> Kernel:
    """Compile a function on its first call, or load it from the cache."""
    return cast("Kernel", numba.njit(cache=True)(function))
