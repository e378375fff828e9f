"""Audit 留痕: who did what, when; added to, never changed."""
