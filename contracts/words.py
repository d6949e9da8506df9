"""Between JSON and the ABI: the arguments of a call, what comes back from it, what events and errors say.

Whole numbers are numbers (or their digits), bytes and addresses are 0x hex, lists are lists, structs are objects. An
enumeration is its number; going in, the names of `models.chain.ChainState` are understood as well.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.abi import collapse_if_tuple
from eth_utils.address import is_address, to_checksum_address
from eth_utils.crypto import keccak

from models.chain import ChainState, ContractRefused
from models.errors import Refused

Component = Mapping[str, Any]
_SELECTOR_BYTES = 4
_HEX = re.compile("0x(?:[0-9a-fA-F]{2})*")
_STATES = {state.value: number for number, state in enumerate(ChainState)}
_TEXT = "08c379a0"
_PANIC = "4e487b71"
_PANICS = {
    0x00: "the compiler's own check failed",
    0x01: "an assertion does not hold",
    0x11: "arithmetic overflow or underflow",
    0x12: "division by zero",
    0x21: "no value of the enumeration",
    0x22: "a byte array is badly stored",
    0x31: "pop from an empty array",
    0x32: "index out of bounds",
    0x41: "too much memory",
    0x51: "call of a function that was never set",
}
# What a contract passes on from those it calls is not in its own ABI.
_FOREIGN = (
    "AccessControlUnauthorizedAccount(address account,bytes32 neededRole)",
    "AccessControlBadConfirmation()",
    "AccessControlEnforcedDefaultAdminRules()",
    "ECDSAInvalidSignature()",
    "ECDSAInvalidSignatureLength(uint256 length)",
    "ECDSAInvalidSignatureS(bytes32 s)",
    "EnforcedPause()",
    "ExpectedPause()",
    "ERC20InsufficientAllowance(address spender,uint256 allowance,uint256 needed)",
    "ERC20InsufficientBalance(address sender,uint256 balance,uint256 needed)",
    "ERC20InvalidApprover(address approver)",
    "ERC20InvalidReceiver(address receiver)",
    "ERC20InvalidSender(address sender)",
    "ERC20InvalidSpender(address spender)",
    "FailedCall()",
    "InsufficientBalance(uint256 balance,uint256 needed)",
    "MathOverflowedMulDiv()",
    "ReentrancyGuardReentrantCall()",
    "SafeCastOverflowedUintDowncast(uint8 bits,uint256 value)",
    "SafeERC20FailedOperation(address token)",
    "TimelockInsufficientDelay(uint256 delay,uint256 minDelay)",
    "TimelockUnexpectedOperationState(bytes32 operationId,bytes32 expectedStates)",
)


@dataclass(eq=False)
class BadArgument(Refused):
    """What a call was given does not fit the contract; `field` says where."""


@dataclass(frozen=True, slots=True)
class Said:
    """What an event says."""

    name: str
    arguments: dict[str, Any]


class ContractWords:
    """The functions and events of one contract, by its ABI."""

    def __init__(self, name: str, abi: Iterable[Component]) -> None:
        entries = tuple(abi)
        self.name = name
        self.errors = tuple(each for each in entries if each["type"] == "error")
        self._functions = {each["name"]: each for each in entries if each["type"] == "function"}
        self._events = {keccak(text=_signature(each)): each for each in entries if each["type"] == "event"}

    def call_data(self, function: str, arguments: Sequence[Any]) -> str:
        """The data of a transaction or a call."""
        found = self._function(function)
        inputs = found["inputs"]
        if len(arguments) != len(inputs):
            raise BadArgument(f"{function} takes {len(inputs)} arguments, not {len(arguments)}", function)
        values = [
            as_abi(each, value, f"{function}.{each['name']}") for each, value in zip(inputs, arguments, strict=True)
        ]
        try:
            body = encode([collapse_if_tuple(dict(each)) for each in inputs], values)
        except EncodingError as error:
            raise BadArgument(f"{function}: {error}", function) from error
        return "0x" + (_selector(found) + body).hex()

    def gives_back(self, function: str) -> bool:
        """Whether the function answers anything at all."""
        return bool(self._function(function)["outputs"])

    def returned(self, function: str, data: bytes) -> Any:
        """What a function gave back: its one value, or an object of several; a list when they have no names."""
        outputs = self._function(function)["outputs"]
        values = _decoded(outputs, data)
        if len(values) == 1:
            return values[0]
        if all(each["name"] for each in outputs):
            return {each["name"]: value for each, value in zip(outputs, values, strict=True)}
        return values

    def said(self, topics: Sequence[bytes], data: bytes) -> Said | None:
        """The event of a log; None when it is none of this contract's."""
        found = self._events.get(topics[0]) if topics else None
        if found is None:
            return None
        inputs = found["inputs"]
        indexed = [each for each in inputs if each["indexed"]]
        plain = [each for each in inputs if not each["indexed"]]
        values = dict(zip((each["name"] for each in plain), _decoded(plain, data), strict=True))
        for each, topic in zip(indexed, topics[1:], strict=True):
            values[each["name"]] = _decoded([each], topic)[0]
        return Said(found["name"], {each["name"]: values[each["name"]] for each in inputs})

    def _function(self, name: str) -> Component:
        if name not in self._functions:
            raise BadArgument(f"{self.name} has no function {name}", name)
        return self._functions[name]


