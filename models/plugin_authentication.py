"""How a lender knows us: what may be shown of it, and what is secret.

bearer_token               token
api_key                    header, key
basic                      username, password
hmac                       secret; header, if not X-CaaS-Signature
oauth2_client_credentials  tokenUrl, clientId, clientSecret; scope, if there is one
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from models.document import InvalidDocument, Plain, require_names, word

SHOWN_INSTEAD = "********"

_LONGEST = 4096
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}", re.ASCII)
# Headers that are not the lender's to name: they say where a request ends, or who is asked.
_OUR_HEADERS = frozenset(
    {"host", "connection", "content-length", "content-type", "transfer-encoding", "upgrade", "expect", "trailer"}
)


class AuthType(StrEnum):
    """How the lender knows us."""

    BEARER_TOKEN = "bearer_token"  # noqa: S105 - a word
    API_KEY = "api_key"
    BASIC = "basic"
    HMAC = "hmac"
    OAUTH2_CLIENT_CREDENTIALS = "oauth2_client_credentials"


@dataclass(frozen=True, slots=True)
class Authentication:
    """How the lender knows us; what is secret of it is kept apart from what may be shown."""

    type: AuthType
    shown: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)


def authentication_of(given: Any, path: str) -> Authentication:
    if not isinstance(given, Mapping):
        raise InvalidDocument("This must be an object.", path)
    kind: AuthType = word(AuthType).read(given.get("type"), currency="", path=f"{path}.type")
    shown, secret, optional = _AUTH_FIELDS[kind]
    require_names(given, {"type", *shown, *secret, *optional}, path)
    values = {}
    for name in (*shown, *secret, *optional):
        value = given.get(name)
        if value is None and name in optional:
            continue
        values[name] = PRINTABLE.read(value, currency="", path=f"{path}.{name}")
    if values.get(secret[0]) == SHOWN_INSTEAD:
        raise InvalidDocument("This is how a secret is shown, not what it is.", f"{path}.{secret[0]}")
    header = values.get("header")
    if header is not None and (not _HEADER.fullmatch(header) or header.lower() in _OUR_HEADERS):
        raise InvalidDocument("This is not the name of a header a key can be in.", f"{path}.header")
    if ":" in values.get("username", ""):
        raise InvalidDocument("A user's name has no colon in it: the password begins there.", f"{path}.username")
    return Authentication(
        kind,
        {name: value for name, value in values.items() if name not in secret},
        {name: values[name] for name in secret},
    )


def _printable(given: Any) -> str:
    if not isinstance(given, str) or not 0 < len(given) <= _LONGEST or not given.isascii() or not given.isprintable():
        raise ValueError(given)
    return given


# What each type shows, what it keeps secret, and what it can do without.
_AUTH_FIELDS: dict[AuthType, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    AuthType.BEARER_TOKEN: ((), ("token",), ()),
    AuthType.API_KEY: (("header",), ("key",), ()),
    AuthType.BASIC: (("username",), ("password",), ()),
    AuthType.HMAC: ((), ("secret",), ("header",)),
    AuthType.OAUTH2_CLIENT_CREDENTIALS: (("tokenUrl", "clientId"), ("clientSecret",), ("scope",)),
}
PRINTABLE = Plain(f"1 to {_LONGEST} printable ASCII characters", _printable, str)
