"""Driving a lender's own API: the event goes out in his words, and what he answers comes back in ours.

One exchange is one step at a time, each at one stranger: load the run, call, write down what came of it. A step may run
twice: the lender is sent the run's id as `Idempotency-Key`, and a decision is one message however often it is heard.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from sqlmodel import col, select
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.destinations import ForbiddenDestination
from activities.lender_api import LenderAnswer, LenderApi, LenderAway, LenderCall
from activities.plugin_authentication import Credentials
from models.errors import Refusal
from models.events import ProviderEventType
from models.plugin import Fallback, Plugin, plugin_of, with_secrets
from models.plugin_paths import Side
from models.plugin_run import UNDER_WAY, RunStatus, poll_pause
from models.records.database import Database
from models.records.outbox import Channel, OutboxKind, ask_relay, deliver
from models.records.plugins import PluginRow, PluginRunRow, release
from models.records.providers import Provider

_LONGEST_ID = 200
_LONGEST_ERROR = 500
# Trouble that may pass by itself; any other 4xx is an answer, and says no to whoever asks again.
_PASSING = frozenset({408, 409, 423, 425, 429})
_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class PluginRunRef:
    """Which exchange of which tenant."""

    tenant_id: str
    run_id: str


@dataclass(frozen=True, slots=True)
class PluginRef:
    """Which plugin of which provider."""

    tenant_id: str
    provider_id: str
    name: str


class _Failed(Exception):
    """The step did not succeed; `is_final` when trying again would not help."""

    def __init__(self, detail: str, *, is_final: bool, status_code: int | None = None, wait_seconds: int = 0) -> None:
        super().__init__(detail)
        self.is_final = is_final
        self.status_code = status_code
        self.wait_seconds = wait_seconds


class Plugins:
    """The exchanges with lenders' APIs."""

    def __init__(self, database: Database, api: LenderApi) -> None:
        self._database = database
        self._api = api
        self._credentials = Credentials(api)

    @activity.defn(name="Plugins.sync")
    async def sync(self, ref: PluginRunRef) -> None:
        """Go on with an exchange that was not finished at once; Temporal makes the next step when it is due."""
        pause = await self.advance(ref)
        if pause is not None:
            raise ApplicationError("the exchange goes on later", type="PluginRunUnfinished", next_retry_delay=pause)

    @activity.defn(name="Plugins.release")
    async def release(self, ref: PluginRef) -> int:
        """Send what has waited for the plugin's hour; how much it was."""
        async with self._database.transaction(ref.tenant_id) as session:
            return await release(session, ref.tenant_id, ref.provider_id, ref.name)

    async def advance(self, ref: PluginRunRef) -> timedelta | None:
        """Make the next step; how long to wait before the one after, or None when there is none."""
        async with self._database.transaction(ref.tenant_id) as session:
            run = await session.get_one(PluginRunRow, (ref.tenant_id, ref.run_id))
            row = await session.get_one(PluginRow, (ref.tenant_id, run.provider_id, run.plugin_name))
        if run.status not in UNDER_WAY:
            return None
        plugin = plugin_of(with_secrets(row.settings, row.secrets))
        if not row.enabled:
            return await self._fail(ref, plugin, _Failed("the plugin is disabled", is_final=True))
        try:
            answer = await self._asked(
                plugin, run, holder=f"{ref.tenant_id}/{run.provider_id}/{row.name}/{row.revision}"
            )
        except _Failed as failure:
            return await self._fail(ref, plugin, failure)
        return await self._succeed(ref, plugin, answer)

    async def _asked(self, plugin: Plugin, run: PluginRunRow, *, holder: str) -> LenderAnswer:
        """The lender's answer to the next step, if it is a good one."""
        try:
            method, url, body = _step(plugin, run)
            now = datetime.now(UTC)
            headers = await self._credentials.headers(plugin.authentication, body, holder=holder, now=now)
            call = LenderCall(method, url, {**headers, **_headers(run, method)}, body)
            answer = await self._api.call(call)
        except (Refusal, ForbiddenDestination) as refusal:
            where = f"{refusal.field}: " if refusal.field else ""
            raise _Failed(f"{where}{refusal.detail}", is_final=True) from None
        except LenderAway as away:
            raise _Failed(str(away), is_final=False) from None
        if answer.status_code == _UNAUTHORIZED:
            self._credentials.forget(holder)
        if answer.status_code // 100 != 2:  # noqa: PLR2004 - a redirect is an answer, not a direction
            raise _Failed(
                f"HTTP {answer.status_code}: {answer.excerpt}",
                is_final=answer.status_code < 500 and answer.status_code not in _PASSING,  # noqa: PLR2004 - HTTP
                status_code=answer.status_code,
                wait_seconds=answer.retry_after_seconds or 0,
            )
        return answer

    async def _succeed(self, ref: PluginRunRef, plugin: Plugin, answer: LenderAnswer) -> timedelta | None:
        """Write down that the lender took it, and what he said of it; a decision is left to the relay."""
        now = datetime.now(UTC)
        async with self._database.transaction(ref.tenant_id) as session:
            run = await _locked(session, ref)
            if run.status not in UNDER_WAY:
                return None
            if run.taken_at is None:
                run.taken_at, run.failures = now, 0
            else:
                run.polls += 1
            run.last_status_code, run.last_error = answer.status_code, None
            if not _can_decide(plugin, run):
                return _finish(run, RunStatus.SUCCEEDED, now)
            told = _told(plugin, answer, run)
            if "decision" in told:
                run.answer = told
                ask_relay(session, ref.tenant_id, OutboxKind.PLUGIN_DECISION, {"runId": run.id})
                return _finish(run, RunStatus.SUCCEEDED, now)
            return _wait(run, plugin, now)

    async def _fail(self, ref: PluginRunRef, plugin: Plugin, failure: _Failed) -> timedelta | None:
        """Write down that it did not go, and wait, or do what the plugin says is to be done at last."""
        handling, now = plugin.error_handling, datetime.now(UTC)
        async with self._database.transaction(ref.tenant_id) as session:
            run = await _locked(session, ref)
            if run.status not in UNDER_WAY:
                return None
            run.failures += 1
            run.last_status_code, run.last_error = failure.status_code, str(failure)[:_LONGEST_ERROR]
            pause = None if failure.is_final else handling.pause(run.failures)
            if pause is not None:
                return max(pause, timedelta(seconds=failure.wait_seconds))
            if handling.fallback_action is Fallback.DROP:
                return _finish(run, RunStatus.DROPPED, now)
            if handling.fallback_action is Fallback.ALERT:
                provider = await session.get_one(Provider, (ref.tenant_id, run.provider_id))
                _alert(session, ref.tenant_id, provider.business_email, run)
            run.status = RunStatus.QUEUED
            return None


