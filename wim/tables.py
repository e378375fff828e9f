"""One TOML text into one frozen struct, or one line that says what to mend.

It opens no file: the caller brings the text and its name. Every table of the
project (station, site, server, rules) comes through this door, so that all of them
refuse an unknown key, name the file, the key and what is allowed there.
"""

import re
import tomllib
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from wim.errors import TableError

__all__ = ["parse_table"]

Table = TypeVar("Table")

_WHERE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>\$[^`]*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.(?P<field>[^.\[\]]+)|\[(?P<index>[^\]]*)\]")
_UNKNOWN = re.compile(r"unknown field `(?P<field>[^`]+)`")
_MISSING = re.compile(r"missing required field `(?P<field>[^`]+)`")


def parse_table(text: str, kind: type[Table], *, name: str) -> Table:
    """Parse and validate one TOML text.

    Args:
        text: the TOML document.
        kind: a ``msgspec.Struct`` with ``forbid_unknown_fields=True``.
        name: what to call the document in messages, usually its path.

    Raises:
        TableError: the text is no TOML, or a key is unknown, missing or of the
            wrong type or value; the message names document, key and what is allowed.
    """
    try:
        # editors on Windows begin what they save as UTF-8 with a mark
        document = tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError as error:
        message = f"{name}: not a TOML document: nested too deeply"
        raise TableError(message) from error
    except ValueError as error:  # also a figure of more digits than Python reads
        message = f"{name}: not a TOML document: {error}"
        raise TableError(message) from error
    if place := next(_nul(document, ""), None):
        message = f"{name}: key '{place}': holds a NUL; expected text without one"
        raise TableError(message)
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        message = f"{name}: {' '.join(_explain(str(error), kind).split())}"
        raise TableError(message) from error


def _nul(value: object, key: str) -> Iterator[str]:
    """Yield the keys of texts with a NUL, which no path, address or name may have."""
    match value:
        case str() if "\0" in value:
            yield key
        case dict():
            for field, inner in value.items():
                yield from _nul(inner, _join(key, field))
        case list():
            for index, inner in enumerate(value):
                yield from _nul(inner, f"{key}[{index}]")
        case _:
            pass


def _explain(text: str, kind: type) -> str:
    """Turn a validator's words into: key, what is wrong, what is allowed."""
    match = _WHERE.match(text)
    what, path = (match["what"], match["path"] or "$") if match else (text, "$")
    steps = [m["field"] or m["index"] or "" for m in _STEP.finditer(path)]
    key = _key(path)
    if field := _UNKNOWN.search(what):
        allowed = ", ".join(sorted(_fields(_descend(kind, steps)))) or "none"
        return f"unknown key '{_join(key, field['field'])}'; allowed here: {allowed}"
    if field := _MISSING.search(what):
        expected = _allowed(_descend(kind, [*steps, field["field"]]))
        return f"missing key '{_join(key, field['field'])}'; expected {expected}"
    expected = _allowed(_descend(kind, steps))
    said = what[:1].lower() + what[1:]
    return f"key '{key or '(document)'}': {said}; expected {expected}"


def _key(path: str) -> str:
    return path.removeprefix("$").removeprefix(".")


def _join(key: str, field: str) -> str:
    return f"{key}.{field}" if key else field


def _descend(kind: type, steps: list[str]) -> list[msgspec.inspect.Type]:
    """Return the types that may stand at the end of a path, flat."""
    here = list(_flat(msgspec.inspect.type_info(kind)))
    for step in steps:
        here = [inner for outer in here for inner in _step(outer, step)]
    return here


def _step(outer: msgspec.inspect.Type, step: str) -> Iterator[msgspec.inspect.Type]:
    if isinstance(outer, msgspec.inspect.StructType):
        for field in outer.fields:
            if field.encode_name == step:
                yield from _flat(field.type)
    elif isinstance(outer, msgspec.inspect.DictType):
        yield from _flat(outer.value_type)
    elif isinstance(
        outer,
        msgspec.inspect.ListType
        | msgspec.inspect.VarTupleType
        | msgspec.inspect.FrozenSetType,
    ):
        yield from _flat(outer.item_type)
    elif isinstance(outer, msgspec.inspect.TupleType):
        for item in outer.item_types:
            yield from _flat(item)


def _flat(kind: msgspec.inspect.Type) -> Iterator[msgspec.inspect.Type]:
    if isinstance(kind, msgspec.inspect.UnionType):
        for member in kind.types:
            yield from _flat(member)
    elif isinstance(kind, msgspec.inspect.Metadata):
        yield from _flat(kind.type)
    else:
        yield kind


def _fields(kinds: list[msgspec.inspect.Type]) -> set[str]:
    return {
        field.encode_name
        for kind in kinds
        if isinstance(kind, msgspec.inspect.StructType)
        for field in kind.fields
    }


def _allowed(kinds: list[msgspec.inspect.Type]) -> str:
    words = [word for kind in kinds if (word := _word(kind))]
    return " or ".join(words) if words else "another value"


def _word(kind: msgspec.inspect.Type) -> str:
    """Return what one type accepts, in an operator's words."""
    match kind:
        case msgspec.inspect.LiteralType():
            return "one of " + ", ".join(repr(v) for v in kind.values)
        case msgspec.inspect.EnumType():
            return "one of " + ", ".join(repr(m.value) for m in kind.cls)
        case msgspec.inspect.StructType():
            names = ", ".join(sorted(f.encode_name for f in kind.fields))
            return f"a table with {names}"
        case msgspec.inspect.NoneType():
            return ""
        case _:
            return _plain(kind)


def _plain(kind: msgspec.inspect.Type) -> str:
    nouns: dict[type[Any], str] = {
        msgspec.inspect.BoolType: "true or false",
        msgspec.inspect.IntType: "a whole number",
        msgspec.inspect.FloatType: "a number",
        msgspec.inspect.StrType: "a text",
        msgspec.inspect.DateTimeType: "a date and time",
        msgspec.inspect.DateType: "a date",
        msgspec.inspect.ListType: "a list",
        msgspec.inspect.VarTupleType: "a list",
        msgspec.inspect.TupleType: "a list",
        msgspec.inspect.DictType: "a table",
    }
    noun = nouns.get(type(kind), type(kind).__name__)
    bounds = {
        "ge": "≥",
        "gt": ">",
        "le": "≤",
        "lt": "<",
        "min_length": "length ≥",
        "max_length": "length ≤",
        "pattern": "matching",
    }
    said = [
        f"{sign} {value}"
        for name, sign in bounds.items()
        if (value := getattr(kind, name, None)) is not None
    ]
    return f"{noun} {' and '.join(said)}" if said else noun
