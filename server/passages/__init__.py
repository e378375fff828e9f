"""Passages 过车记录: stored once, whatever is delivered twice."""
