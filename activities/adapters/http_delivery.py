"""Posting webhooks to the URLs that their receivers named: see `vetted_http`."""

from collections.abc import Mapping

from activities.adapters.vetted_http import NoAnswer, VettedHttp, Wanted
from activities.postbox import Delivered, Undelivered

_EXCERPT_BYTES = 2048


class HttpDelivery:
    def __init__(self, http: VettedHttp) -> None:
        self._http = http

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Delivered:
        # A message may arrive twice: its id says so to the receiver.
        message = Wanted("POST", url, headers, body, may_repeat=True)
        try:
            answer = await self._http.exchange(message, read_bytes=_EXCERPT_BYTES)
        except NoAnswer as outage:
            raise Undelivered(str(outage)) from outage
        return Delivered(answer.status_code, answer.retry_after_seconds, answer.excerpt(_EXCERPT_BYTES))
