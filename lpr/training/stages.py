"""A training in stages: each goes on with the network of the one before.

It knows no network and no samples. A stage that was finished is not run again.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from torch import nn

from lpr.training.export import parameter_count
from lpr.training.shapes import Shapes, gather_shapes

__all__ = ["Log", "Teacher", "all_stages", "carry_out", "parser_of"]

Net = TypeVar("Net", bound=nn.Module)
Plan = TypeVar("Plan")
PlanOf_contra = TypeVar("PlanOf_contra", contravariant=True)


class Teacher(Protocol[PlanOf_contra, Net]):
    """Trains by a plan, from the network of the stage before where there is one."""

    def __call__(
        self,
        plan: PlanOf_contra,
        shapes: Shapes,
        /,
        *,
        checkpoint: Path,
        begin_with: Net | None,
        log: Callable[[str], None],
    ) -> Net:
        """The network at the end of the plan; its state is kept in ``checkpoint``."""
        ...


class Log:
    """Lines on standard output, each with the minutes since the beginning."""

    def __init__(self) -> None:
        """The time begins now."""
        self._began = time.monotonic()

    def __call__(self, line: str) -> None:
        """Say one line."""
        minutes = (time.monotonic() - self._began) / 60
        sys.stdout.write(f"{minutes:6.1f} min  {line}\n")
        sys.stdout.flush()


def parser_of(name: str, description: str | None) -> argparse.ArgumentParser:
    """What every training of this kind is told: where its shapes are, and its file."""
    parser = argparse.ArgumentParser(
        prog=f"python -m lpr.training {name}", description=description
    )
    parser.add_argument("--glyphs", type=Path, required=True)
    parser.add_argument("--fonts", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    return parser


def carry_out(
    options: argparse.Namespace,
    plans: Mapping[str, Plan],
    teach: Teacher[Plan, Net],
    finish: Callable[[Net, Shapes], tuple[bytes, str]],
) -> int:
    """Train by all plans, then write the file and its card beside it.

    Args:
        options: of :func:`parser_of`.
        plans: what each stage is to do, by its name.
        teach: trains one stage.
        finish: measures the network, and gives its file and its card.

    Returns:
        0 when both are written, 2 where there is nothing to learn from or to do.
    """
    try:
        shapes = gather_shapes(options.glyphs, tuple(options.fonts))
    except (ValueError, OSError) as error:
        sys.stderr.write(f"luheng-lpr training: {error}\n")
        return 2
    if not plans:
        sys.stderr.write("luheng-lpr training: every stage has 0 steps\n")
        return 2
    say = Log()

    def stage(plan: Plan, state: Path, before: Net | None) -> Net:
        return teach(plan, shapes, checkpoint=state, begin_with=before, log=say)

    network = all_stages(plans, stage, out=options.out, log=say)
    weights, card = finish(network, shapes)
    options.out.write_bytes(weights)
    options.out.with_suffix(".md").write_text(card, "utf-8")
    say(f"wrote {options.out} ({len(weights)} bytes)")
    return 0


def all_stages(
    plans: Mapping[str, Plan],
    teach: Callable[[Plan, Path, Net | None], Net],
    *,
    out: Path,
    log: Callable[[str], None],
) -> Net:
    """The network that comes of all stages.

    Args:
        plans: what each stage is to do, by its name.
        teach: trains by a plan, with its state in a file, from the network of the stage
            before where there is one.
        out: each stage keeps its state beside this file, under its name.
        log: told when they are done.

    Raises:
        ValueError: there is no stage.
    """
    network: Net | None = None
    for name, plan in plans.items():
        network = teach(plan, out.with_suffix(f".{name}.state"), network)
    if network is None:
        raise ValueError("every stage has 0 steps")
    log(f"trained, {parameter_count(network)} parameters; measuring")
    return network
