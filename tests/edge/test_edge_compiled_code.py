import shutil
import subprocess
import sys

import pytest

from edge.compiled_code import CompiledCode

pytestmark = pytest.mark.timeout(420)  # every kernel is compiled three times

PROGRAM = """
import os, sys
from pathlib import Path
from edge.compiled_code import CompiledCode
code = CompiledCode(Path(sys.argv[1]))
os.environ["NUMBA_CACHE_DIR"] = str(code.folder)
from wim.cli.compiling import compile_kernels
from wim.warming import warm_up
print(code.discard_if_damaged())
compile_kernels(sys.exit)
warm_up()
code.note_whole()
"""


def start(folder, repository):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        check=True,
        cwd=repository,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() == "True"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory, repository):
    """All kernels, compiled once, with the note beside them."""
    folder = tmp_path_factory.mktemp("compiled") / "wim-0.1.0-numba-0.68.0"
    assert not start(folder, repository), "there was nothing to discard"
    return folder


@pytest.mark.parametrize("kind", ["*.nbi", "*.nbc"])
def test_compiled_code_that_a_power_cut_left_half_written_is_made_anew(
    tmp_path, repository, compiled, kind
):
    shutil.copytree(compiled.parent, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / compiled.name
    file = max(folder.rglob(kind))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert start(folder, repository)
    assert len(file.read_bytes()) == pytest.approx(len(whole), rel=0.01)
    assert not start(folder, repository), "whole code is kept"


def test_code_whose_compilation_was_not_finished_is_discarded(tmp_path):
    code = CompiledCode(tmp_path / "code")
    code.folder.mkdir()
    (code.folder / "half").write_bytes(b"half")
    assert code.discard_if_damaged()
    assert not code.folder.exists()
