"""Passwords and keys of the embedded stack."""

import stat
from pathlib import Path

from workers.embedded.secrets import Secrets


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    first = Secrets(tmp_path / "secrets.json")["rail_secret_key"]

    assert len(first) >= 32
    assert Secrets(tmp_path / "secrets.json")["rail_secret_key"] == first
    assert Secrets(tmp_path / "secrets.json")["kyc_api_key"] != first


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    Secrets(tmp_path / "secrets.json")["sandbox_api_key"] = "shown once"

    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_asking_whether_one_exists_makes_none(tmp_path: Path) -> None:
    assert Secrets(tmp_path / "secrets.json").get("sandbox_api_key") is None
    assert not (tmp_path / "secrets.json").exists()
