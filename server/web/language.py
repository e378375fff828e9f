"""The languages of the pages: Fluent catalogues, and which one a visitor reads.

It holds no text itself and guesses nothing: a key that a catalogue lacks is an error.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from fluent.runtime import FluentBundle, FluentResource
from fluent.syntax.ast import Junk
from litestar import Request

__all__ = ["COOKIE", "LANGUAGES", "Language", "chosen", "language"]

CATALOGUES = Path(__file__).parent / "catalogues"
LANGUAGES = ("zh-CN", "en")
"""The languages with a catalogue; the first is the one nobody has to ask for."""
COOKIE = "luheng_language"


class Language:
    """One catalogue, ready to be asked."""

    def __init__(self, tag: str, source: str) -> None:
        self.tag = tag
        resource = FluentResource(source)
        for entry in resource.body:
            if isinstance(entry, Junk):
                message = f"catalogue {tag} cannot be read at: {entry.content}"
                raise ValueError(message)  # noqa: TRY004 - a text, not a type
        self._bundle = FluentBundle([tag], use_isolating=False)
        self._bundle.add_resource(resource)

    def has(self, key: str) -> bool:
        """Tell whether the catalogue knows this key."""
        return bool(self._bundle.has_message(key))

    def text(self, key: str, **values: str | int) -> str:
        """Return one message.

        Raises:
            LookupError: the catalogue lacks the key, or the message an argument.
        """
        pattern = self._bundle.get_message(key).value if self.has(key) else None
        if pattern is None:
            message = f"catalogue {self.tag} has no {key}"
            raise LookupError(message)
        written, errors = self._bundle.format_pattern(pattern, dict(values))
        if errors:
            message = f"catalogue {self.tag}, {key}: {errors[0]}"
            raise LookupError(message)
        return str(written)

    def texts(self, keys: Mapping[str, str]) -> dict[str, str]:
        """Return several messages under other names, for a script on the page."""
        return {name: self.text(key) for name, key in keys.items()}


@cache
def language(tag: str) -> Language:
    """Return the language with this tag, read once."""
    return Language(tag, (CATALOGUES / f"{tag}.ftl").read_text(encoding="utf-8"))


def chosen(request: Request) -> Language:  # type: ignore[type-arg]  # any user or state
    """Return the language this request asks for: query, else cookie, else the first."""
    asked = request.query_params.get("lang") or request.cookies.get(COOKIE)
    return language(asked if asked in LANGUAGES else LANGUAGES[0])
