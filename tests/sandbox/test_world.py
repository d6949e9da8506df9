import os
from pathlib import Path

import pytest

from activities.adapters.settings import KycSettings, MailSettings, RailSettings
from sandbox import magic
from sandbox.settings import SandboxSettings
from sandbox.shelf import Shelf
from tests.sandbox.worlds import World


async def test_the_first_page_lists_every_magic_value(world: World) -> None:
    page = await world.client.get("/")

    assert page.headers["content-type"].startswith("text/html")
    for each in magic.TABLE:
        assert f"<code>{each.value}</code>" in page.text


async def test_every_magic_value_is_in_the_table() -> None:
    named = {
        value for name, value in vars(magic).items() if name.startswith(("ACCOUNT_", "NUMBER_", "NAME_", "DOMAIN_"))
    }

    assert named == {each.value for each in magic.TABLE}


async def test_the_places_on_the_first_page_exist(world: World) -> None:
    for path in ("/paystack/docs", "/prembly/docs", "/docs", "/lenders", "/mailbox", "/health"):
        assert (await world.client.get(path)).status_code == 200


def test_without_settings_the_product_finds_the_sandbox_and_knows_its_keys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # where no .env is
    for name in [each for each in os.environ if each.startswith("CAAS_")]:
        monkeypatch.delenv(name)

    sandbox, rail, kyc, mail = SandboxSettings(), RailSettings(), KycSettings(), MailSettings()

    assert rail.secret_key == sandbox.rail_secret_key
    assert kyc.api_key == sandbox.bureau_api_key
    assert rail.url == f"http://{sandbox.host}:{sandbox.port}/paystack"
    assert kyc.url == f"http://{sandbox.host}:{sandbox.port}/prembly"
    assert (mail.smtp_host, mail.smtp_port) == (sandbox.host, sandbox.smtp_port)


def test_what_was_cleared_stays_cleared(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf.jsonl")
    shelf.append("mails", {"subject": "first"})
    shelf.clear("mails")
    shelf.append("mails", {"subject": "second\u2028line"})

    assert list(Shelf(tmp_path / "shelf.jsonl").rows("mails").values()) == [{"subject": "second\u2028line"}]
