"""Named SQL out of ``queries.sql`` files.

A query starts at a line ``-- name: some_name``. It composes nothing: every query
stands whole in its file.
"""

import re
from collections.abc import Mapping
from importlib import resources

__all__ = ["load_queries"]

_NAME = re.compile(r"^-- name: (?P<name>[a-z0-9_]+)\s*$", re.MULTILINE)


def load_queries(package: str) -> Mapping[str, bytes]:
    """Return the queries of one package's ``queries.sql`` by name.

    Raises:
        ValueError: two queries of the file have the same name.
    """
    text = resources.files(package).joinpath("queries.sql").read_text("utf-8")
    parts = _NAME.split(text)[1:]
    queries: dict[str, bytes] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if name in queries:
            message = f"{package}/queries.sql has two queries named {name}"
            raise ValueError(message)
        queries[name] = body.strip().encode()
    return queries
