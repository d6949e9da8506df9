"""How a lender knows us: the headers of one call.

bearer_token               Authorization: Bearer ...
api_key                    the key, in the header the lender names
basic                      Authorization: Basic base64(user:password)
hmac                       X-CaaS-Signature, or the header named: t=seconds,v1=hex(HMAC-SHA256(secret, "seconds.body"))
oauth2_client_credentials  Authorization: Bearer ..., a token asked for at tokenUrl and kept while it is good
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from activities.lender_api import LenderAnswer, LenderApi, LenderAway, LenderCall
from models.plugin_authentication import Authentication, AuthType

_HMAC_HEADER = "x-caas-signature"
# A token is not used in its last moments: it would be good when sent and old when read.
_MARGIN = timedelta(seconds=30)
_SHORTEST_LIFE = timedelta(seconds=60)
_LONGEST_LIFE = timedelta(hours=1)
_OK = 200


@dataclass(slots=True)
class Credentials:
    """The headers for each call, and the tokens that are still good."""

    api: LenderApi
    tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    async def headers(
        self, authentication: Authentication, body: bytes, *, holder: str, now: datetime
    ) -> dict[str, str]:
        """The headers that prove who we are; `holder` is whose token it is."""
        shown, secrets = authentication.shown, authentication.secrets
        match authentication.type:
            case AuthType.BEARER_TOKEN:
                return {"authorization": f"Bearer {secrets['token']}"}
            case AuthType.API_KEY:
                return {shown["header"].lower(): secrets["key"]}
            case AuthType.BASIC:
                pair = base64.b64encode(f"{shown['username']}:{secrets['password']}".encode()).decode()
                return {"authorization": f"Basic {pair}"}
            case AuthType.HMAC:
                seconds = int(now.timestamp())
                digest = hmac.new(secrets["secret"].encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
                return {shown.get("header", _HMAC_HEADER).lower(): f"t={seconds},v1={digest}"}
            case AuthType.OAUTH2_CLIENT_CREDENTIALS:
                return {"authorization": f"Bearer {await self._token(authentication, holder, now)}"}

    def forget(self, holder: str) -> None:
        """The lender did not take the token: the next call asks for another."""
        self.tokens.pop(holder, None)

    async def _token(self, authentication: Authentication, holder: str, now: datetime) -> str:
        known = self.tokens.get(holder)
        if known is None or known[1] <= now:
            known = _token_in(await self.api.call(_asking(authentication)), now)
            self.tokens[holder] = known
        return known[0]


def _asking(authentication: Authentication) -> LenderCall:
    """Client credentials, RFC 6749 section 4.4, the client in the body as most servers read it."""
    shown = authentication.shown
    form = {
        "grant_type": "client_credentials",
        "client_id": shown["clientId"],
        "client_secret": authentication.secrets["clientSecret"],
    }
    if "scope" in shown:
        form["scope"] = shown["scope"]
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    return LenderCall("POST", shown["tokenUrl"], headers, urlencode(form).encode())


def _token_in(answer: LenderAnswer, now: datetime) -> tuple[str, datetime]:
    document = answer.document if isinstance(answer.document, dict) else {}
    token, life = document.get("access_token"), document.get("expires_in", 300)
    if answer.status_code != _OK or not isinstance(token, str) or not token.isascii() or not token.isprintable():
        # What was answered may quote what was asked, a secret among it: only the status is told.
        raise LenderAway(f"the token was not given: HTTP {answer.status_code}")
    seconds = life if isinstance(life, int) and not isinstance(life, bool) else 300
    lasts = min(max(timedelta(seconds=min(seconds, 10**6)), _SHORTEST_LIFE), _LONGEST_LIFE)
    return token, now + lasts - _MARGIN
