import subprocess
import sys
from pathlib import Path

import llvmlite
import pytest

from wim import _jit
from wim.kernels import layout

CALLED = """
from wim._jit import njit

@njit
def step(x: float) -> float:
    return x + {step}
"""
CALLER = """
from called import step
from wim._jit import njit

@njit
def twice(x: float) -> float:
    return step(step(x))
"""


class Kernels:
    """Two kernels in files of their own, run in processes that have just begun."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        folder.joinpath("caller.py").write_text(CALLER, "ascii")
        self.step(1.5)

    def step(self, by: float) -> None:
        self.folder.joinpath("called.py").write_text(CALLED.format(step=by), "ascii")

    def twice(self, x: float) -> float:
        return float(self.run(f"from caller import twice; print(twice({x}))"))

    def run(self, program: str) -> str:
        done = subprocess.run(
            [sys.executable, "-B", "-c", program],
            check=True,
            capture_output=True,
            text=True,
            env={
                "NUMBA_CACHE_DIR": str(self.cache),
                "PYTHONPATH": f"{self.folder}:{Path(__file__).parents[2]}",
            },
        )
        return done.stdout.strip()

    def are_kept(self) -> bool:
        program = "import caller; from wim._jit import is_kept"
        return self.run(f"{program}; print(is_kept(caller.twice))") == "True"

    def files(self, kind: str) -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in self.cache.rglob(kind)}


@pytest.fixture
def kernels(tmp_path) -> Kernels:
    return Kernels(tmp_path)


def test_compiled_code_is_kept_until_any_source_beside_it_changes(kernels):
    assert kernels.twice(1.0) == 4.0
    kept = kernels.files("*.nb?")
    assert kernels.twice(2.0) == 5.0
    assert kernels.files("*.nb?") == kept
    kernels.step(2.5)
    assert kernels.twice(1.0) == 6.0, "the caller holds the code of what it calls"


def test_whether_a_kernel_is_kept_is_told_without_compiling_it(kernels):
    assert not kernels.are_kept()
    assert kernels.twice(1.0) == 4.0
    assert kernels.are_kept()
    index = next(path for path in kernels.files("*.nbi") if "twice" in path.name)
    whole = index.read_bytes()
    index.write_bytes(whole[:40])
    assert not kernels.are_kept(), "half an index is none"
    index.write_bytes(whole)
    kernels.step(2.5)
    assert not kernels.are_kept(), "the code is that of another source"


def test_damaged_code_is_compiled_anew_and_ends_no_process(kernels):
    assert kernels.twice(1.0) == 4.0
    half, turned = sorted(kernels.files("*.nbc"))[:2]
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    content = bytearray(turned.read_bytes())
    content[len(content) // 2] ^= 0x10
    turned.write_bytes(content)
    index = min(kernels.files("*.nbi"))
    index.write_bytes(index.read_bytes()[:40])
    assert kernels.twice(1.0) == 4.0
    kept = kernels.files("*.nb?")
    assert kernels.twice(1.0) == 4.0
    assert kernels.files("*.nb?") == kept, "what was made anew is whole"


MAKER = """
import numpy as np
from wim._jit import njit

@njit
def made(n: int):
    return np.ones(n)
"""
MAKES = """
import sys
from maker import made
print(made(3).sum(), "numba.np.linalg" in sys.modules)
"""
THEN_STEPS = """
from called import step
print(step(1.0), "numba.np.linalg" in sys.modules)
"""


def test_code_that_is_kept_is_loaded_without_the_compilers_declarations(kernels):
    kernels.folder.joinpath("maker.py").write_text(MAKER, "ascii")
    assert kernels.run(MAKES) == "3.0 True"
    assert kernels.run(MAKES) == "3.0 False"
    loads_then_compiles = kernels.run(MAKES + THEN_STEPS)
    assert loads_then_compiles.splitlines() == ["3.0 False", "2.5 True"]


@pytest.fixture
def origin():
    """Tell where code comes from, as a process does that has just begun."""

    def told():
        _jit._makers.cache_clear()
        return _jit._origin(Path(layout.__file__))

    yield told
    _jit._makers.cache_clear()


def test_code_of_another_version_of_anything_that_compiles_is_not_believed(
    monkeypatch, origin
):
    mine = origin()
    assert origin() == mine
    monkeypatch.setattr(llvmlite, "__version__", "99.0")
    assert origin() != mine


def test_code_of_another_door_to_the_compiler_is_not_believed(
    monkeypatch, origin, tmp_path
):
    mine = origin()
    door = tmp_path / "_jit.py"
    door.write_bytes(Path(_jit.__file__).read_bytes() + b"# another option")
    monkeypatch.setattr(_jit, "__file__", str(door))
    assert origin() != mine


WARM = """
import sys
from wim.bench import first_result
from wim.warming import warm_up

def compiled():
    modules = [m for name, m in sys.modules.items() if name.startswith("wim.kernels.")]
    kernels = [k for m in modules for k in vars(m).values() if hasattr(k, "signatures")]
    return {(k.__name__, signature) for k in kernels for signature in k.signatures}

warm_up()
before = compiled()
first_result()
print(sorted(name for name, _ in compiled() - before), len(before) > 1)
"""


def test_after_warming_up_the_first_vehicle_compiles_nothing():
    done = subprocess.run(
        [sys.executable, "-c", WARM],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.strip() == "[] True"
