"""Hardware, one driver a file; the table of them is ``edge.devices.drivers``."""