class ErrorWords:
    """Names and values of the errors that contracts may answer with."""

    def __init__(self, errors: Iterable[Component]) -> None:
        foreign = (_parsed(each) for each in _FOREIGN)
        self._errors = {_selector(each): each for each in (*foreign, *errors)}

    def refusal(self, data: bytes, message: str = "") -> ContractRefused:
        """What revert data says; the node's own `message` where there is none."""
        selector, body = data[:_SELECTOR_BYTES], data[_SELECTOR_BYTES:]
        try:
            if selector.hex() == _TEXT:
                (text,) = decode(["string"], body)
                return ContractRefused(f"the contract refuses: {text}", error="Error", values=(text,))
            if selector.hex() == _PANIC:
                (code,) = decode(["uint256"], body)
                reason = _PANICS.get(code, "for a reason of its own")
                return ContractRefused(f"the contract panics (0x{code:02x}): {reason}", error="Panic", values=(code,))
            if found := self._errors.get(selector):
                return _named(found, tuple(_decoded(found["inputs"], body)))
        except DecodingError:
            pass  # data of another contract under the same four bytes, or cut off: shown as it is
        if data:
            shown = f"0x{data.hex()}"
            return ContractRefused(
                f"the contract refuses with an error that is not ours: {shown}",
                error=f"0x{selector.hex()}",
                values=(shown,),
            )
        return ContractRefused(f"the contract refuses without a reason ({message or 'reverted'})", error="Reverted")


def to_bytes(text: str) -> bytes:
    """The bytes of 0x hex."""
    return bytes.fromhex(text.removeprefix("0x"))


def _named(error: Component, values: tuple[Any, ...]) -> ContractRefused:
    shown = ", ".join(f"{each['name']}={value}" for each, value in zip(error["inputs"], values, strict=True))
    return ContractRefused(f"the contract refuses: {error['name']}({shown})", error=error["name"], values=values)


def _parsed(declaration: str) -> Component:
    """An ABI entry of `Name(type name,type name)`."""
    name, _, inside = declaration.removesuffix(")").partition("(")
    inputs = [dict(zip(("type", "name"), each.split(), strict=True)) for each in inside.split(",") if each]
    return {"type": "error", "name": name, "inputs": inputs}


def _signature(entry: Component) -> str:
    return f"{entry['name']}({','.join(collapse_if_tuple(dict(each)) for each in entry['inputs'])})"


def _selector(entry: Component) -> bytes:
    return keccak(text=_signature(entry))[:_SELECTOR_BYTES]


