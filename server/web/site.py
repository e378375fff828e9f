"""The web part as one hook: handlers, pages, files, headers, words and problems.

The application gives the pool, the event hub, the file store, the stations and the
rules; sessions and CSRF are its configuration. Nothing here opens a connection.
"""

from litestar.config.app import AppConfig
from litestar.datastructures import MutableScopeHeaders
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.static_files import create_static_files_router
from litestar.template.config import TemplateConfig
from litestar.types import Message, Scope

import wim
from server.web import api, context, events, evidence, pages, problems, signin
from server.web.language import COOKIE, LANGUAGES

__all__ = ["SECURITY_HEADERS", "install"]

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        "media-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_KEPT_S = 31_536_000


def install(app_config: AppConfig) -> AppConfig:
    """Add everything that the web part serves (a Litestar ``on_app_init`` hook)."""
    sign_ins, figures = signin.SignInLimit(), events.EventFigures()
    app_config.route_handlers.extend(
        [
            *api.HANDLERS,
            *pages.HANDLERS,
            signin.show_login,
            signin.login,
            signin.logout,
            events.events,
            evidence.show,
            evidence.receive,
            create_static_files_router(
                path="/static",
                directories=[context.STATIC],
                include_in_schema=False,
                opt={signin.PUBLIC: True, "skip_session": True},
                # a NUL in the address, at which the file system balks
                exception_handlers={ValueError: problems.no_such_file},
            ),
        ]
    )
    app_config.dependencies |= {
        "sign_ins": Provide(lambda: sign_ins, sync_to_thread=False),
        "figures": Provide(lambda: figures, sync_to_thread=False),
    }
    app_config.middleware.append(DefineMiddleware(signin.SignedIn))
    app_config.template_config = TemplateConfig(instance=context.engine())
    app_config.exception_handlers = {
        **app_config.exception_handlers,
        **problems.HANDLERS,
    }
    app_config.before_send.append(_add_headers)
    app_config.openapi_config = OpenAPIConfig(
        title="Luheng",
        version=wim.__version__,
        description=api.__doc__,
        path="/schema",
        render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"])],
    )
    return app_config


async def _add_headers(message: Message, scope: Scope) -> None:
    """Add the security headers, keep static files, remember a chosen language."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    path = scope["path"]
    if path.startswith("/static/") and b"v=" in scope["query_string"]:
        headers["Cache-Control"] = f"public, max-age={_KEPT_S}, immutable"
    elif not path.startswith("/evidence/"):
        headers.setdefault("Cache-Control", "no-store")
    for tag in LANGUAGES:
        if f"lang={tag}".encode() in scope["query_string"].split(b"&"):
            headers.add(
                "Set-Cookie",
                f"{COOKIE}={tag}; Path=/; Max-Age={_KEPT_S}; SameSite=Lax; HttpOnly",
            )
