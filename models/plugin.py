"""A plugin: the configuration by which a lender's own REST API is driven, in the owner's shape.

pluginName, version        whose it is, and which
configuration
  endpoints                baseUrl; syncEndpoint takes a lead; statusEndpoint, with {id}, says what became of it
  authentication           bearer_token | api_key | basic | hmac | oauth2_client_credentials
  mappings                 caas.x -> provider.y out, provider.y -> caas.x back
  transformations          what becomes of a field on the way
  events                   which events are sent; a lead that is received, if not said
syncFrequency              real_time | hourly | daily
errorHandling              retryAttempts, backoffStrategy, fallbackAction
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from models.document import COUNT, InvalidDocument, ListOf, Plain, Record, Setting, require_names, word
from models.events import ProviderEventType
from models.plugin_authentication import PRINTABLE, SHOWN_INSTEAD, Authentication, authentication_of
from models.plugin_mapping import FieldMapping, field_mapping

_LONGEST_PAUSE = timedelta(hours=6)
_MOST_ATTEMPTS = 10
_MOST_EVENTS = 20
_PATH = re.compile(r"/[A-Za-z0-9\-._~/{}:@!$&'()*+,;=%?]{0,500}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)


class SyncFrequency(StrEnum):
    """When what has happened is sent on."""

    REAL_TIME = "real_time"
    HOURLY = "hourly"
    DAILY = "daily"


class Backoff(StrEnum):
    """How the pauses between attempts grow."""

    EXPONENTIAL = "exponential"
    LINEAR = "linear"
    FIXED = "fixed"


class Fallback(StrEnum):
    """What becomes of what could not be sent: kept for a replay, forgotten, or kept and told by mail."""

    QUEUE = "queue"
    DROP = "drop"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the lender listens. `webhook_endpoint` is his own, for our webhooks; a plugin does not call it."""

    base_url: str
    sync_endpoint: str
    status_endpoint: str | None = None
    webhook_endpoint: str | None = None

    def __post_init__(self) -> None:
        if self.status_endpoint is not None and self.status_endpoint.count("{id}") != 1:
            raise InvalidDocument("This must have one {id}, where the lead's id goes.", "statusEndpoint")
        if any(each and ("{" in each.replace("{id}", "")) for each in (self.sync_endpoint, self.status_endpoint)):
            raise InvalidDocument("{id} is the only thing that is put into a path.", "syncEndpoint")

    @property
    def sync_url(self) -> str:
        """Where a lead is sent."""
        return self.base_url.rstrip("/") + self.sync_endpoint

    def status_url(self, quoted_id: str) -> str | None:
        """Where one lead is asked after, if anywhere."""
        return (
            self.base_url.rstrip("/") + self.status_endpoint.replace("{id}", quoted_id)
            if self.status_endpoint
            else None
        )


@dataclass(frozen=True, slots=True)
class ErrorHandling:
    """What happens when the lender does not answer, or not well."""

    retry_attempts: int = 3
    backoff_strategy: Backoff = Backoff.EXPONENTIAL
    fallback_action: Fallback = Fallback.QUEUE
    initial_delay_seconds: int = 5

    def __post_init__(self) -> None:
        if not 0 <= self.retry_attempts <= _MOST_ATTEMPTS:
            raise InvalidDocument(f"This must be 0 to {_MOST_ATTEMPTS}.", "retryAttempts")
        if not 1 <= self.initial_delay_seconds <= 3600:  # noqa: PLR2004 - seconds of an hour
            raise InvalidDocument("This must be 1 to 3600.", "initialDelaySeconds")

    def pause(self, failures: int) -> timedelta | None:
        """How long to wait after so many failures; None when that was the last attempt."""
        if failures > self.retry_attempts:
            return None
        factor = {Backoff.EXPONENTIAL: 3 ** (failures - 1), Backoff.LINEAR: failures, Backoff.FIXED: 1}
        return min(timedelta(seconds=self.initial_delay_seconds * factor[self.backoff_strategy]), _LONGEST_PAUSE)


