"""Many live loans at once, for measuring: one is written as any other, and copied where it lies."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from sqlalchemy import text

from models.amortization import schedule_for
from models.installment import Installment
from models.records.applications import Applicant, Application
from models.records.database import Database
from models.records.loans import InstallmentRow, Loan
from models.records.tenants import Tenant
from models.terms import LoanTerms

TENANT = "tenant_bench"
INSTALLMENTS = 24
_TEMPLATE = 0

_COPY = """
    INSERT INTO {table} SELECT (jsonb_populate_record(kept, {changed})).*
    FROM {table} kept CROSS JOIN generate_series(CAST(:first AS int), CAST(:last AS int)) AS copy(number)
    WHERE kept.{key} = :template
"""
_NAMED = "jsonb_build_object({names})"
_COPIES = (
    ("caas_application", "id", {"id": "app_", "lead_id": "lead_"}),
    ("caas_loan", "id", {"id": "loan_", "application_id": "app_"}),
    ("caas_installment", "loan_id", {"loan_id": "loan_"}),
)
# What a close of business leaves of each loan and day: one journal with its two lines.
_HISTORY = (
    """INSERT INTO caas_journal (tenant_id, id, key, loan_id, booked_on, currency, description)
    SELECT tenant_id, 'jrn_' || id || '_' || day, 'past:' || id || ':' || day, id, CAST(:until AS date) - day, 'USD',
        'Accrual' FROM caas_loan CROSS JOIN generate_series(1, CAST(:days AS int)) AS past(day)""",
    """INSERT INTO caas_entry (tenant_id, journal_id, line, account, amount_minor)
    SELECT tenant_id, id, line, CASE line WHEN 1 THEN 'interest_receivable' ELSE 'interest_income' END,
        CASE line WHEN 1 THEN 100 ELSE -100 END
    FROM caas_journal CROSS JOIN generate_series(1, 2) AS side(line) WHERE key LIKE 'past:%'""",
)


async def lend(database: Database, *, disbursed_on: date) -> None:
    """The first loan: 10,000.00 at 12 % over 24 months."""
    terms = LoanTerms(10_000_00, "USD", Decimal(12), INSTALLMENTS)
    at = datetime.combine(disbursed_on, time(), UTC)
    async with database.transaction(TENANT) as session:
        session.add(Tenant(tenant_id=TENANT, name="Benchmark", country="US", currency="USD"))
        session.add(_applicant())
        await session.flush()
        session.add(_application(at))
        await session.flush()
        session.add(_loan(terms, at))
        await session.flush()
        session.add_all(_installment(row) for row in schedule_for(terms, disbursed_on=disbursed_on))


async def copy(database: Database, *, first: int, last: int) -> None:
    """Loans `first` to `last`, each like the first one."""
    async with database.transaction(TENANT) as session:
        for table, key, prefixes in _COPIES:
            names = ", ".join(
                f"'{column}', '{prefix}' || lpad(copy.number::text, 26, '0')" for column, prefix in prefixes.items()
            )
            statement = _COPY.format(table=table, key=key, changed=_NAMED.format(names=names))
            template = named(prefixes[key], _TEMPLATE)
            await session.execute(text(statement), {"first": first, "last": last, "template": template})


async def live_through(database: Database, *, days: int, until: date) -> None:
    """Give every loan the journals of so many days."""
    async with database.transaction(TENANT) as session:
        for statement in _HISTORY:
            values = {"days": days, "until": until} if ":days" in statement else {}
            await session.execute(text(statement), values)


def named(prefix: str, number: int) -> str:
    """The id of a copy."""
    return f"{prefix}{number:026}"


def _applicant() -> Applicant:
    return Applicant(
        tenant_id=TENANT,
        id="applicant_bench",
        first_name="Sarah",
        last_name="Johnson",
        email="sarah@email.example",
        phone_number="+15550123",
        address={},
        employment={},
        finances={},
        identity_type="phone_number",
        identity_number="+15550123",
    )


def _application(at: datetime) -> Application:
    return Application(
        tenant_id=TENANT,
        id=named("app_", _TEMPLATE),
        lead_id=named("lead_", _TEMPLATE),
        applicant_id="applicant_bench",
        requested_amount_minor=10_000_00,
        currency="USD",
        country="US",
        purpose="Benchmark",
        submitted_at=at,
        status_at=at,
        tenure_days=730,
    )


def _loan(terms: LoanTerms, at: datetime) -> Loan:
    return Loan(
        tenant_id=TENANT,
        id=named("loan_", _TEMPLATE),
        application_id=named("app_", _TEMPLATE),
        provider_id="provider_bench",
        offer_id="offer_bench",
        principal_minor=terms.principal_minor,
        currency=terms.currency,
        annual_rate_percent=terms.annual_rate_percent,
        apr_percent=terms.annual_rate_percent,
        installments=terms.installments,
        frequency=terms.frequency,
        every=terms.every,
        method=terms.method,
        day_count=terms.day_count,
        processing_fee_minor=0,
        disbursed_on=at.date(),
        outstanding_minor=terms.principal_minor,
        next_due_on=at.date() + timedelta(days=31),
        clock_at=at,
    )


def _installment(row: Installment) -> InstallmentRow:
    return InstallmentRow(
        tenant_id=TENANT,
        loan_id=named("loan_", _TEMPLATE),
        number=row.number,
        due_on=row.due_on,
        principal_minor=row.principal_minor,
        interest_minor=row.interest_minor,
    )
