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

@njit
def wrong(x: float) -> float:
    return x + "kg"
"""

COLLECTOR = """
import gc
import kernels
from numba.core import errors, event

class Seen(event.Listener):
    def on_start(self, _):
        seen.append(gc.isenabled())
    def on_end(self, _):
        seen.append(gc.isenabled())

seen = []
event.register("numba:compile", Seen())
kernels.kernel(1.5, 4)
print(*seen, gc.isenabled())
try:
    kernels.wrong(1.0)
except errors.TypingError:
    print(gc.isenabled())
gc.disable()
kernels.twice(1.0)
print(gc.isenabled())
"""


@pytest.fixture
def ran(tmp_path):
    """Run a program beside these kernels and return what it printed."""
    tmp_path.joinpath("kernels.py").write_text(KERNELS, "ascii")

    def run(program):
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
        return done.stdout

    return run


@pytest.fixture
def told(ran):
    """Run a line of code beside these kernels and return what it printed."""

    def run(line):
        program = f"from kernels import *; print(kernel(1.5, 4), {line})"
        return ran(program).split(maxsplit=1)

    return run


def test_a_helper_is_compiled_once_for_constants_and_variables_alike(told):
    assert told("one_more.signatures") == ["12.0", "[(int64, int64)]\n"]


def test_an_inlined_function_is_compiled_only_when_python_calls_it(told):
    assert told("twice.signatures") == ["12.0", "[]\n"]
    assert told("twice(2.0), twice.signatures") == ["12.0", "4.0 [(float64,)]\n"]


def test_the_collector_of_garbage_rests_while_kernels_are_compiled(ran):
    # a kernel is begun, its helper begun and ended, the kernel ended, all done
    assert ran(COLLECTOR).splitlines() == [
        "False False False False True",
        "True",
        "False",
    ]


LOADED = """
import sys
import kernels
kernels.kernel(1.5, 4)
print(*(name in sys.modules for name in ("scipy.linalg", "cffi", "pycparser")))
import cffi
print(cffi.FFI.__name__)
"""


def test_the_compiler_loads_no_package_for_what_no_kernel_calls(ran):
    assert ran(LOADED).splitlines() == ["False False False", "FFI"]
