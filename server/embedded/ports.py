"""A free TCP port, the wanted one if it can be had."""

import contextlib
import socket

import structlog

from server.errors import EmbeddedError

__all__ = ["accepts", "free_port", "listening_socket"]

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


def listening_socket(host: str, wanted: int) -> socket.socket:
    """Return a socket that listens on the first port to be had from the wanted one on.

    Between asking for a free port and taking it somebody else may be quicker; a socket
    that listens already is nobody else's.

    Raises:
        EmbeddedError: none of the next 200 ports is free.
    """
    for port in range(wanted, min(wanted + _TRIES, 65536)):
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
            listening.listen(2048)
        except OSError:
            listening.close()
            continue
        if port != wanted:
            _log.info("port busy, took the next free one", wanted=wanted, port=port)
        return listening
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
