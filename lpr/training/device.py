"""Where trainings compute, and whether in bfloat16: on a GPU if there is one.

The same seeds give the same samples everywhere; sums of another processor differ in
their last bits, and with them, after some hundred steps, the weights.
"""

from typing import Any, Final

import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["DEVICE", "HALF", "onto"]

_GPU: Final = torch.cuda.is_available()
DEVICE: Final = torch.device("cuda" if _GPU else "cpu")
HALF: Final[bool] = _GPU or bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001
"""Without instructions for bfloat16 it takes twelve times as long as float32 (measured
on a processor that has AVX2 alone, 148 against 12 ms for each strip learnt from)."""


def onto(values: NDArray[Any]) -> Tensor:
    """An array where the training computes, of the same shape and type."""
    return torch.from_numpy(values).to(DEVICE)