def dry_run_answer(plugin: Plugin, document: Any) -> dict[str, Any]:
    """What a lender's answer would tell us."""
    if not isinstance(document, dict):
        return {}
    return plugin.mapping.translated(document, Side.PROVIDER).document


def _step(plugin: Plugin, run: PluginRunRow) -> tuple[str, str, bytes]:
    """The call that is next: send it, or ask what became of it."""
    if run.taken_at is not None:
        url = plugin.endpoints.status_url(quote(run.external_id or run.lead_id or run.id, safe=""))
        assert url, "only a plugin that can ask awaits an answer"
        return "GET", url, b""
    sent = plugin.mapping.translated(run.told, Side.CAAS).document
    return "POST", plugin.endpoints.sync_url, json.dumps(sent).encode()


def _headers(run: PluginRunRow, method: str) -> dict[str, str]:
    common = {"accept": "application/json", "x-caas-event": run.event_type}
    if method == "GET":
        return common
    # The same on every attempt: a lender that lost its answer recognizes what it has.
    return common | {"content-type": "application/json", "idempotency-key": run.id}


def _can_decide(plugin: Plugin, run: PluginRunRow) -> bool:
    return run.event_type == ProviderEventType.LEAD_RECEIVED and bool(run.lead_id) and plugin.mapping.leads_back()


def _told(plugin: Plugin, answer: LenderAnswer, run: PluginRunRow) -> dict[str, Any]:
    """The answer in our words. What cannot be read says nothing yet, and is shown to whoever looks at the run."""
    try:
        told = dry_run_answer(plugin, answer.document)
    except Refusal as refusal:
        run.last_error = f"{refusal.field or 'answer'}: {refusal.detail}"[:_LONGEST_ERROR]
        return {}
    external_id = told.pop("externalId", None)
    if isinstance(external_id, str | int) and 0 < len(str(external_id)) <= _LONGEST_ID:
        run.external_id = str(external_id)
    if told.get("decision") is None:
        told.pop("decision", None)
    return told


def _wait(run: PluginRunRow, plugin: Plugin, now: datetime) -> timedelta | None:
    """Ask again later, while there is somebody to ask and something to win."""
    if plugin.endpoints.status_endpoint is None:
        return _finish(run, RunStatus.SUCCEEDED, now)
    pause = poll_pause(run.polls)
    if pause is None or (run.expires_at is not None and run.expires_at <= now):
        return _finish(run, RunStatus.UNANSWERED, now)
    run.status = RunStatus.AWAITING_ANSWER
    return pause


def _finish(run: PluginRunRow, status: RunStatus, now: datetime) -> timedelta | None:
    """There is no next step."""
    run.status, run.finished_at = status, now
    return None


def _alert(session: Any, tenant_id: str, address: str, run: PluginRunRow) -> None:
    subject = f"The plugin {run.plugin_name} could not send {run.event_type}"
    body = (
        f"{run.event_type} of lead {run.lead_id or '-'} could not be sent to your API: {run.last_error}\n\n"
        f"It is kept in the plugin's queue as {run.id} and can be replayed there."
    )
    deliver(session, tenant_id, Channel.MAIL, address, subject, body, key=f"plugin_alert:{run.id}:{run.polls}")


async def _locked(session: Any, ref: PluginRunRef) -> PluginRunRow:
    query = select(PluginRunRow).where(col(PluginRunRow.id) == ref.run_id).with_for_update()
    run: PluginRunRow = (await session.execute(query)).scalar_one()
    return run
