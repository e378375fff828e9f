"""A free TCP port, the wanted one if it can be had."""

import contextlib
import socket

import structlog

from server.errors import EmbeddedError

__all__ = ["accepts", "free_port"]

_TRIES = 200
_log = structlog.get_logger(__name__)


def free_port(host: str, wanted: int) -> int:
    """Return the first port at or above the wanted one that nobody listens on.

    Raises:
        EmbeddedError: none of the next 200 ports is free.
    """
    for port in range(wanted, min(wanted + _TRIES, 65536)):
        if _can_bind(host, port):
            if port != wanted:
                _log.info("port busy, took the next free one", wanted=wanted, port=port)
            return port
    message = f"no free port on {host} from {wanted} to {wanted + _TRIES - 1}"
    raise EmbeddedError(message)


def accepts(host: str, port: int) -> bool:
    """Tell whether something accepts connections there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), 0.2):
        return True
    return False


def _can_bind(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
