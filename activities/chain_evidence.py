"""Whether a write that a contract refuses has been applied already, and by us.

The state of the chain decides, not the name of the error: a contract may complain of something else first. A number in
the right place is not enough either, because somebody else may have put it there; what is ours carries our `opId`, or
says exactly what we wanted to say.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from activities.chain_attempts import WriteOrder
from contracts.node import ChainNode, ContractEvent
from models.chain import Call, ContractRefused

# Nodes limit how much of the chain one question may be about.
_WINDOW_BLOCKS = 10_000
_SEQUENCED_ARGUMENTS = 3

Evidence = Callable[[ChainNode, WriteOrder], Awaitable[ContractEvent | None]]


async def evidence_of(node: ChainNode, order: WriteOrder) -> ContractEvent | None:
    """The event by which the write was applied; None when it was not, or not by us."""
    found = _BY_FUNCTION.get(order.call.function, _sequenced)
    return await found(node, order)


async def _sequenced(node: ChainNode, order: WriteOrder) -> ContractEvent | None:
    """`f(loanId, opId, seq, ...)`: the loan has come as far, and our id is in the event."""
    call = order.call
    if len(call.arguments) < _SEQUENCED_ARGUMENTS:
        return None
    loan_key, op_id, sequence = call.arguments[:_SEQUENCED_ARGUMENTS]
    loan = await _read_or_nothing(node, Call(call.contract, "loan", (loan_key,)))
    if loan is None or loan["seq"] < int(sequence):
        return None
    return await _event(node, loan_key, lambda event: _same(event.arguments.get("opId"), op_id))


async def _originated(node: ChainNode, order: WriteOrder) -> ContractEvent | None:
    call = order.call
    loan_key, terms = call.arguments[:2]
    loan = await _read_or_nothing(node, Call(call.contract, "loan", (loan_key,)))
    if loan is None or loan["termsHash"] != await node.read(Call(call.contract, "termsHash", (terms,))):
        return None
    return await _event(node, loan_key, lambda event: event.name == "Originated")


async def _published(node: ChainNode, order: WriteOrder) -> ContractEvent | None:
    call = order.call
    subject, score = call.arguments[:2]
    if not _holds(await node.read(Call(call.contract, "latest", (subject,))), score):
        return None
    return await _event(node, subject, lambda event: event.name == "ScorePublished" and _holds(event.arguments, score))


async def _margin_called(node: ChainNode, order: WriteOrder) -> ContractEvent | None:
    (loan_key,) = order.call.arguments
    cure_by = await node.read(Call(order.call.contract, "marginCallOf", (loan_key,)))
    return await _event(node, loan_key, lambda event: event.name == "MarginCalled") if cure_by else None


async def _margin_cured(node: ChainNode, order: WriteOrder) -> ContractEvent | None:
    (loan_key,) = order.call.arguments
    cure_by = await node.read(Call(order.call.contract, "marginCallOf", (loan_key,)))
    return None if cure_by else await _event(node, loan_key, lambda event: event.name == "MarginCallCured")


async def _released(node: ChainNode, order: WriteOrder) -> ContractEvent | None:
    (loan_key,) = order.call.arguments
    if await node.read(Call(order.call.contract, "hasCollateral", (loan_key,))):
        return None
    return await _event(node, loan_key, lambda event: event.name == "Released")


async def _returned(node: ChainNode, order: WriteOrder) -> ContractEvent | None:
    (loan_key,) = order.call.arguments
    if await node.read(Call(order.call.contract, "creditOf", (loan_key,))):
        return None
    return await _event(node, loan_key, lambda event: event.name == "CreditReturned")


_BY_FUNCTION: Mapping[str, Evidence] = {
    "originate": _originated,
    "publish": _published,
    "marginCall": _margin_called,
    "clearMarginCall": _margin_cured,
    "release": _released,
    "returnCredit": _returned,
}


async def _read_or_nothing(node: ChainNode, call: Call) -> Any:
    try:
        return await node.read(call)
    except ContractRefused:  # a loan that is not there
        return None


async def _event(node: ChainNode, loan_key: str, fits: Callable[[ContractEvent], bool]) -> ContractEvent | None:
    """The newest event of a loan that fits."""
    async for event in _backwards(node, loan_key):
        if fits(event):
            return event
    return None


async def _backwards(node: ChainNode, loan_key: str) -> AsyncIterator[ContractEvent]:
    last = (await node.head()).number
    while last >= 0:
        first = max(0, last - _WINDOW_BLOCKS + 1)
        for event in reversed(await node.events(first, last, loan_key=loan_key)):
            yield event
        last = first - 1


def _holds(said: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(int(said[name]) == int(value) for name, value in wanted.items())


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, str) and isinstance(other, str) and one.lower() == other.lower()
