"""The statements by which a business day is closed: a few for each partition, however many loans it has.

What they read of a loan is its row and sums over its installments; what it has lived through they do not read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.accrual import Accrued, Income
from models.aging import Known
from models.business_day import BookedLoan, ScheduleSums, Standing
from models.delinquency import Pause
from models.ids import derived_id
from models.ledger import Journal
from models.loan import LoanStatus

# A loan that is closed is closed once more when it leaves an allowance behind. One on a virtual clock lives its days in
# its own transactions. The index `caas_loan_to_close` has the same condition.
_TO_CLOSE = """tenant_id = :tenant_id AND (status IN ('active', 'overpaid') OR allowance_minor <> 0) AND NOT is_virtual
    AND disbursed_on <= :on AND (closed_business_on IS NULL OR closed_business_on < :on)"""

_PARTITIONS = text(f"""
    SELECT min(id), max(id) FROM (
        SELECT id, (row_number() OVER (ORDER BY id) - 1) / :size AS part FROM caas_loan WHERE {_TO_CLOSE}
    ) AS numbered GROUP BY part ORDER BY part
""")  # noqa: S608 - a constant of ours

_LOCK = text(f"""
    SELECT id, status, currency, tenant_id, product_id, product_version, interest_accrued_minor, fees_accrued_minor,
        allowance_minor, classification, non_accrual_since, charged_off_on, forbearance_since, forbearance_until,
        accrued_on
    FROM caas_loan WHERE {_TO_CLOSE} AND id BETWEEN :first_id AND :last_id ORDER BY id FOR UPDATE
""")  # noqa: S608 - a constant of ours

# The arithmetic of `models.accrual.earned_minor`; integers divide towards zero, and nothing here is below it.
_SUMS = text("""
    SELECT i.loan_id,
        sum(i.principal_minor - i.principal_paid_minor) AS principal_outstanding_minor,
        sum(CASE WHEN i.due_on <= :on THEN i.interest_minor
            ELSE i.interest_minor * greatest(0, :on - i.starts_on) / greatest(1, i.due_on - i.starts_on)
        END) AS interest_earned_minor,
        sum(i.interest_paid_minor) AS interest_paid_minor,
        coalesce(sum(i.fee_minor) FILTER (WHERE i.due_on <= :on), 0) AS fees_earned_minor,
        sum(i.fee_paid_minor) AS fees_paid_minor,
        min(i.due_on) FILTER (WHERE i.principal_minor + i.interest_minor + i.fee_minor + i.penalty_minor
            > i.principal_paid_minor + i.interest_paid_minor + i.fee_paid_minor + i.penalty_paid_minor) AS oldest_due_on
    FROM (
        SELECT row.*, lag(row.due_on, 1, loan.disbursed_on) OVER (PARTITION BY row.loan_id ORDER BY row.number)
            AS starts_on
        FROM caas_loan loan JOIN caas_installment row ON row.tenant_id = loan.tenant_id AND row.loan_id = loan.id
        WHERE loan.tenant_id = :tenant_id AND loan.id = ANY(:ids)
    ) AS i GROUP BY i.loan_id
""")

_STAND = text("""
    UPDATE caas_loan SET days_past_due = s.days_past_due, delinquency_bucket = s.bucket,
        classification = s.classification, ifrs_stage = s.stage, non_accrual_since = s.non_accrual_since,
        charge_off_due = s.charge_off_due, interest_accrued_minor = s.interest, fees_accrued_minor = s.fees,
        allowance_minor = s.allowance, accrued_on = :on, closed_business_on = :on
    FROM unnest(CAST(:ids AS text[]), CAST(:days AS int[]), CAST(:buckets AS text[]), CAST(:classes AS text[]),
        CAST(:stages AS int[]), CAST(:since AS date[]), CAST(:lost AS bool[]), CAST(:interest AS bigint[]),
        CAST(:fees AS bigint[]), CAST(:allowances AS bigint[]))
        AS s(id, days_past_due, bucket, classification, stage, non_accrual_since, charge_off_due, interest, fees,
            allowance)
    WHERE caas_loan.tenant_id = :tenant_id AND caas_loan.id = s.id
""")

_PASS = text("""
    UPDATE caas_loan SET closed_business_on = :on WHERE tenant_id = :tenant_id AND id = ANY(:ids)
""")

_JOURNALS = text("""
    INSERT INTO caas_journal (tenant_id, id, key, loan_id, booked_on, currency, description)
    SELECT :tenant_id, * FROM unnest(CAST(:ids AS text[]), CAST(:keys AS text[]), CAST(:loans AS text[]),
        CAST(:days AS date[]), CAST(:currencies AS text[]), CAST(:descriptions AS text[]))
""")

_ENTRIES = text("""
    INSERT INTO caas_entry (tenant_id, journal_id, line, account, amount_minor)
    SELECT :tenant_id, * FROM unnest(CAST(:journals AS text[]), CAST(:lines AS int[]), CAST(:accounts AS text[]),
        CAST(:amounts AS bigint[]))
