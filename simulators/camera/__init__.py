"""The rendered cameras: the only place of the simulators that draws pixels."""
