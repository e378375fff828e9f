"""The page of the keys of ``luheng-wim --json``, held against the code."""

import argparse
import re
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest

from wim.accuracy.report import AccuracyReport
from wim.bench import BenchReport
from wim.cli import calibrate, drift, learn, replay, wcard
from wim.cli.__main__ import _COMMANDS
from wim.cli.lines import PassageLine
from wim.estimators import ESTIMATORS
from wim.protocols.wcard import CardFault, WCard

PAGE = Path(__file__).parents[2] / "docs" / "weighing-output.md"
PRINTED = {
    "process": (PassageLine,),
    "replay": (replay._Replayed,),
    "calibrate": (calibrate._Printed,),
    "learn": (learn._Line,),
    "accuracy": (AccuracyReport,),
    "drift": (drift._Printed,),
    "bench": (BenchReport,),
    "export-wcard": (wcard._Exported,),
    "import-wcard": (WCard, CardFault),
}
BESIDE = {"import-wcard": {"event"}}
"""Keys that no struct has."""
TOLD_ELSEWHERE = {"replay": {PassageLine}}
"""What a section leaves to another one."""


def sections():
    text = PAGE.read_text(encoding="utf-8")
    parts = re.split(r"^## `luheng-wim ([a-z-]+)`$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def fields_and_names(kind, seen):
    """Keys of a type and of all in it; and names that a table of figures may have."""
    fields, names = set(), set()
    inside = get_args(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if kind in seen:
            return fields, names
        seen.add(kind)
        fields |= set(kind.__struct_encode_fields__)
        inside = tuple(get_type_hints(kind).values())
    elif get_origin(kind) is dict and get_origin(inside[0]) is Literal:
        names |= set(get_args(inside[0]))
    for each in inside:
        more, told = fields_and_names(each, seen)
        fields, names = fields | more, names | told
    return fields, names


def printed(command):
    seen = set(TOLD_ELSEWHERE.get(command, ()))
    fields, names = set(BESIDE.get(command, ())), set()
    for kind in PRINTED[command]:
        more, told = fields_and_names(kind, seen)
        fields, names = fields | more, names | told
    return fields, names


def test_every_command_that_prints_for_machines_has_a_section_and_no_other_has():
    with_json = set()
    for command in _COMMANDS:
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        if "--json" in parser.format_help():
            with_json.add(command.name)
    assert set(sections()) == with_json == set(PRINTED)


@pytest.mark.parametrize("command", PRINTED)
def test_every_key_that_a_command_can_print_is_on_the_page_and_no_other(command):
    section = sections()[command]
    cells = re.findall(r"^\| (`.+?) \|", section, flags=re.MULTILINE)
    told = {key for cell in cells for key in re.findall(r"`([^`]+)`", cell)}
    fields, names = printed(command)
    assert fields
    assert fields - told == set()
    assert told - fields - names == set()
    assert names <= set(re.findall(r"`([^`]+)`", section))


def test_every_estimator_is_named():
    assert set(ESTIMATORS) <= set(re.findall(r"`([^`]+)`", sections()["process"]))
