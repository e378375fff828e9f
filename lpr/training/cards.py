"""What model cards have in common."""

import textwrap

__all__ = ["wrapped"]


def wrapped(text: str) -> str:
    """One entry of a card's list, in lines of 88 characters at most.

    >>> wrapped("Sources: glyphs.")
    '- Sources: glyphs.'
    """
    return textwrap.fill(text, 88, initial_indent="- ", subsequent_indent="  ")
