"""What is compiled at the start is all that a vehicle needs."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import importlib
from wim.warming import warm_up

warm_up()
called = {
    "signal": ("follow",),
    "in_step": ("step_of",),
    "crossed": ("cross_rows",),
    "apart": ("space_axles",),
    "body": ("fit_body",),
    "rows": ("weigh_rows",),
    "strips": ("tell_of_strips",),
    "stall": ("find_stall",),
    "scatter": ("scatter_rows",),
    "sides": ("bear_on_sides",),
    "joint": ("estimate_jointly",),
    "bounce": ("leave_bounces",),
    "crossings": ("see_crossings", "suppose_swings"),
    "levers": ("move_loads",),
    "driven": ("drive_between",),
    "row_sums": ("sum_rows",),
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


HALVES = """
import sys
from wim.warming import warm_up, warm_up_pulses, warm_up_vehicles

def compiled():
    modules = [m for name, m in sys.modules.items() if name.startswith("wim.kernels.")]
    kernels = [k for m in modules for k in vars(m).values() if hasattr(k, "signatures")]
    return {(k.__name__, signature) for k in kernels for signature in k.signatures}

warm_up_vehicles()
vehicles = {name for name, _ in compiled()}
warm_up_pulses()
both = compiled()
warm_up()
print("follow" in vehicles, "fit_body" in vehicles, sorted(compiled() - both))
"""


def test_the_halves_are_the_whole_and_that_of_vehicles_has_no_samples():
    done = subprocess.run(
        [sys.executable, "-c", HALVES],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "False True []"
