"""Versions of what can be read and changed: read again only what is new, change only what was read.

If-None-Match   on a GET: 304 when the reader has it already
If-Match        on a change of what exists: 428 without it, 412 when somebody else was faster
"""

import json
from hashlib import sha256

from fastapi import Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response

from api.problems import PreconditionFailed, PreconditionRequired
from api.schemas.values import Out

_ANY = "*"


def fresh(request: Request, shown: Out) -> Response:
    """The answer with its tag, or 304 when the caller has named it."""
    body = jsonable_encoder(shown, by_alias=True)
    tag = f'"{sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]}"'
    return tagged(request, body, tag)


def tagged(request: Request, body: object, tag: str) -> Response:
    """The same for a body whose version has a name already."""
    known = _tags(request, "if-none-match")
    if request.method == "GET" and (tag in known or _ANY in known):
        return Response(status_code=304, headers={"ETag": tag})
    return JSONResponse(body, headers={"ETag": tag})


def version_tag(version: int) -> str:
    """The tag of a row that counts its changes; 0 is before the first."""
    return f'"{version}"'


def check_match(request: Request, version: int) -> None:
    """The caller has seen this version; 0 is what was never written, and needs no tag."""
    wanted = _tags(request, "if-match")
    if not wanted:
        if version == 0:
            return
        raise PreconditionRequired("Say which version you change: `If-Match` with the ETag you have read.", "If-Match")
    if version_tag(version) not in wanted and not (_ANY in wanted and version):
        raise PreconditionFailed(f"The version now is {version_tag(version)}; read it and decide again.", "If-Match")


def _tags(request: Request, header: str) -> frozenset[str]:
    """The tags named; a proxy that compresses makes them weak, which changes nothing here."""
    listed = ",".join(request.headers.getlist(header))
    return frozenset(tag for part in listed.split(",") if (tag := part.strip().removeprefix("W/")))
