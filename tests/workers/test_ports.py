"""Ports of the embedded stack."""

import socket
from pathlib import Path

import pytest

from workers.embedded.ports import LOOPBACK, Ports, any_free, is_free


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def ports(tmp_path: Path, said: list[str]) -> Ports:
    return Ports(tmp_path / "ports.json", said.append)


def test_the_usual_port_is_taken_when_it_is_free(ports: Ports, said: list[str]) -> None:
    usual = any_free()

    assert ports.take("api", usual) == usual
    assert said == []


def test_a_taken_port_is_replaced_by_a_free_one_and_that_is_said(ports: Ports, said: list[str]) -> None:
    with socket.create_server((LOOPBACK, 0)) as stranger:
        usual = stranger.getsockname()[1]
        port = ports.take("api", usual)

    assert port != usual
    assert is_free(port)
    assert said == [f"port {usual} is taken: api listens on {port}"]


def test_two_parts_never_get_the_same_port(ports: Ports) -> None:
    usual = any_free()

    assert ports.take("api", usual) != ports.take("sandbox", usual)


def test_a_port_once_given_is_given_again(tmp_path: Path, said: list[str]) -> None:
    with socket.create_server((LOOPBACK, 0)) as stranger:
        usual = stranger.getsockname()[1]
        first = Ports(tmp_path / "ports.json", said.append).take("api", usual)

    assert Ports(tmp_path / "ports.json", said.append).take("api", usual) == first


def test_zero_means_any_port_and_needs_no_word(ports: Ports, said: list[str]) -> None:
    assert ports.take("api", 0) > 0
    assert said == []
