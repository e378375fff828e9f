"""The large kernels compiled by two processes at once where the cache has none.

The cache of the compiler is shared and each file of it appears whole or not at all, so
a second process may compile one half into it while this one compiles the other. What
becomes of the second decides about time alone: what it did not leave behind is compiled
when it is called.
"""

import subprocess
import sys
from collections.abc import Callable

from wim.warming import is_compiled, warm_up_pulses

__all__ = ["compile_kernels"]

# after our own half; with what is compiled here then, less than a service may start for
_LONGEST_S = 120.0
# the second process finds what this one found and ends with it: whoever starts next
# may want to empty the cache
_BEGIN = """
import os, sys, threading
sys.path[:] = sys.argv[1:]
def end_with_the_first():
    os.read(0, 1)
    os._exit(1)
threading.Thread(target=end_with_the_first, daemon=True).start()
"""
_VEHICLES = """
from wim.warming import warm_up_vehicles
warm_up_vehicles()
"""


def compile_kernels(tell: Callable[[str], None]) -> None:
    """Fill the cache, the pulses' half here while a second process does the vehicles'.

    Where the cache has code of every large kernel already, no process is started.

    Args:
        tell: is told in one line why the second process did not do its half.
    """
    if is_compiled():
        return
    command = [sys.executable, "-P", "-c", _BEGIN + _VEHICLES, *sys.path]
    try:
        second = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
    except OSError as error:
        tell(f"no second process to compile with: {error.strerror}")
        return
    with second:
        try:
            warm_up_pulses()
            second.wait(_LONGEST_S)
        except subprocess.TimeoutExpired:
            tell(f"the second process compiled for {_LONGEST_S:g} s and was ended")
            return
        finally:
            second.kill()
        said = second.stderr.read().strip().splitlines() if second.stderr else []
    if second.returncode != 0:
        last = said[-1] if said else "it said nothing"
        tell(f"the second process ended with {second.returncode}: {last}")
