"""Indicators of static scales on a serial line, to try a source enterprise with."""
