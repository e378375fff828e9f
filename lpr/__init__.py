"""Licence plates of Chinese vehicles: pixels in, characters or "unread" out."""
