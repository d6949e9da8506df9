"""The answers of geth, anvil and the dev node, as they were measured."""

import pytest

from contracts.node import Sent
from contracts.node_errors import NodeError


@pytest.mark.parametrize(
    ("sentence", "meaning"),
    [
        ("already known", Sent.ALREADY_KNOWN),
        ("transaction already imported", Sent.ALREADY_KNOWN),
        ("nonce too low", Sent.NONCE_TOO_LOW),
        ("nonce too low: next nonce 5, tx nonce 4", Sent.NONCE_TOO_LOW),
        ("nonce too low: address 0x12, tx: 4 state: 5", Sent.NONCE_TOO_LOW),
        ("replacement transaction underpriced", Sent.UNDERPRICED),
        ("transaction underpriced: gas tip cap 0, minimum needed 1", Sent.UNDERPRICED),
        ("max fee per gas less than block base fee", Sent.UNDERPRICED),
        ("max fee per gas less than block base fee: address 0x12, maxFeePerGas: 1, baseFee: 7", Sent.UNDERPRICED),
        ("nonce too high", Sent.NONCE_TOO_HIGH),
        ("Invalid transaction nonce: Expected 1, but got 3", Sent.NONCE_TOO_HIGH),
        ("Invalid transaction nonce: Expected 3, but got 1", Sent.NONCE_TOO_LOW),
        ("insufficient funds for gas * price + value", None),
        ("txpool is full", None),
    ],
)
def test_each_brand_says_the_same_in_its_own_words(sentence: str, meaning: Sent | None) -> None:
    assert NodeError("eth_sendRawTransaction", -32000, sentence).sent is meaning


@pytest.mark.parametrize(
    ("data", "octets"),
    [
        ("0x0102", b"\x01\x02"),
        ("Reverted 0x0102", b"\x01\x02"),
        ({"data": {"data": "0x0102"}}, b"\x01\x02"),
        ({"result": "0x0102"}, b"\x01\x02"),
        ("0x", b""),
        ("no hex", b""),
        ({"message": "no data"}, b""),
        (None, b""),
    ],
)
def test_revert_data_is_found_where_nodes_put_it(data: object, octets: bytes) -> None:
    assert NodeError("eth_call", 3, "execution reverted", data).revert_data == octets


def test_a_refusal_of_the_contract_is_told_from_one_of_the_node() -> None:
    assert NodeError("eth_call", 3, "execution reverted").is_revert
    assert NodeError("eth_call", -32000, "VM Exception: revert").is_revert
    assert not NodeError("eth_call", -32000, "header not found").is_revert
    assert NodeError("eth_feeHistory", -32601, "the method does not exist").is_unknown_method


def test_a_node_error_names_method_sentence_and_code() -> None:
    assert str(NodeError("eth_call", -32000, "header not found")) == "eth_call: header not found (-32000)"
