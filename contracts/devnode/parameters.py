"""Reading what a request brings; each refusal names the place and the reason."""

from collections.abc import Collection, Sequence
from typing import Any

from eth_typing import Address

from contracts.devnode.execution import CallRequest
from contracts.devnode.refusals import InvalidParameters

ZERO = Address(bytes(20))
_ADDRESS_BYTES = 20


def quantity_in(value: Any, name: str) -> int:
    """A number in hexadecimal; plain numbers are taken too, as anvil and ganache do for their own methods."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return int(value, 16)
        except ValueError:
            pass
    raise InvalidParameters(f"{name}: expected a hexadecimal number, got {value!r}")


def bytes_in(value: Any, name: str, *, length: int | None = None) -> bytes:
    if isinstance(value, str) and value.startswith("0x"):
        try:
            found = bytes.fromhex(value[2:])
        except ValueError:
            pass
        else:
            if length is None or len(found) == length:
                return found
    what = "hexadecimal bytes" if length is None else f"{length} hexadecimal bytes"
    raise InvalidParameters(f"{name}: expected {what}, got {value!r}")


def hash_in(value: Any, name: str) -> bytes:
    return bytes_in(value, name, length=32)


def address_in(value: Any, name: str) -> Address:
    return Address(bytes_in(value, name, length=_ADDRESS_BYTES))


def object_in(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidParameters(f"{name}: expected an object, got {value!r}")
    return value


def call_in(value: Any) -> CallRequest:
    """The transaction of `eth_call` and `eth_estimateGas`. What it would pay for gas does not matter here."""
    call = object_in(value, "transaction")
    data = call.get("input", call.get("data"))
    return CallRequest(
        sender=address_in(call["from"], "from") if call.get("from") else ZERO,
        to=address_in(call["to"], "to") if call.get("to") else None,
        data=bytes_in(data, "input") if data else b"",
        value=quantity_in(call.get("value", 0), "value"),
        gas=quantity_in(call["gas"], "gas") if call.get("gas") else None,
    )


def addresses_in(value: Any) -> Collection[bytes]:
    """None, one, or a list of which any will do."""
    if value is None:
        return ()
    return {address_in(each, "address") for each in (value if isinstance(value, list) else [value])}


def topics_in(value: Any) -> Sequence[Collection[bytes] | None]:
    """At each position null for anything, one topic, or a list of which any will do; an empty list is anything."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise InvalidParameters(f"topics: expected a list, got {value!r}")
    return tuple(_alternatives(each) for each in value)


def _alternatives(value: Any) -> Collection[bytes] | None:
    if value is None or value == []:
        return None
    listed = value if isinstance(value, list) else [value]
    return None if None in listed else {hash_in(each, "topics") for each in listed}
