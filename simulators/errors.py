"""Errors of the simulators.

::

    SimulatorError            wrong use: the text says what is wrong and what to do
"""

__all__ = ["SimulatorError"]


class SimulatorError(Exception):
    """The simulator cannot start as asked; one line for the person who asked."""
