"""What every page is given: words, figures, who reads it, and where he is.

It renders what it is handed and asks no database.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Template

import wim
from server import clock
from server.accounts.model import Account
from server.web import formats
from server.web.language import LANGUAGES, Language, chosen
from wim.messages import PlateNote

__all__ = ["STATIC", "account_of", "engine", "page", "said", "weakest"]

HERE = Path(__file__).parent
STATIC = HERE / "static"


def engine() -> JinjaTemplateEngine:
    """Return the template engine: escaped output, and no name that is not given."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        {name: getattr(formats, name) for name in formats.__all__ if name.islower()},
        NAMED_FIGURES=formats.NAMED_FIGURES,
        STATED_FIGURES=formats.STATED_FIGURES,
        static=_static,
        weakest=weakest,
    )
    return JinjaTemplateEngine.from_environment(environment)


def page(
    request: Request[Any, Any, Any],
    name: str,
    values: Mapping[str, object],
    *,
    demo: bool = False,
    here: str = "",
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Template:
    """Return one page in the language of the request.

    Args:
        request: who asks, and in which language.
        name: the template.
        values: what the template shows.
        demo: whether a banner says that this is a demonstration.
        here: which entry of the navigation this is.
        status: the HTTP status.
        headers: further headers of the answer.
    """
    language = chosen(request)
    now = clock.now()
    account = account_of(request)
    given: dict[str, object] = {
        "t": language.text,
        "language": language,
        "account": account,
        "demo": demo,
        "here": here,
        "now": now,
        "version": wim.__version__,
        "other_language": _other_language(request, language),
        "age": lambda since: duration(language, (now - since).total_seconds()),
        "duration": lambda seconds: duration(language, seconds),
    }
    return Template(
        name, context={**given, **values}, status_code=status, headers=headers
    )


def account_of(request: Request[Any, Any, Any]) -> Account | None:
    """Return who is signed in; nobody on pages before the sign-in."""
    user = request.scope.get("user")
    return user if isinstance(user, Account) else None


def said(request: Request[Any, Any, Any]) -> str | None:
    """Take the sentence that the last step left in the session."""
    sentence = request.session.pop("said", None)
    return sentence if isinstance(sentence, str) else None


def weakest(reading: PlateNote) -> int:
    """Return the place of a reading's least certain character, from 0."""
    confidences = reading.character_confidences
    return min(range(len(confidences)), key=confidences.__getitem__)


def duration(language: Language, seconds: float) -> str:
    """Write a duration in its two largest units."""
    whole = max(0, int(seconds))
    if whole >= 86_400:
        return language.text(
            "age-days", days=whole // 86_400, hours=whole % 86_400 // 3600
        )
    if whole >= 3600:
        return language.text(
            "age-hours", hours=whole // 3600, minutes=whole % 3600 // 60
        )
    if whole >= 60:
        return language.text("age-minutes", minutes=whole // 60, seconds=whole % 60)
    return language.text("age-seconds", seconds=whole)


def today(now: dt.datetime) -> str:
    """Write the Beijing date."""
    return formats.beijing(now)[:10]


def _other_language(request: Request[Any, Any, Any], language: Language) -> str:
    other = next(tag for tag in LANGUAGES if tag != language.tag)
    kept = [(k, v) for k, v in request.query_params.multi_items() if k != "lang"]
    path = request.url.path if request.method == "GET" else "/"
    return f"{path}?{urlencode([*kept, ('lang', other)])}"


@cache
def _static(name: str) -> str:
    """Return the address of a static file that changes when the file does."""
    file = STATIC / name
    digest = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "0"
    return f"/static/{name}?v={digest[:10]}"
