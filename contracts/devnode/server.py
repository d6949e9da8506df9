"""JSON-RPC 2.0 over HTTP: requests one by one or in batches, executed in one thread so that the loop stays free."""

import asyncio
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp import web

from contracts.devnode.chain import DevChain
from contracts.devnode.journal import JournalFailed
from contracts.devnode.methods import Methods
from contracts.devnode.refusals import InvalidRequest, RpcError

MOST_BYTES = 32 * 1024 * 1024
log = logging.getLogger(__name__)


class RpcServer:
    """One chain's HTTP side. `halted` is set when the node must end: its memory is ahead of its journal."""

    def __init__(self, chain: DevChain) -> None:
        self._methods = Methods(chain)
        # One thread is the lock around the chain.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="evm")
        self._is_broken = False
        self.halted = asyncio.Event()
        self.app = web.Application(client_max_size=MOST_BYTES)
        self.app.add_routes([web.post("/", self._post), web.get("/", self._get)])
        self.app.on_cleanup.append(self._end)

    async def _get(self, _: web.Request) -> web.Response:
        """For whoever asks whether somebody is there."""
        return web.json_response(await self._answer({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"}))

    async def _post(self, request: web.Request) -> web.Response:
        try:
            asked = json.loads(await request.read())
        except ValueError:
            return web.json_response(_refused(None, RpcError(-32700, "parse error")))
        if not isinstance(asked, list):
            return web.json_response(await self._answer(asked))
        if not asked:
            return web.json_response(_refused(None, InvalidRequest("empty batch")))
        return web.json_response([await self._answer(each) for each in asked])

    async def _answer(self, asked: Any) -> dict[str, Any]:
        if not isinstance(asked, dict) or not isinstance(asked.get("method"), str):
            return _refused(None, InvalidRequest("invalid request"))
        params = asked.get("params", [])
        if not isinstance(params, list):
            return _refused(asked.get("id"), InvalidRequest("non-array args"))
        loop = asyncio.get_running_loop()
        try:
            result = await loop.run_in_executor(self._thread, self._execute, asked["method"], params)
        except RpcError as refusal:
            return _refused(asked.get("id"), refusal)
        except Exception as trouble:
            log.exception("%s failed", asked["method"])
            if isinstance(trouble, JournalFailed):
                self.halted.set()
            return _refused(asked.get("id"), RpcError(-32603, "internal error"))
        return {"jsonrpc": "2.0", "id": asked.get("id"), "result": result}

    def _execute(self, method: str, params: list[Any]) -> Any:
        """In the thread of the EVM."""
        if self._is_broken:
            raise JournalFailed
        try:
            return self._methods.answer(method, params)
        except JournalFailed:
            self._is_broken = True
            raise

    async def _end(self, _: web.Application) -> None:
        self._thread.shutdown()


def _refused(request_id: Any, refusal: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "error": refusal.as_json()}
