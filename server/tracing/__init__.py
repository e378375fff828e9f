"""Tracing 溯源: weighings that could be the load; leads, never proof."""
