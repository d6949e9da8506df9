"""Whether a write that a contract refuses has been applied already, and by us.

The state of the chain decides, not the name of the error: a contract may complain of something else first. A number in
the right place is not enough either, because somebody else may have put it there; what is ours carries our `opId`, or
says exactly what we wanted to say.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from activities.chain_attempts import WriteOrder
from contracts.node import ChainNode, ContractEvent
from models.chain import Call

# Nodes limit how much of the chain one question may be about.
_WINDOW_BLOCKS = 10_000
_SEQUENCED_ARGUMENTS = 3

Proof = Callable[[ContractEvent], bool]
Evidence = Callable[[ChainNode, Call], Awaitable[Proof | None]]


async def evidence_of(node: ChainNode, order: WriteOrder, *, since: int = 0) -> ContractEvent | None:
    """The event by which the write was applied, in block `since` or later; None when it was not, or not by us."""
    fits = await _BY_FUNCTION.get(order.call.function, _sequenced)(node, order.call)
    if fits is None:
        return None
    async for event in _backwards(node, order.call.arguments[0], since):
        if fits(event):
            return event
    return None


async def _sequenced(node: ChainNode, call: Call) -> Proof | None:
    """`f(loanId, opId, seq, ...)`: the loan has come as far, and our id is in the event."""
    if len(call.arguments) < _SEQUENCED_ARGUMENTS:
        return None
    loan_key, op_id, sequence = call.arguments[:_SEQUENCED_ARGUMENTS]
    loan = await node.read(Call(call.contract, "loan", (loan_key,)))
    if loan["seq"] < int(sequence):
        return None
    return lambda event: _same(event.arguments.get("opId"), op_id)


async def _originated(node: ChainNode, call: Call) -> Proof | None:
    loan_key, terms = call.arguments[:2]
    loan = await node.read(Call(call.contract, "loan", (loan_key,)))
    if not _same(loan["termsHash"], await node.read(Call(call.contract, "termsHash", (terms,)))):
        return None
    return _named("Originated")


async def _published(node: ChainNode, call: Call) -> Proof | None:
    subject, score = call.arguments[:2]
    if not _holds(await node.read(Call(call.contract, "latest", (subject,))), score):
        return None
    return lambda event: event.name == "ScorePublished" and _holds(event.arguments, score)


async def _margin_called(node: ChainNode, call: Call) -> Proof | None:
    is_called = await node.read(Call(call.contract, "marginCallOf", call.arguments))
    return _named("MarginCalled") if is_called else None


async def _margin_cured(node: ChainNode, call: Call) -> Proof | None:
    is_called = await node.read(Call(call.contract, "marginCallOf", call.arguments))
    return None if is_called else _named("MarginCallCured")


async def _released(node: ChainNode, call: Call) -> Proof | None:
    is_there = await node.read(Call(call.contract, "hasCollateral", call.arguments))
    return None if is_there else _named("Released")


async def _returned(node: ChainNode, call: Call) -> Proof | None:
    is_there = await node.read(Call(call.contract, "creditOf", call.arguments))
    return None if is_there else _named("CreditReturned")


_BY_FUNCTION: Mapping[str, Evidence] = {
    "originate": _originated,
    "publish": _published,
    "marginCall": _margin_called,
    "clearMarginCall": _margin_cured,
    "release": _released,
    "returnCredit": _returned,
}


async def _backwards(node: ChainNode, loan_key: str, since: int) -> AsyncIterator[ContractEvent]:
    """What was said of a loan, the newest first."""
    last = (await node.head()).number
    while last >= since:
        first = max(since, last - _WINDOW_BLOCKS + 1)
        for event in reversed(await node.events(first, last, loan_key=loan_key)):
            yield event
        last = first - 1


def _named(name: str) -> Proof:
    return lambda event: event.name == name


def _holds(said: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(int(said[name]) == int(value) for name, value in wanted.items())


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, str) and isinstance(other, str) and one.lower() == other.lower()
