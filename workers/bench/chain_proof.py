"""What the chain and the rows must say when everything is written: each operation once, and no nonce left out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import col

from activities.chain_attempts import OPEN
from contracts.addresses import AddressBook
from contracts.ethereum import Ethereum
from contracts.node import ContractEvent
from models.chain import Call, ChainState, TransactionStatus
from models.records.chain_transactions import ChainTransaction
from models.records.database import Database
from workers.bench.chain_loans import AGGREGATOR, OPERATIONS_PER_LOAN, TENANT, ChainedLoan

_STATES = list(ChainState)
_WINDOW_BLOCKS = 5_000


class NotProven(AssertionError):
    """The chain or the rows are not as they must be."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was counted."""

    events: int
    transactions: int
    reverted: int
    replaced: int
    gas: int


async def prove(
    node: Ethereum, rows: Database, book: AddressBook, loans: Sequence[ChainedLoan], *, first: int
) -> Proof:
    """Compare everything; `first` is the nonce that the signer began with."""
    events = await _prove_events(node, book, loans)
    proof = await _prove_nonces(node, rows, loans, first=first, events=len(events))
    for loan in loans:
        await _prove_balance(node, loan)
    return proof


async def _prove_events(node: Ethereum, book: AddressBook, loans: Sequence[ChainedLoan]) -> list[ContractEvent]:
    """One event of its own for each operation."""
    said = [each for each in await _all_events(node, book.first_block) if each.contract == AGGREGATOR]
    steps = [each for each in said if each.name in {"Originated", "Funded", "Repaid"}]
    counted = Counter(each.arguments.get("opId") or each.arguments["loanId"] for each in steps)
    wanted = {loan.key for loan in loans} | {
        loan.op_id(number) for loan in loans for number in range(1, OPERATIONS_PER_LOAN)
    }
    if set(counted) != wanted or set(counted.values()) != {1}:
        twice = [op_id for op_id, times in counted.items() if times > 1]
        raise NotProven(f"missing {len(wanted - set(counted))}, strange {len(set(counted) - wanted)}, twice {twice}")
    return steps


async def _all_events(node: Ethereum, first: int) -> list[ContractEvent]:
    last = (await node.head()).number
    found: list[ContractEvent] = []
    for start in range(first, last + 1, _WINDOW_BLOCKS):
        found += await node.events(start, min(start + _WINDOW_BLOCKS - 1, last))
    return found


async def _prove_nonces(
    node: Ethereum, rows: Database, loans: Sequence[ChainedLoan], *, first: int, events: int
) -> Proof:
    """Rows and the chain count the same transactions, one behind the other."""
    async with rows.transaction(TENANT) as session:
        found = (await session.execute(select(ChainTransaction).order_by(col(ChainTransaction.nonce)))).scalars().all()
    if left := [row.hash for row in found if row.status in OPEN]:
        raise NotProven(f"not mined: {left}")
    confirmed = [row for row in found if row.status == TransactionStatus.CONFIRMED]
    mined = [row for row in found if row.status in {TransactionStatus.CONFIRMED, TransactionStatus.REVERTED}]
    if [row.nonce for row in mined] != list(range(first, first + len(mined))):
        raise NotProven("the nonces of what is mined have a gap or a double")
    if (counted := await node.next_nonce(node.signers[0])) != first + len(mined):
        raise NotProven(f"the chain has counted {counted - first} transactions, and {len(mined)} are on record")
    if len({row.op_id for row in confirmed}) != len(confirmed) or len(confirmed) != OPERATIONS_PER_LOAN * len(loans):
        raise NotProven(f"{len(confirmed)} confirmed rows for {OPERATIONS_PER_LOAN * len(loans)} operations")
    for row in mined:
        receipt = await node.receipt(row.hash)
        if receipt is None or (receipt.block_hash, receipt.block_number) != (row.block_hash, row.block_number):
            raise NotProven(f"{row.hash} is not where it was recorded")
    return Proof(
        events=events,
        transactions=len(mined),
        reverted=len(mined) - len(confirmed),
        replaced=len(found) - len(mined),
        gas=sum(row.gas_used or 0 for row in mined),
    )


async def _prove_balance(node: Ethereum, loan: ChainedLoan) -> None:
    there = await node.read(Call(AGGREGATOR, "loan", (loan.key,)))
    state = ChainState.ACTIVE if loan.outstanding else ChainState.CLOSED
    wanted = {
        "seq": OPERATIONS_PER_LOAN - 1,
        "outstanding": loan.outstanding,
        "interestPaid": loan.interest_paid,
        "principal": loan.principal,
        "state": _STATES.index(state),
    }
    if wrong := {name: (there[name], value) for name, value in wanted.items() if there[name] != value}:
        raise NotProven(f"{loan.loan_id}: (found, wanted) {wrong}")