def _decoded(components: Sequence[Component], data: bytes) -> list[Any]:
    values = decode([collapse_if_tuple(dict(each)) for each in components], data)
    return [as_json(each, value) for each, value in zip(components, values, strict=True)]


# ---------------------------------------------------------------- one value


def as_json(component: Component, value: Any) -> Any:
    """A value of the ABI as JSON carries it."""
    if item := _item(component):
        return [as_json(item, each) for each in value]
    kind = component["type"]
    if kind == "tuple":
        parts = zip(component["components"], value, strict=True)
        return {each["name"]: as_json(each, part) for each, part in parts}
    if kind == "address":
        return to_checksum_address(value)
    return f"0x{value.hex()}" if kind.startswith("bytes") else value


def as_abi(component: Component, value: Any, path: str) -> Any:
    """A value of JSON as the ABI takes it; `path` is what a refusal calls it."""
    if item := _item(component):
        if not isinstance(value, list | tuple):
            raise BadArgument(f"{path} must be a list", path)
        return [as_abi(item, each, f"{path}[{number}]") for number, each in enumerate(value)]
    kind = component["type"]
    if kind == "tuple":
        return _struct(component, value, path)
    for prefix, converted in _CONVERSIONS.items():
        if kind.startswith(prefix):
            return converted(component, value, path)
    raise BadArgument(f"{path} is of a type that is not supported: {kind}", path)


def _item(component: Component) -> Component | None:
    """What an array holds; None for everything else."""
    kind: str = component["type"]
    return {**component, "type": kind[: kind.rindex("[")]} if kind.endswith("]") else None


def _struct(component: Component, value: Any, path: str) -> list[Any]:
    if not isinstance(value, Mapping):
        raise BadArgument(f"{path} must be an object", path)
    names = [each["name"] for each in component["components"]]
    if missing := [name for name in names if name not in value]:
        raise BadArgument(f"{path}.{missing[0]} is missing", f"{path}.{missing[0]}")
    if unknown := sorted(set(value) - set(names)):
        raise BadArgument(f"{path}.{unknown[0]} is not known", f"{path}.{unknown[0]}")
    return [as_abi(each, value[each["name"]], f"{path}.{each['name']}") for each in component["components"]]


def _whole(component: Component, value: Any, path: str) -> int:
    is_state = str(component.get("internalType", "")).endswith(".State")
    if is_state and isinstance(value, str) and value in _STATES:
        return _STATES[value]
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadArgument(f"{path} must be a whole number, not {value!r}", path)
    kind: str = component["type"]
    bits = int(kind.lstrip("uint"))
    low, high = (0, 2**bits) if kind.startswith("uint") else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    if not low <= value < high:
        raise BadArgument(f"{path} does not fit {kind}: {value}", path)
    return value


def _address(_: Component, value: Any, path: str) -> str:
    if not isinstance(value, str) or not is_address(value):
        raise BadArgument(f"{path} must be an address, not {value!r}", path)
    return to_checksum_address(value)


def _truth(_: Component, value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise BadArgument(f"{path} must be true or false, not {value!r}", path)
    return value


def _octets(component: Component, value: Any, path: str) -> bytes:
    """Fixed bytes must be whole: the ABI would pad what is short, and another value would be meant."""
    length = component["type"].removeprefix("bytes")
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise BadArgument(f"{path} must be 0x hex, not {value!r}", path)
    octets = to_bytes(value)
    if length and len(octets) != int(length):
        raise BadArgument(f"{path} must be {length} bytes, not {len(octets)}", path)
    return octets


def _text(_: Component, value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise BadArgument(f"{path} must be a text, not {value!r}", path)
    return value


_CONVERSIONS: Mapping[str, Callable[[Component, Any, str], Any]] = {
    "uint": _whole,
    "int": _whole,
    "address": _address,
    "bool": _truth,
    "bytes": _octets,
    "string": _text,
}
