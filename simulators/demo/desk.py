"""One client that signs in over HTTP like any officer's browser.

It knows no password store and no database: everything goes through the pages' own
doors, CSRF token included.
"""

import json
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import httpx

from simulators.errors import SimulatorError

__all__ = ["Desk", "RefusedError"]

_CSRF_COOKIE = "csrftoken"
_CSRF_HEADER = "x-csrf-token"
_QUIET_S = 60.0


class RefusedError(SimulatorError):
    """The server refused a request; ``status`` is its HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(f"HTTP {status}: {text}")


class Desk:
    """A signed-in client of the server's pages."""

    def __init__(self, page: str, name: str, password: str) -> None:
        self.name = name
        self._client = httpx.Client(base_url=page, timeout=httpx.Timeout(10.0))
        self._client.get("/login").raise_for_status()
        body = {"name": name, "password": password}
        answer = self._client.post("/login", json=body, headers=self._token())
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            raise RefusedError(answer.status_code, f"{name} could not sign in")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, **query: str | int) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON document at a path.

        Raises:
            RefusedError: the server answered with an error.
        """
        return _document(self._client.get(path, params=query))

    def post(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Post a JSON document; return the answer's.

        Raises:
            RefusedError: the server answered with an error.
        """
        return _document(self._client.post(path, json=body, headers=self._token()))

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield the server-sent events as they come, until the connection ends."""
        timeout = httpx.Timeout(10.0, read=_QUIET_S)
        with self._client.stream("GET", "/events", timeout=timeout) as answer:
            if answer.status_code != httpx.codes.OK:
                raise RefusedError(answer.status_code, "no events")
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))

    def _token(self) -> dict[str, str]:
        return {_CSRF_HEADER: self._client.cookies.get(_CSRF_COOKIE) or ""}


def _document(answer: httpx.Response) -> Any:  # noqa: ANN401 - JSON
    if answer.status_code >= httpx.codes.BAD_REQUEST:
        raise RefusedError(answer.status_code, answer.text[:300])
    return answer.json() if answer.content else None
