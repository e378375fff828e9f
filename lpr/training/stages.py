"""A training in stages: each goes on with the network of the one before.

It knows no network and no samples. A stage that was finished is not run again.
"""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from torch import nn

from lpr.training.export import parameter_count

__all__ = ["Log", "all_stages"]

Net = TypeVar("Net", bound=nn.Module)
Plan = TypeVar("Plan")


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
