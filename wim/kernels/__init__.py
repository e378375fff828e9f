"""Loops over samples and rows: arrays and numbers in and out, without any opinion."""