@dataclass(frozen=True, slots=True)
class Plugin:
    """One configuration, read and found to be one."""

    name: str
    version: str
    endpoints: Endpoints
    authentication: Authentication
    mapping: FieldMapping
    events: tuple[ProviderEventType, ...]
    sync_frequency: SyncFrequency
    error_handling: ErrorHandling


def plugin_of(document: Any) -> Plugin:
    """The plugin that a document describes; what is wrong with it is refused by its path."""
    require_names(document, {"pluginName", "version", "configuration", "syncFrequency", "errorHandling"}, "")
    configuration = document.get("configuration")
    path = "configuration"
    require_names(configuration, {"endpoints", "authentication", "mappings", "transformations", "events"}, path)
    return Plugin(
        name=_NAME_OF.read(document.get("pluginName"), currency="", path="pluginName"),
        version=_NAME_OF.read(document.get("version"), currency="", path="version"),
        endpoints=_ENDPOINTS.read(configuration.get("endpoints"), currency="", path=f"{path}.endpoints"),
        authentication=authentication_of(configuration.get("authentication"), f"{path}.authentication"),
        mapping=field_mapping(configuration.get("mappings"), configuration.get("transformations"), path=path),
        events=_EVENTS.read(configuration.get("events", ["lead_received"]), currency="", path=f"{path}.events"),
        sync_frequency=word(SyncFrequency).read(
            document.get("syncFrequency", "real_time"), currency="", path="syncFrequency"
        ),
        error_handling=_ERROR_HANDLING.read(document.get("errorHandling") or {}, currency="", path="errorHandling"),
    )


def shown_of(document: Mapping[str, Any], plugin: Plugin) -> dict[str, Any]:
    """The document with its secrets covered: as it may be kept, and shown."""
    covered = {"type": plugin.authentication.type, **plugin.authentication.shown}
    covered |= dict.fromkeys(plugin.authentication.secrets, SHOWN_INSTEAD)
    return {**document, "configuration": {**document["configuration"], "authentication": covered}}


def with_secrets(document: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    """The document with its secrets put back where they are covered: whoever replaces it need not know them again."""
    configuration = document.get("configuration")
    given = configuration.get("authentication") if isinstance(configuration, Mapping) else None
    if not isinstance(configuration, Mapping) or not isinstance(given, Mapping):
        return dict(document)
    known = {name: secrets[name] for name, value in given.items() if value == SHOWN_INSTEAD and name in secrets}
    return {**document, "configuration": {**configuration, "authentication": {**given, **known}}}


def _matching(pattern: re.Pattern[str]) -> Any:
    def read(given: Any) -> str:
        if not isinstance(given, str) or not pattern.fullmatch(given):
            raise ValueError(given)
        return given

    return read


def _some_events(given: Any) -> tuple[ProviderEventType, ...]:
    events = tuple(dict.fromkeys(given))
    if not 0 < len(events) <= _MOST_EVENTS:
        raise InvalidDocument("There is at least one event to send.")
    return events


_NAME_OF = Plain("1 to 64 letters, digits, dots, dashes or underscores", _matching(_NAME), str)
_ENDPOINT = Plain("a path that begins with /", _matching(_PATH), str)
_ENDPOINTS = Record(
    Endpoints,
    (
        Setting("baseUrl", PRINTABLE),
        Setting("syncEndpoint", _ENDPOINT),
        Setting("statusEndpoint", _ENDPOINT),
        Setting("webhookEndpoint", _ENDPOINT),
    ),
)
_EVENTS = ListOf(word(ProviderEventType), _some_events)
_ERROR_HANDLING = Record(
    ErrorHandling,
    (
        Setting("retryAttempts", COUNT),
        Setting("backoffStrategy", word(Backoff)),
        Setting("fallbackAction", word(Fallback)),
        Setting("initialDelaySeconds", COUNT),
    ),
)
