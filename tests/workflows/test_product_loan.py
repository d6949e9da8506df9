"""A loan of a product of its own: what was pinned when it was asked for is how it is lent, paid back and served."""

from datetime import timedelta
from decimal import Decimal

from models.application import ApplicationStatus
from models.product_status import ProductStatus
from models.records.products import LoanProductRow
from tests.models.products import WEEKLY, weekly
from tests.workflows.world import TENANT, World, eventually, refused

TERMS = {"amount_minor": 5_000_00, "annual_rate_percent": Decimal(12), "tenure_days": 70, "processing_fee_minor": 10_00}


async def asked_for(world: World, **changes: object) -> str:
    """An application for the market trader's loan, with its lead at the providers."""
    settings = weekly(**changes)
    async with world.database.transaction(TENANT) as session:
        session.add(
            LoanProductRow(
                tenant_id=TENANT,
                id="product_weekly",
                version=1,
                name=settings["name"],
                status=ProductStatus.APPROVED,
                settings=settings,
            )
        )
    application_id = await world.submit(
        amount_minor=5_000_00, tenure_days=70, product_id="product_weekly", product_version=1
    )
    await world.reaches(application_id, ApplicationStatus.BIDDING)
    return application_id


async def test_a_bid_beyond_the_products_ranges_is_refused_by_name(world: World) -> None:
    application_id = await asked_for(world)
    first, _ = world.providers

    dear = await refused(world.decide(application_id, first, **TERMS | {"annual_rate_percent": Decimal("36.1")}))
    long = await refused(world.decide(application_id, first, **TERMS | {"tenure_days": 400}))
    small = await refused(world.decide(application_id, first, **TERMS | {"amount_minor": 99_99}))

    assert dear == ("rate_out_of_range", "interestRate")
    assert long == ("tenure_out_of_range", "tenure")
    assert small == ("amount_out_of_range", "approvedAmount")


async def test_a_weekly_loan_of_equal_principal_lives_by_its_own_plan(world: World) -> None:
    application_id = await asked_for(world)
    first, second = world.providers
    await world.decide(application_id, first, **TERMS)
    await world.decline(application_id, second)
    await world.reaches(application_id, ApplicationStatus.OFFERED)
    loan_id = await world.accept_best(application_id)
    await world.reaches(application_id, ApplicationStatus.DISBURSED)
    await eventually(lambda: world._has_account(loan_id))  # noqa: SLF001 - as the world's own `disbursed` waits
    loan = await world.loan(loan_id)
    rows = await world.installments(loan_id)

    assert (loan.product_id, loan.product_version) == ("product_weekly", 1)
    assert (loan.method, loan.frequency, loan.installments) == ("equal_principal", "weeks", 10)
    assert [row.principal_minor for row in rows] == [500_00] * 10
    assert [(row.due_on - loan.disbursed_on).days for row in rows] == list(range(7, 71, 7))
    assert world.rail.sent[loan_id] == 5_000_00 - 10_00 - 75_00

    await world.to_day(loan, rows[0].due_on + timedelta(days=4))

    late = await world.loan(loan_id)
    owed = (await world.installments(loan_id))[0]
    assert owed.penalty_minor == 7_50  # flat, two days after
    assert (late.in_collection, late.delinquency_bucket, late.days_past_due) == (True, "late", 3)
    subjects = world.mailer.subjects()
    assert sum("is due on" in subject for subject in subjects) == 1  # one day before, and not on the day

    await world.to_day(loan, rows[0].due_on + timedelta(days=15))

    assert (await world.loan(loan_id)).delinquency_bucket == "lost"
    await world.pay(loan, 2_000_00)
    cured = await world.loan(loan_id)
    assert (cured.in_collection, cured.delinquency_bucket) == (False, "on time")
    assert await world.balance() == 0


async def test_penalty_interest_is_charged_on_what_is_overdue_and_on_no_penalty(world: World) -> None:
    application_id = await asked_for(world, penaltyInterest={"annualPercent": 36.5, "graceDays": 3, "everyDays": 5})
    first, second = world.providers
    await world.decide(application_id, first, **TERMS)
    await world.decline(application_id, second)
    await world.reaches(application_id, ApplicationStatus.OFFERED)
    loan_id = await world.accept_best(application_id)
    await world.reaches(application_id, ApplicationStatus.DISBURSED)
    await eventually(lambda: world._has_account(loan_id))  # noqa: SLF001 - as the world's own `disbursed` waits
    loan, (row, *_) = await world.loan(loan_id), await world.installments(loan_id)

    await world.to_day(loan, row.due_on + timedelta(days=9))
    once = (await world.installments(loan_id))[0].penalty_minor
    await world.to_day(loan, row.due_on + timedelta(days=14))
    twice = (await world.installments(loan_id))[0].penalty_minor

    overdue = row.principal_minor + row.interest_minor
    assert once == 7_50 + round(overdue * 5 / 1000)
    assert twice == 7_50 + 2 * round(overdue * 5 / 1000)
    assert await world.balance() == 0


async def test_the_money_waits_as_long_as_the_product_lets_the_borrower_think_again(world: World) -> None:
    application_id = await asked_for(world, coolingOff={"days": 3, "workingDays": True})
    first, second = world.providers
    await world.decide(application_id, first, **TERMS)
    await world.decline(application_id, second)
    await world.reaches(application_id, ApplicationStatus.OFFERED)

    await world.accept_best(application_id)

    application = await world.row(application_id)
    assert application.status == ApplicationStatus.SIGNING
    assert application.cooling_off_until is not None
    days = (application.cooling_off_until.date() - application.status_at.date()).days
    assert days in (3, 4, 5)
    assert application.cooling_off_until.weekday() < 5


async def test_a_product_of_one_provider_is_offered_to_nobody_else(world: World) -> None:
    first, second = world.providers
    async with world.database.transaction(TENANT) as session:
        session.add(
            LoanProductRow(
                tenant_id=TENANT,
                id="product_own",
                version=1,
                provider_id=second,
                name="Own",
                status=ProductStatus.APPROVED,
                settings=WEEKLY,
            )
        )

    application_id = await world.submit(
        amount_minor=5_000_00, tenure_days=70, product_id="product_own", product_version=1
    )
    await world.reaches(application_id, ApplicationStatus.BIDDING)

    assert [grant.provider_id for grant in await world.grants(application_id)] == [second]
    assert first not in {grant.provider_id for grant in await world.grants(application_id)}
