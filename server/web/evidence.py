"""Evidence files: taken from stations, handed to signed-in officers, under their hash.

It shows nothing inline but the pictures and films that stations make: a file is what
its bytes say, and a browser is told not to guess.
"""

from collections.abc import AsyncGenerator
from typing import Annotated, Any

from litestar import Request, Response, get, put
from litestar.exceptions import (
    ClientException,
    InternalServerException,
    NotAuthorizedException,
)
from litestar.params import PathParameter
from litestar.response import File

from server import clock
from server.evidence import service
from server.web.given import TheFiles, ThePool, TheRegistry
from server.web.signin import PUBLIC

__all__ = ["receive", "show"]

SHOWN_INLINE = {"image/jpeg": ".jpg", "image/png": ".png", "video/mp4": ".mp4"}
SAVED_AS = {"application/zip": ".npz"}
"""What a file that is only saved is called after: samples are for luheng-wim replay."""
Digest = Annotated[str, PathParameter(pattern="^[0-9a-f]{64}$")]


@get("/evidence/{sha256:str}")
async def show(sha256: Digest, pool: ThePool, files: TheFiles) -> File:
    """Give one stored evidence file."""
    stored = await service.find_file(pool, files, sha256)
    ending = SHOWN_INLINE.get(stored.media_type)
    return File(
        path=stored.path,
        filename=f"{sha256}{ending or SAVED_AS.get(stored.media_type, '.bin')}",
        media_type=stored.media_type if ending else "application/octet-stream",
        content_disposition_type="inline" if ending else "attachment",
        headers={"Cache-Control": "private, max-age=31536000, immutable"},
    )


@put(
    "/evidence/{sha256:str}",
    opt={PUBLIC: True, "skip_session": True},
    exclude_from_csrf=True,
    request_max_body_size=None,
    status_code=201,
)
async def receive(
    request: Request[Any, Any, Any],
    sha256: Digest,
    pool: ThePool,
    files: TheFiles,
    registry: TheRegistry,
) -> Response[dict[str, str]]:
    """Take one file from the station that announced and signed it.

    201 stored, 200 had it, 401 unknown station, 403 bad signature, 409 not announced
    (try again later), 413 too large, 422 other bytes than announced, 507 disk full
    (try again later). A refusal is counted and says its reason.
    """
    station_id = request.headers.get("x-luheng-station", "")
    signature = request.headers.get("x-luheng-signature", "")
    if not station_id or not signature:
        message = "X-Luheng-Station and X-Luheng-Signature are missing"
        raise NotAuthorizedException(message)
    outcome = await service.receive_upload(
        pool,
        files,
        sha256,
        station_id=station_id,
        signer=registry.public_key(station_id),
        signature=signature,
        content=_content(request),
        now=clock.now(),
    )
    return Response(
        {"outcome": outcome}, status_code=201 if outcome == "stored" else 200
    )


async def _content(request: Request[Any, Any, Any]) -> AsyncGenerator[bytes, None]:
    """Yield the body; one that breaks off is the sender's matter, not a fault here."""
    try:
        async for chunk in request.stream():
            yield chunk
    except InternalServerException as error:  # what Litestar calls a client that left
        message = "the upload broke off"
        raise ClientException(message) from error
