"""What is compiled at the start is all that a vehicle needs."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import importlib
from wim.passage import warm_up

warm_up()
called = {
    "signal": ("follow",),
    "body": ("fit_body",),
    "rows": ("weigh_rows",),
    "joint": ("estimate_jointly",),
    "bounce": ("share_in_mean",),
    "ride": ("answer_to_slope", "expected_excess"),
}
for file, names in called.items():
    kernels = importlib.import_module(f"wim.kernels.{file}")
    for name in names:
        if not getattr(kernels, name).signatures:
            print(f"{file}.{name}")
"""


def test_no_kernel_of_the_weigher_is_left_for_the_first_vehicle():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
