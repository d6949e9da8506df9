"""The same `Idempotency-Key` is the same request: done once, answered the same.

    unknown key            claimed for 30 s, the work is done, a 2xx answer is kept
    known, answered        the kept answer, with `Idempotency-Replayed: true`
    known, still running   409
    known, other request   422

Only a 2xx is kept: what failed may be tried again under its key. A holder that dies leaves its claim to run out, and
whoever comes next does the work again; that is safe, because the ids of what a request creates come from its key.
"""

import json
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from api.exact_json import ExactRequest
from api.resources import resources_of
from api.security import Caller, authenticate, authenticate_signed
from models.errors import Conflict, Refused
from models.ids import derived_id
from models.records.database import Database, new_id
from models.records.tenants import IdempotencyKey

_HEADER = "Idempotency-Key"
_REPLAYED = {"Idempotency-Replayed": "true"}
_LONGEST_KEY = 255
# Longer than any request may take; a request whose process died can be repeated when it is over.
_CLAIM = timedelta(seconds=30)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class InvalidIdempotencyKey(Refused):
    """The header is empty, too long or unreadable."""


class IdempotencyKeyReused(Refused):
    """The key was used before, for another request."""


class StillRunning(Conflict):
    """The request with this key has not been answered yet."""


class IdempotentRoute(APIRoute):
    """A route that honors the header; without it, and for a GET, nothing is different."""

    authenticate: Callable[[Request], Awaitable[Caller]] = staticmethod(authenticate)

    def get_route_handler(self) -> Handler:
        """See FastAPI."""
        handle = super().get_route_handler()
        is_secret = getattr(self.endpoint, "answers_secrets", False)

        async def once(plain: Request) -> Response:
            request = ExactRequest(plain.scope, plain.receive)
            key = key_of(request)
            if key is None or request.method == "GET":
                return await handle(request)
            claim = Claim(resources_of(request).database, await self.authenticate(request), key)
            return await claim.answer(request, handle, is_secret=is_secret)

        return once


class SignedRoute(IdempotentRoute):
    """The same for signed bodies: an old answer is given only to a message that proves itself now."""

    authenticate = staticmethod(authenticate_signed)


def answers_secrets(endpoint: Endpoint) -> Endpoint:
    """Mark an endpoint whose answer must not be kept. It runs again instead and gives the same answer by itself."""
    endpoint.answers_secrets = True  # type: ignore[attr-defined]
    return endpoint


@dataclass(frozen=True, slots=True)
class Claim:
    """One caller's use of one key."""

    database: Database
    caller: Caller
    key: str

    async def answer(self, request: Request, handle: Handler, *, is_secret: bool) -> Response:
        """Do the work and keep the answer, or give the answer that was kept."""
        known = await self._claim(await _fingerprint(request))
        if known is not None and not is_secret:
            return _as_kept(known)
        try:
            response = await handle(request)
        except Exception:
            await self._release()
            raise
        if response.status_code // 100 != 2:  # noqa: PLR2004 - HTTP
            await self._release()
        elif known is None:
            await self._keep(response, is_secret=is_secret)
        else:
            response.headers.update(_REPLAYED)
        return response

    async def _claim(self, fingerprint: str) -> IdempotencyKey | None:
        """None when the work is ours to do, else what is known."""
        now = datetime.now(UTC)
        row = IdempotencyKey(
            tenant_id=self.caller.tenant_id,
            caller=self.caller.name,
            key=self.key,
            fingerprint=fingerprint,
            locked_until=now + _CLAIM,
        )
        columns = {name: getattr(row, name) for name in ("tenant_id", "caller", "key", "fingerprint", "locked_until")}
        async with self.database.transaction(self.caller.tenant_id) as session:
            claimed = await session.execute(
                insert(IdempotencyKey).values(columns).on_conflict_do_nothing().returning(col(IdempotencyKey.key))
            )
            if claimed.first():
                return None
            identity = (self.caller.tenant_id, self.caller.name, self.key)
            known = await session.get(IdempotencyKey, identity, with_for_update=True)
            if known is None or (known.status_code is None and known.locked_until > now):
                raise StillRunning("The first request with this key is still running.", _HEADER)
            if known.fingerprint != fingerprint:
                raise IdempotencyKeyReused("This key was used for another request.", _HEADER)
            if known.status_code is not None:
                return known
            known.locked_until = now + _CLAIM
            return None

    async def _keep(self, response: Response, *, is_secret: bool) -> None:
        body = None if is_secret or not response.body else json.loads(bytes(response.body))
        await self._execute(update(IdempotencyKey).values(status_code=response.status_code, body=body))

    async def _release(self) -> None:
        await self._execute(delete(IdempotencyKey))

    async def _execute(self, statement: Any) -> None:
        async with self.database.transaction(self.caller.tenant_id) as session:
            await session.execute(
                statement.where(IdempotencyKey.caller == self.caller.name, IdempotencyKey.key == self.key)
            )


@dataclass(frozen=True, slots=True)
class NewIds:
    """Ids for what a request creates: the same again for the same key."""

    seed: tuple[str, ...] | None

    def __call__(self, prefix: str) -> str:
        """An id with this prefix."""
        return derived_id(prefix, *self.seed) if self.seed else new_id(prefix)


def _as_kept(known: IdempotencyKey) -> Response:
    if known.body is None:  # a 204 has none
        return Response(status_code=known.status_code or 204, headers=_REPLAYED)
    return JSONResponse(known.body, known.status_code or 200, _REPLAYED)


def key_of(request: Request) -> str | None:
    """The key, bare or as the quoted string the draft standard makes of it."""
    key = request.headers.get(_HEADER)
    if key is None:
        return None
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not key or len(key) > _LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise InvalidIdempotencyKey(f"The key has 1 to {_LONGEST_KEY} printable ASCII characters.", _HEADER)
    return key


async def _new_ids(
    request: Request,
    _: Annotated[str | None, Header(alias=_HEADER, description="The same key is the same request.")] = None,
) -> NewIds:
    key = key_of(request)
    if key is None:
        return NewIds(None)
    caller = await authenticate(request)
    return NewIds((caller.tenant_id, caller.name, request.url.path, key))


Ids = Annotated[NewIds, Depends(_new_ids)]


async def _fingerprint(request: Request) -> str:
    asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return sha256(asked + await request.body()).hexdigest()
