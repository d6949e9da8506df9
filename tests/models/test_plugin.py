from datetime import timedelta
from typing import Any

import pytest

from models.document import InvalidDocument
from models.events import ProviderEventType
from models.plugin import ErrorHandling, plugin_of, shown_of, with_secrets
from models.plugin_authentication import SHOWN_INSTEAD, AuthType
from tests.models.plugins import configured, printed


def test_the_owners_plugin_is_taken_as_printed() -> None:
    plugin = plugin_of(printed())

    assert (plugin.name, plugin.version, plugin.sync_frequency) == ("loan_sync_v2", "2.1.0", "real_time")
    assert plugin.endpoints.sync_url == "https://api.provider.com/sync/loans"
    assert plugin.endpoints.status_url("L-1") == "https://api.provider.com/loans/L-1/status"
    assert plugin.authentication.secrets == {"token": "provider_token_abc123"}
    assert plugin.events == (ProviderEventType.LEAD_RECEIVED,)
    assert not plugin.mapping.leads_back()


def test_a_secret_is_not_shown_and_need_not_be_known_to_be_kept() -> None:
    plugin = plugin_of(printed())
    shown = shown_of(printed(), plugin)

    assert shown["configuration"]["authentication"] == {"type": "bearer_token", "token": SHOWN_INSTEAD}
    assert "abc123" not in str(shown) + repr(plugin)
    assert with_secrets(shown, plugin.authentication.secrets) == printed()


@pytest.mark.parametrize("document", [{}, {"configuration": []}, {"configuration": {"authentication": "x"}}])
def test_where_no_secret_is_covered_none_is_put(document: dict[str, Any]) -> None:
    assert with_secrets(document, {"token": "t"}) == document


def test_the_stars_are_no_secret() -> None:
    with pytest.raises(InvalidDocument) as refused:
        plugin_of(configured(authentication={"type": "bearer_token", "token": SHOWN_INSTEAD}))

    assert refused.value.field == "configuration.authentication.token"


AUTHENTICATIONS: list[dict[str, str]] = [
    {"type": "bearer_token", "token": "t"},
    {"type": "api_key", "header": "X-API-Key", "key": "k"},
    {"type": "basic", "username": "u", "password": "p:w"},
    {"type": "hmac", "secret": "s"},
    {"type": "hmac", "secret": "s", "header": "X-Signature"},
    {"type": "oauth2_client_credentials", "tokenUrl": "https://a.example/t", "clientId": "c", "clientSecret": "s"},
]


@pytest.mark.parametrize("given", AUTHENTICATIONS, ids="-".join)
def test_a_lender_may_know_us_in_five_ways(given: dict[str, str]) -> None:
    authentication = plugin_of(configured(authentication=given)).authentication

    assert {"type": authentication.type, **authentication.shown, **authentication.secrets} == given
    assert len(authentication.secrets) == 1


def test_every_way_is_among_them() -> None:
    assert {given["type"] for given in AUTHENTICATIONS} == set(AuthType)


@pytest.mark.parametrize(
    ("strategy", "seconds"),
    [("exponential", [5, 15, 45]), ("linear", [5, 10, 15]), ("fixed", [5, 5, 5])],
)
def test_pauses_grow_as_the_strategy_says_and_then_end(strategy: str, seconds: list[int]) -> None:
    document = printed()
    document["errorHandling"]["backoffStrategy"] = strategy
    handling = plugin_of(document).error_handling

    assert [handling.pause(n) for n in range(1, 5)] == [*(timedelta(seconds=each) for each in seconds), None]


def test_a_pause_has_an_end() -> None:
    handling = ErrorHandling(retry_attempts=10, initial_delay_seconds=3600)

    assert handling.pause(10) == timedelta(hours=6)
    assert ErrorHandling(retry_attempts=0).pause(1) is None


def changed(path: str, value: Any) -> dict[str, Any]:
    """The owner's plugin with one setting changed, or removed."""
    document: dict[str, Any] = printed()
    *parents, last = path.split(".")
    inner = document
    for each in parents:
        inner = inner[each]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("pluginName", None),
        ("pluginName", "../etc"),
        ("pluginName", 7),
        ("version", ""),
        ("webhookUrl", "x"),
        ("configuration", None),
        ("configuration", []),
        ("configuration.script", "x"),
        ("configuration.endpoints", None),
        ("configuration.endpoints.baseUrl", None),
        ("configuration.endpoints.baseUrl", ["x"]),
        ("configuration.endpoints.syncEndpoint", None),
        ("configuration.endpoints.syncEndpoint", "sync"),
        ("configuration.endpoints.syncEndpoint", "/{__class__}"),
        ("configuration.endpoints.syncEndpoint", "/a b"),
        ("configuration.endpoints.syncEndpoint", "/a#b"),
        ("configuration.endpoints.statusEndpoint", "/status"),
        ("configuration.endpoints.statusEndpoint", "/{id}/{id}"),
        ("configuration.endpoints.proxy", "/"),
        ("configuration.authentication", None),
        ("configuration.authentication.type", "ntlm"),
        ("configuration.authentication.type", None),
        ("configuration.authentication.token", None),
        ("configuration.authentication.token", "line\nbreak"),
        ("configuration.authentication.token", ""),
        ("configuration.authentication.password", "x"),
        ("configuration.mappings", None),
        ("configuration.events", []),
        ("configuration.events", "lead_received"),
        ("syncFrequency", "weekly"),
        ("errorHandling.retryAttempts", 11),
        ("errorHandling.retryAttempts", -1),
        ("errorHandling.retryAttempts", True),
        ("errorHandling.backoffStrategy", "random"),
        ("errorHandling.fallbackAction", "ignore"),
        ("errorHandling.initialDelaySeconds", 0),
        ("errorHandling.notify", "x"),
    ],
    ids=repr,
)
def test_a_setting_that_is_wrong_is_refused_by_its_path(path: str, value: Any) -> None:
    with pytest.raises(InvalidDocument) as refused:
        plugin_of(changed(path, value))

    assert refused.value.field == path


@pytest.mark.parametrize(
    ("authentication", "field"),
    [
        ({"type": "api_key", "header": "Host", "key": "k"}, "header"),
        ({"type": "api_key", "header": "X: y", "key": "k"}, "header"),
        ({"type": "api_key", "key": "k"}, "header"),
        ({"type": "basic", "username": "a:b", "password": "p"}, "username"),
        ({"type": "hmac", "secret": ["s"]}, "secret"),
        ({"type": "oauth2_client_credentials", "clientId": "c", "clientSecret": "s"}, "tokenUrl"),
    ],
    ids=str,
)
def test_a_way_to_know_us_that_is_none_is_refused(authentication: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        plugin_of(configured(authentication=authentication))

    assert refused.value.field == f"configuration.authentication.{field}"


@pytest.mark.parametrize("document", [None, [], "x", 7])
def test_what_is_no_object_is_no_plugin(document: Any) -> None:
    with pytest.raises(InvalidDocument):
        plugin_of(document)
