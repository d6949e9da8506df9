"""JSON in, ABI out, and back; what contracts say no with, in words."""

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from contracts.words import BadArgument, ContractWords, ErrorWords, as_abi, as_json, to_bytes
from models.chain import ChainState

LOAN = "0x" + "ab" * 32
SOMEBODY = "0x52908400098527886E0F7030069857D2E4169EE7"


def parameter(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, **more}


TERMS = parameter("tuple", "terms", components=[parameter("address", "lender"), parameter("uint128", "principal")])
ABI: list[dict[str, Any]] = [
    {
        "type": "function",
        "name": "originate",
        "inputs": [parameter("bytes32", "loanId"), TERMS, parameter("bytes[]", "approvals")],
        "outputs": [],
    },
    {
        "type": "function",
        "name": "transition",
        "inputs": [parameter("uint8", "to", internalType="enum ICreditAggregator.State")],
        "outputs": [],
    },
    {"type": "function", "name": "terms", "inputs": [], "outputs": [TERMS]},
    {
        "type": "function",
        "name": "debtOf",
        "inputs": [],
        "outputs": [parameter("address", "asset"), parameter("uint256", "amount")],
    },
    {
        "type": "function",
        "name": "pair",
        "inputs": [],
        "outputs": [parameter("uint8", ""), parameter("bool", "")],
    },
    {
        "type": "event",
        "name": "Repaid",
        "inputs": [
            parameter("bytes32", "loanId", indexed=True),
            parameter("uint24", "seq", indexed=False),
            parameter("address", "payer", indexed=True),
            parameter("uint128", "principal", indexed=False),
        ],
    },
    {
        "type": "error",
        "name": "BadSequence",
        "inputs": [parameter("bytes32", "loanId"), parameter("uint24", "seq"), parameter("uint24", "applied")],
    },
]


@pytest.fixture
def words() -> ContractWords:
    return ContractWords("CreditAggregator", ABI)


@pytest.fixture
def errors(words: ContractWords) -> ErrorWords:
    return ErrorWords(words.errors)


def selector(signature: str) -> bytes:
    return keccak(text=signature)[:4]


def test_a_call_is_the_selector_and_the_arguments_with_their_structs(words: ContractWords) -> None:
    data = words.call_data("originate", (LOAN, {"principal": 2**127, "lender": SOMEBODY}, ["0x01", "0x"]))

    body = encode(["bytes32", "(address,uint128)", "bytes[]"], [to_bytes(LOAN), (SOMEBODY, 2**127), [b"\x01", b""]])
    assert to_bytes(data) == selector("originate(bytes32,(address,uint128),bytes[])") + body


@pytest.mark.parametrize(("given", "wanted"), [(5, 5), ("6", 6), (ChainState.CLOSED, 6)])
def test_a_state_goes_in_by_number_or_by_name(words: ContractWords, given: Any, wanted: int) -> None:
    assert to_bytes(words.call_data("transition", (given,)))[-1] == wanted


@pytest.mark.parametrize(
    ("arguments", "field", "reason"),
    [
        ((LOAN,), "originate", "takes 3 arguments, not 1"),
        ((LOAN[:-2], {"lender": SOMEBODY, "principal": 1}, []), "originate.loanId", "must be 32 bytes, not 31"),
        (("ab" * 32, {"lender": SOMEBODY, "principal": 1}, []), "originate.loanId", "must be 0x hex"),
        ((LOAN, [1], []), "originate.terms", "must be an object"),
        ((LOAN, {"lender": SOMEBODY}, []), "originate.terms.principal", "is missing"),
        ((LOAN, {"lender": SOMEBODY, "principal": 1, "x": 2}, []), "originate.terms.x", "is not known"),
        ((LOAN, {"lender": "0x12", "principal": 1}, []), "originate.terms.lender", "must be an address"),
        ((LOAN, {"lender": SOMEBODY, "principal": 1.5}, []), "originate.terms.principal", "must be a whole number"),
        ((LOAN, {"lender": SOMEBODY, "principal": True}, []), "originate.terms.principal", "must be a whole number"),
        ((LOAN, {"lender": SOMEBODY, "principal": -1}, []), "originate.terms.principal", "does not fit uint128"),
        ((LOAN, {"lender": SOMEBODY, "principal": 2**128}, []), "originate.terms.principal", "does not fit uint128"),
        ((LOAN, {"lender": SOMEBODY, "principal": 1}, "0x"), "originate.approvals", "must be a list"),
        ((LOAN, {"lender": SOMEBODY, "principal": 1}, ["0x", "0xz"]), "originate.approvals[1]", "must be 0x hex"),
    ],
)
def test_a_bad_argument_is_refused_by_its_name(
    words: ContractWords, arguments: tuple[Any, ...], field: str, reason: str
) -> None:
    with pytest.raises(BadArgument, match=reason.replace("(", r"\(")) as refused:
        words.call_data("originate", arguments)

    assert refused.value.field == field


