"""A loan of the bank's that is on chain as well, and what its contracts say."""

from itertools import count
from typing import Any

from sqlmodel import col, select

from models.chain import ChainState
from models.loan import LoanRef
from models.records.chain_events import ChainEvent, EventStatus
from models.records.chain_loans import ChainLoan, ChainOperation
from models.records.loans import Loan
from models.records.operator_tasks import OperatorTask
from models.records.outbox import Delivery
from tests.activities.lending import TENANT, Bank
from tests.workers.chains import hash_of

CHAIN_ID = 31_337
_numbers = count(1)


async def put_on_chain(bank: Bank, ref: LoanRef, *, scale: int = 0, **columns: Any) -> ChainLoan:
    """The loan as the chain was told of it: funded, and nothing repaid."""
    unit = 10**scale
    standing = {
        "told_state": ChainState.ACTIVE,
        "told_principal": 120_000 * unit,
        "told_outstanding": 120_000 * unit,
        "told_sequence": 1,
        "seen_state": ChainState.ACTIVE,
        "seen_outstanding": 120_000 * unit,
        "seen_sequence": 1,
    }
    chained = ChainLoan(
        tenant_id=TENANT,
        loan_id=ref.loan_id,
        application_id=ref.application_id,
        chain_id=CHAIN_ID,
        aggregator="0x00",
        loan_key=hash_of("key", ref.loan_id),
        salt="00",
        terms={
            "principal": 120_000 * unit,
            "interestCapBps": 10_000,
            "agreementHash": "0x00",
            "maturity": 1,
            "borrower": "0x" + "0" * 40,
        },
        terms_hash="0x00",
        currency="USD",
        scale=scale,
        **(standing | columns),
    )
    async with bank.database.transaction(TENANT) as session:
        session.add(chained)
        (await session.get_one(Loan, (TENANT, ref.loan_id))).on_chain = True
    return chained


async def said(bank: Bank, ref: LoanRef, name: str, **facts: Any) -> str:
    """An event that counts; its id."""
    number = next(_numbers)
    place: dict[str, Any] = {
        "block_number": number,
        "log_index": 0,
        "tx_hash": hash_of("tx", number),
        "block_hash": hash_of(number),
    }
    place |= {key: facts.pop(key) for key in place.keys() & facts.keys()}
    status = facts.pop("status", EventStatus.CONFIRMED)
    event = ChainEvent(
        tenant_id=TENANT,
        id=f"cev_{number}",
        loan_id=ref.loan_id,
        chain_id=CHAIN_ID,
        contract="CreditAggregator",
        address="0x00",
        name=name,
        arguments=facts,
        status=status,
        **place,
    )
    async with bank.database.transaction(TENANT) as session:
        session.add(event)
    return event.id


async def chained_of(bank: Bank, ref: LoanRef) -> ChainLoan:
    async with bank.database.transaction(TENANT) as session:
        return await session.get_one(ChainLoan, (TENANT, ref.loan_id))


async def operations_of(bank: Bank, ref: LoanRef) -> list[ChainOperation]:
    query = select(ChainOperation).where(col(ChainOperation.loan_id) == ref.loan_id)
    async with bank.database.transaction(TENANT) as session:
        return list((await session.execute(query.order_by(col(ChainOperation.position)))).scalars())


async def tasks_of(bank: Bank, ref: LoanRef, *, is_open: bool = True) -> list[OperatorTask]:
    query = select(OperatorTask).where(col(OperatorTask.loan_id) == ref.loan_id)
    async with bank.database.transaction(TENANT) as session:
        found = (await session.execute(query)).scalars().all()
    return [task for task in found if (task.resolved_at is None) is is_open]


async def mails(bank: Bank) -> list[str]:
    """The subjects of all letters."""
    async with bank.database.transaction(TENANT) as session:
        return [row.subject for row in (await session.execute(select(Delivery))).scalars() if row.channel == "mail"]
