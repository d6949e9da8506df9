"""Calling a lender's API at a URL the lender named: see `vetted_http`."""

import json
from typing import Any

from activities.adapters.vetted_http import NoAnswer, VettedHttp, Wanted
from activities.lender_api import LenderAnswer, LenderAway, LenderCall

_LARGEST_ANSWER = 65_536
_EXCERPT_LENGTH = 500
_LONGEST_WAIT = 86_400


class LenderHttp:
    """`LenderApi` over HTTP."""

    def __init__(self, http: VettedHttp) -> None:
        self._http = http

    async def call(self, call: LenderCall) -> LenderAnswer:
        """See `LenderApi`."""
        headers = {**call.headers, "accept-encoding": "identity"}
        try:
            answer = await self._http.exchange(
                Wanted(call.method, call.url, headers, call.body), read_bytes=_LARGEST_ANSWER
            )
        except NoAnswer as outage:
            raise LenderAway(str(outage)) from outage
        if not answer.is_whole:
            raise LenderAway(f"the answer is larger than {_LARGEST_ANSWER} bytes")
        wait = answer.retry_after_seconds
        return LenderAnswer(
            answer.status_code,
            _document(answer.start),
            answer.excerpt(_EXCERPT_LENGTH),
            None if wait is None else min(wait, _LONGEST_WAIT),
        )


def _document(raw: bytes) -> Any:
    """The answer as JSON; None when it is none, or says what no database can keep."""
    try:
        document = json.loads(raw.decode())  # UTF-8 and nothing else: by itself, json would read UTF-16 as well
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return None
    return None if b"\\u0000" in raw else document