def test_a_function_that_is_not_there_is_refused(words: ContractWords) -> None:
    with pytest.raises(BadArgument, match="CreditAggregator has no function mint"):
        words.call_data("mint", ())


@pytest.mark.parametrize(
    ("kind", "given", "reason"),
    [
        ("bool", 1, "true or false"),
        ("string", 1, "a text"),
        ("int16", 2**15, "does not fit int16"),
        ("function", 1, "not supported"),
    ],
)
def test_every_kind_of_value_is_checked(kind: str, given: Any, reason: str) -> None:
    with pytest.raises(BadArgument, match=reason):
        as_abi(parameter(kind, "x"), given, "x")


def test_values_survive_the_way_there_and_back() -> None:
    component = parameter(
        "tuple[]",
        "x",
        components=[parameter("bool", "a"), parameter("string", "b"), parameter("bytes", "c"), parameter("int8", "d")],
    )
    given = [{"a": True, "b": "text", "c": "0x00ff", "d": -128}]

    assert as_json(component, as_abi(component, given, "x")) == given


def test_one_value_comes_back_alone_and_several_by_their_names(words: ContractWords) -> None:
    struct = encode(["(address,uint128)"], [(SOMEBODY, 7)])
    two = encode(["address", "uint256"], [SOMEBODY, 7])

    assert words.returned("terms", struct) == {"lender": SOMEBODY, "principal": 7}
    assert words.returned("debtOf", two) == {"asset": SOMEBODY, "amount": 7}
    assert words.returned("pair", encode(["uint8", "bool"], [1, True])) == [1, True]
    assert words.gives_back("pair")
    assert not words.gives_back("originate")


def test_an_event_is_read_from_its_topics_and_its_data(words: ContractWords) -> None:
    topics = [keccak(text="Repaid(bytes32,uint24,address,uint128)"), to_bytes(LOAN), encode(["address"], [SOMEBODY])]

    said = words.said(topics, encode(["uint24", "uint128"], [3, 100]))

    assert said is not None
    assert said.name == "Repaid"
    assert said.arguments == {"loanId": LOAN, "seq": 3, "payer": SOMEBODY, "principal": 100}
    assert list(said.arguments) == ["loanId", "seq", "payer", "principal"]


@pytest.mark.parametrize("topics", [[], [keccak(text="Transfer(address,address,uint256)")]])
def test_what_others_say_is_left_alone(words: ContractWords, topics: list[bytes]) -> None:
    assert words.said(topics, b"") is None


def test_a_custom_error_is_its_name_and_its_values(errors: ErrorWords) -> None:
    data = selector("BadSequence(bytes32,uint24,uint24)") + encode(
        ["bytes32", "uint24", "uint24"], [to_bytes(LOAN), 3, 5]
    )

    refused = errors.refusal(data)

    assert (refused.error, refused.values) == ("BadSequence", (LOAN, 3, 5))
    assert refused.detail == f"the contract refuses: BadSequence(loanId={LOAN}, seq=3, applied=5)"


def test_errors_of_openzeppelin_are_known_whoever_raises_them(errors: ErrorWords) -> None:
    role = b"\x07" * 32
    data = selector("AccessControlUnauthorizedAccount(address,bytes32)") + encode(
        ["address", "bytes32"], [SOMEBODY, role]
    )

    assert errors.refusal(data).values == (SOMEBODY, f"0x{role.hex()}")
    assert errors.refusal(selector("EnforcedPause()")).detail == "the contract refuses: EnforcedPause()"


def test_texts_and_panics_are_readable(errors: ErrorWords) -> None:
    text = errors.refusal(selector("Error(string)") + encode(["string"], ["not today"]))
    panic = errors.refusal(selector("Panic(uint256)") + encode(["uint256"], [0x11]))
    strange = errors.refusal(selector("Panic(uint256)") + encode(["uint256"], [0x99]))

    assert (text.error, text.values, text.detail) == ("Error", ("not today",), "the contract refuses: not today")
    assert panic.detail == "the contract panics (0x11): arithmetic overflow or underflow"
    assert (strange.error, strange.values) == ("Panic", (0x99,))


@pytest.mark.parametrize("data", ["0xdeadbeef01", "0x08c379a0", "0xdead"])
def test_what_nobody_knows_is_shown_as_it_is(errors: ErrorWords, data: str) -> None:
    refused = errors.refusal(to_bytes(data))

    assert refused.error == data[:10]
    assert refused.detail == f"the contract refuses with an error that is not ours: {data}"


def test_a_refusal_without_a_word_says_what_the_node_said(errors: ErrorWords) -> None:
    refused = errors.refusal(b"", "execution reverted")

    assert (refused.error, refused.detail) == (
        "Reverted",
        "the contract refuses without a reason (execution reverted)",
    )
