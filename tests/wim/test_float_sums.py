"""From Python 3.12 on ``sum`` adds floats with a correction: the same values then have
other last bits than on 3.11. What goes into a record is summed by ``math.fsum``, which
rounds once on every version, or step by step.
"""

import ast
from pathlib import Path

import wim
from wim.loads import JointLoads

ROOT = Path(wim.__file__).parent

OF_WHOLE_NUMBERS = {
    "sum((block.samples for block in self.blocks))",
    "sum((cut.samples for cut in self.cuts))",
    "sum((each.same for each in replayed))",
    "sum((gap.samples for gap in gaps))",
    "sum((lane.empty_presences for lane in self._lanes))",
    "sum((lane.separator_overruns for lane in self._lanes))",
    "sum((lane.stray_pulses for lane in self._lanes))",
    "sum((lane.unweighed_vehicles for lane in self._lanes))",
    "sum((truth.is_normal for truth in joined.missed))",
    "sum((value.digits for value in values))",
    "sum(counts)",
    "sum(frame)",
    "sum(loads_lb)",
    "sum(map(len, axle_groups))",
    "sum(others)",
    "sum(own)",
}


def counts(call):
    """Whether what is added is plainly true or false, a length or a whole number."""
    (values,) = call.args
    each = getattr(values, "elt", None)
    if isinstance(each, ast.Call):
        return ast.unparse(each.func).split(".")[-1] in {
            "any",
            "int",
            "len",
            "startswith",
        }
    if isinstance(each, ast.BinOp):
        return isinstance(each.op, ast.LShift)
    return isinstance(each, ast.Compare | ast.BoolOp) or (
        isinstance(each, ast.Constant) and isinstance(each.value, int)
    )


def test_python_sums_whole_numbers_only():
    found = {
        ast.unparse(node): f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted(ROOT.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "sum"
        if not counts(node)
    }
    unknown = {at: text for text, at in found.items() if text not in OF_WHOLE_NUMBERS}
    assert unknown == {}, "sum floats with math.fsum; name sums of whole numbers here"
    assert found.keys() >= OF_WHOLE_NUMBERS, "names of sums that are no more"


def test_no_power_on_the_way_to_a_record_is_left_to_the_c_library():
    """``x ** 0.5`` is its ``pow``: the last bit may differ from machine to machine."""
    powers = {
        path.stem
        for path in [*ROOT.glob("*.py"), *(ROOT / "kernels").glob("*.py")]
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Pow)
        and not isinstance(node.left, ast.Constant)
    }
    assert powers <= {"bench", "calibrating", "road_learning", "tails", "twin"}


def test_the_gross_mass_is_the_loads_sum_rounded_once():
    loads = JointLoads(
        axle_loads_kg=(0.1,) * 10, covariance_kg2=((0.1,) * 10,) * 10
    )  # one after the other: 0.9999999999999999
    assert loads.gross_mass_kg == 1.0
    assert loads.gross_variance_kg2 == 10.0