""")


_NOTHING = ScheduleSums(0, Income(0, 0, 0, 0))


@dataclass
class LockedLoan:
    """A loan under the lock of the closing transaction, the day it is accrued to, and the product it was born with."""

    loan: BookedLoan
    accrued_on: date | None
    tenant_id: str
    product_id: str | None
    product_version: int | None


async def partitions(session: AsyncSession, tenant_id: str, on: date, *, size: int) -> list[tuple[str, str]]:
    """The loans that wait for the close of this day, as ranges of their ids."""
    found = await session.execute(_PARTITIONS, {"tenant_id": tenant_id, "on": on, "size": size})
    return [(first, last) for first, last in found]


async def lock_partition(
    session: AsyncSession, tenant_id: str, on: date, first_id: str, last_id: str
) -> list[LockedLoan]:
    """The loans of a partition, locked in the order of their ids, so that two never wait for each other."""
    bounds = {"tenant_id": tenant_id, "on": on, "first_id": first_id, "last_id": last_id}
    return [_locked(row) for row in (await session.execute(_LOCK, bounds)).mappings()]


async def sums_of(session: AsyncSession, tenant_id: str, on: date, ids: list[str]) -> dict[str, ScheduleSums]:
    """What the schedules of these loans add up to. Read after the lock: it sees what the lock has waited for."""
    found = await session.execute(_SUMS, {"tenant_id": tenant_id, "on": on, "ids": ids})
    # A loan whose disbursement was undone has no installments any more.
    return dict.fromkeys(ids, _NOTHING) | {row["loan_id"]: _sums(row) for row in found.mappings()}


async def write_standings(session: AsyncSession, tenant_id: str, on: date, standings: dict[str, Standing]) -> None:
    """Write what the day has changed on each loan."""
    rows = standings.values()
    columns = {
        "ids": list(standings),
        "days": [row.aging.days_past_due for row in rows],
        "buckets": [row.aging.bucket for row in rows],
        "classes": [row.aging.classification for row in rows],
        "stages": [row.aging.ifrs_stage for row in rows],
        "since": [row.aging.non_accrual_since for row in rows],
        "lost": [row.is_charge_off_due for row in rows],
        "interest": [row.accrued.interest_minor for row in rows],
        "fees": [row.accrued.fees_minor for row in rows],
        "allowances": [row.allowance_minor for row in rows],
    }
    await session.execute(_STAND, {"tenant_id": tenant_id, "on": on, **columns})


async def pass_over(session: AsyncSession, tenant_id: str, on: date, ids: list[str]) -> None:
    """Mark the day as closed on loans that are past it already."""
    await session.execute(_PASS, {"tenant_id": tenant_id, "on": on, "ids": ids})


async def append_journals(session: AsyncSession, tenant_id: str, journals: Iterable[tuple[str, Journal]]) -> None:
    """Append journals, each with the id of its loan."""
    rows = [(derived_id("jrn", tenant_id, journal.key), loan_id, journal) for loan_id, journal in journals]
    heads = {
        "ids": [journal_id for journal_id, _, _ in rows],
        "keys": [journal.key for _, _, journal in rows],
        "loans": [loan_id for _, loan_id, _ in rows],
        "days": [journal.booked_on for _, _, journal in rows],
        "currencies": [journal.currency for _, _, journal in rows],
        "descriptions": [journal.description for _, _, journal in rows],
    }
    lines = [(journal_id, line, entry) for journal_id, _, j in rows for line, entry in enumerate(j.entries, 1)]
    await session.execute(_JOURNALS, {"tenant_id": tenant_id, **heads})
    await session.execute(
        _ENTRIES,
        {
            "tenant_id": tenant_id,
            "journals": [journal_id for journal_id, _, _ in lines],
            "lines": [line for _, line, _ in lines],
            "accounts": [str(entry.account) for _, _, entry in lines],
            "amounts": [entry.amount_minor for _, _, entry in lines],
        },
    )


def _locked(row: RowMapping) -> LockedLoan:
    since, until = row["forbearance_since"], row["forbearance_until"]
    pauses = (Pause(since, until),) if since and until else ()
    loan = BookedLoan(
        id=row["id"],
        currency=row["currency"],
        accrued=Accrued(row["interest_accrued_minor"], row["fees_accrued_minor"]),
        allowance_minor=row["allowance_minor"],
        known=Known(row["classification"], row["non_accrual_since"], pauses),
        is_charged_off=row["charged_off_on"] is not None,
        is_cancelled=row["status"] == LoanStatus.CANCELLED,
    )
    return LockedLoan(loan, row["accrued_on"], row["tenant_id"], row["product_id"], row["product_version"])


def _sums(row: RowMapping) -> ScheduleSums:
    return ScheduleSums(
        principal_outstanding_minor=int(row["principal_outstanding_minor"]),
        income=Income(
            interest_earned_minor=int(row["interest_earned_minor"]),
            interest_paid_minor=int(row["interest_paid_minor"]),
            fees_earned_minor=int(row["fees_earned_minor"]),
            fees_paid_minor=int(row["fees_paid_minor"]),
        ),
        oldest_due_on=row["oldest_due_on"],
    )
