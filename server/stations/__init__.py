"""Stations 检测点: their keys, their last word, and what was not believed."""
