"""The books over HTTP: read on any day and as known at any moment, named, and closed."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from activities.books import book, reverse
from models.chart import Account
from models.ledger import Entry, Journal
from models.records.ledger import BusinessDayRow
from models.records.loans import Loan
from models.records.outbox import OutboxKind, OutboxRow
from tests.api.rows import lent
from tests.api.worlds import Body, World

MARCH, APRIL = date(2026, 3, 10), date(2026, 4, 10)


async def test_the_trial_balance_adds_up_by_currency_on_any_day(world: World) -> None:
    loan = await lent(world)
    await booked(world, loan, penalty("one", MARCH, 5_00), penalty("two", APRIL, 7_00))

    whole = (await world.get("/api/ledger/trial-balance")).json()
    march = (await world.get("/api/ledger/trial-balance", on="2026-03-31")).json()

    assert whole["currencies"] == [
        {
            "currency": "USD",
            "accounts": [
                line("cash", "1000", "Cash", credit=1195),
                line("late_fee_income", "4030", "Late fee income", credit=12),
                line("late_fees_receivable", "1130", "Late fees receivable", debit=12),
                line("loans_receivable", "1100", "Loans receivable", debit=1200),
                line("processing_fee_income", "4010", "Processing fee income", credit=5),
            ],
            "total": 0,
        }
    ]
    assert income(march) == 5
    assert march["on"] == "2026-03-31"
    of_another = (await world.get("/api/ledger/trial-balance", loanId="loan_other")).json()
    assert of_another["currencies"] == []


async def test_a_back_dated_correction_is_seen_by_what_was_known_when(world: World) -> None:
    loan = await lent(world)
    await booked(world, loan, penalty("wrong", MARCH, 5_00))
    known = (await world.get("/api/ledger/journals", loanId=loan.id)).json()["data"][-1]["recordedAt"]

    async def correct(session: AsyncSession) -> None:
        await reverse(session, loan, "wrong")
        await book(session, loan, penalty("right", MARCH, 4_00))

    await world.change(correct)

    before = (await world.get("/api/ledger/trial-balance", on="2026-03-10", knownAt=known)).json()
    after = (await world.get("/api/ledger/trial-balance", on="2026-03-10")).json()
    assert (income(before), income(after)) == (5, 4)


async def test_a_moment_without_a_time_zone_is_refused(world: World) -> None:
    answer = await world.get("/api/ledger/trial-balance", knownAt="2026-03-10T12:00:00")

    assert (answer.status_code, answer.json()["field"]) == (422, "knownAt")


async def test_journals_are_listed_by_the_day_they_count_from(world: World) -> None:
    loan = await lent(world)
    await booked(world, loan, penalty("later", APRIL, 7_00), penalty("earlier", MARCH, 5_00))
    paid_out = (await world.get("/api/ledger/journals", loanId=loan.id, limit=1)).json()
    after = paid_out["nextCursor"]

    first = (await world.get("/api/ledger/journals", loanId=loan.id, limit=1, cursor=after)).json()
    second = (await world.get("/api/ledger/journals", loanId=loan.id, limit=1, cursor=first["nextCursor"])).json()
    until_march = (await world.get("/api/ledger/journals", on="2026-03-31")).json()

    assert [journal["key"] for page in (first, second) for journal in page["data"]] == ["earlier", "later"]
    assert (first["hasMore"], second["hasMore"]) == (True, False)
    assert first["data"][0]["entries"] == [
        {"account": "late_fees_receivable", "debit": 5, "credit": 0},
        {"account": "late_fee_income", "debit": 0, "credit": 5},
    ]
    assert [journal["key"] for journal in until_march["data"]] == [paid_out["data"][0]["key"], "earlier"]


async def test_a_tenant_names_its_accounts(world: World) -> None:
    usual = (await world.get("/api/ledger/accounts")).json()["accounts"]

    named = await put(world, [{"account": "cash", "code": "0100", "name": "Operating account"}])

    assert usual[0] == {"account": "cash", "code": "1000", "name": "Cash", "normalSide": "debit"}
    assert named["accounts"][0] == {
        "account": "cash",
        "code": "0100",
        "name": "Operating account",
        "normalSide": "debit",
    }
    assert (await world.get("/api/ledger/accounts")).json() == named
    assert (await put(world, []))["accounts"] == usual


async def test_two_accounts_of_one_code_are_refused(world: World) -> None:
    body = {"accounts": [{"account": "cash", "code": "4020", "name": "Cash"}]}

    answer = await world.http.put("/api/ledger/accounts", json=body, headers=world.key)

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "account_code_taken", "code")


async def test_a_period_is_closed_once_it_is_over_and_never_opened_again(world: World) -> None:
    today = datetime.now(UTC).date()

    early = await world.post("/api/ledger/closures", {"closedThrough": today.isoformat()})
    closed = await world.post("/api/ledger/closures", {"closedThrough": "2026-03-31"})
    again = await world.post("/api/ledger/closures", {"closedThrough": "2026-03-15"})

    assert (early.status_code, early.json()["code"]) == (422, "period_not_over")
    assert closed.status_code == 201, closed.text
    assert (again.status_code, again.json()["code"], again.json()["field"]) == (
        409,
        "period_closed_before",
        "closedThrough",
    )
    shown = (await world.get("/api/ledger/closures")).json()
    assert shown["closedThrough"] == "2026-03-31"
    assert [each["closedThrough"] for each in shown["data"]] == ["2026-03-31"]


async def test_no_period_is_closed_at_first(world: World) -> None:
    shown = (await world.get("/api/ledger/closures")).json()

    assert (shown["closedThrough"], shown["data"]) == (None, [])


async def test_a_day_is_closed_by_hand(world: World) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)

    named = await world.post("/api/ledger/close-of-business", {"date": "2026-03-31"})
    usual = await world.post("/api/ledger/close-of-business", {})

    assert named.status_code == 202, named.text
    assert named.json()["workflowId"] == f"cob/{world.tenant.tenant_id}/2026-03-31"
    assert "cob%2F" in named.json()["temporalUrl"]
    orders = [row.payload for row in await world.rows(OutboxRow) if row.kind == OutboxKind.CLOSE_OF_BUSINESS]
    assert orders == [{"date": "2026-03-31"}, {"date": yesterday.isoformat()}]
    assert usual.json()["businessDate"] == yesterday.isoformat()


async def test_a_day_that_has_not_passed_is_not_closed(world: World) -> None:
    today = datetime.now(UTC).date().isoformat()

    answer = await world.post("/api/ledger/close-of-business", {"date": today})

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "day_not_over", "date")


async def test_the_closed_days_are_listed_the_latest_first(world: World) -> None:
    done = datetime(2026, 4, 1, tzinfo=UTC)
    days = [BusinessDayRow(tenant_id=world.tenant.tenant_id, business_date=date(2026, 3, day)) for day in (30, 31)]
    days[0].completed_at, days[0].loans = done, 7
    await world.add(*days)

    first = (await world.get("/api/ledger/close-of-business", limit=1)).json()
    second = (await world.get("/api/ledger/close-of-business", limit=1, cursor=first["nextCursor"])).json()

    shown = [first["data"][0], second["data"][0]]
    assert [(day["businessDate"], day["loans"], day["completedAt"] is not None) for day in shown] == [
        ("2026-03-31", 0, False),
        ("2026-03-30", 7, True),
    ]


def line(account: str, code: str, name: str, *, debit: float = 0, credit: float = 0) -> Body:
    return {"account": account, "code": code, "name": name, "debit": debit, "credit": credit}


def penalty(key: str, on: date, amount_minor: int) -> Journal:
    lines = (Entry(Account.LATE_FEES_RECEIVABLE, amount_minor), Entry(Account.LATE_FEE_INCOME, -amount_minor))
    return Journal(key, on, "USD", "A late fee", lines)


async def booked(world: World, loan: Loan, *journals: Journal) -> None:
    async def change(session: AsyncSession) -> None:
        for journal in journals:
            await book(session, loan, journal)

    await world.change(change)


async def put(world: World, accounts: list[Body]) -> Body:
    answer = await world.http.put("/api/ledger/accounts", json={"accounts": accounts}, headers=world.key)
    assert answer.status_code == 200, answer.text
    shown: Body = answer.json()
    return shown


def income(balance: Body) -> float:
    (held,) = [each["credit"] for each in balance["currencies"][0]["accounts"] if each["account"] == "late_fee_income"]
    return float(held)
