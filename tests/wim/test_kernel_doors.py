"""What the compiler is given to do, and what it is spared."""

import subprocess
import sys
from pathlib import Path

import pytest

KERNELS = """
from wim._jit import helper, inlined, njit

@helper
def one_more(count: int, by: int) -> int:
    return count + by

@inlined
def twice(x: float) -> float:
    return x + x

@njit
def kernel(x: float, n: int) -> float:
    count = 0
    for _ in range(n):
        count = one_more(count, 1)
    return twice(x) * count
"""


@pytest.fixture
def told(tmp_path):
    """Run a line of code beside these kernels and return what it printed."""
    tmp_path.joinpath("kernels.py").write_text(KERNELS, "ascii")

    def run(line):
        program = f"from kernels import *; print(kernel(1.5, 4), {line})"
        done = subprocess.run(
            [sys.executable, "-B", "-c", program],
            check=True,
            capture_output=True,
            text=True,
            env={
                "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
                "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}",
            },
        )
        return done.stdout.split(maxsplit=1)

    return run


def test_a_helper_is_compiled_once_for_constants_and_variables_alike(told):
    assert told("one_more.signatures") == ["12.0", "[(int64, int64)]\n"]


def test_an_inlined_function_is_compiled_only_when_python_calls_it(told):
    assert told("twice.signatures") == ["12.0", "[]\n"]
    assert told("twice(2.0), twice.signatures") == ["12.0", "4.0 [(float64,)]\n"]
