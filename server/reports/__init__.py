"""Figures over many passages, records and cases; today's so far."""
