"""Collateral over HTTP: what it is worth, how it is posted, how a loan stands."""

from collections.abc import AsyncIterator

import pytest

from api.settings import ApiSettings
from models.chain import ContractRefused
from models.records.chain_loans import ChainLoan
from tests.api.chains import MANAGER, NOW, USDC, WETH, FakeSite, put_on_chain
from tests.api.worlds import Body, World, opened
from workers.embedded.postgres import DatabaseUrls

THRESHOLDS = {"marginCall": 1.1, "liquidation": 1, "immediateLiquidation": 0.95}


@pytest.fixture
def site() -> FakeSite:
    return FakeSite()


@pytest.fixture
async def world(rows: DatabaseUrls, settings: ApiSettings, site: FakeSite) -> AsyncIterator[World]:
    async with opened(rows, settings, site.desk) as world:
        yield world


async def secured(world: World, *, is_secured: bool = True) -> ChainLoan:
    submitted = await world.apply()
    loan_id = f"loan_{submitted['applicationId'].removeprefix('app_')}"
    return await put_on_chain(world, loan_id, submitted["applicationId"], secured=is_secured)


async def quoted(world: World, **body: object) -> tuple[int, Body]:
    answer = await world.post("/api/chain/collateral/quote", body)
    return answer.status_code, answer.json()


async def test_an_amount_of_a_token_is_quoted(world: World) -> None:
    status, body = await quoted(world, token="WETH", amount=1.5)  # noqa: S106 - no password

    assert status == 200
    assert (body["value"], body["borrowable"]) == (3000, 2100)
    assert (body["loanToValuePercent"], body["liquidationThresholdPercent"]) == (70, 80)
    assert body["amountBaseUnits"] == "1500000000000000000"
    assert body["needed"] is None


async def test_a_principal_is_covered_by_the_amount_that_is_quoted(world: World) -> None:
    status, body = await quoted(world, token=WETH.address, principal=2800, asset="USDC")

    assert status == 200
    assert body["needed"] == 2800
    assert body["borrowable"] >= body["needed"]
    assert body["amount"] == pytest.approx(2)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"token": "WETH"}, "amount_or_principal", "amount"),
        ({"token": "WETH", "amount": 1, "principal": 1}, "amount_or_principal", "amount"),
        ({"token": "WETH", "principal": 1}, "amount_or_principal", "asset"),
        ({"token": "DOGE", "amount": 1}, "unknown_token", "token"),
        ({"token": "WETH", "principal": 1, "asset": "DOGE"}, "unknown_token", "asset"),
        ({"token": "USDC", "amount": 1}, "token_not_accepted", "token"),
        ({"token": "WETH", "principal": 0.1234567, "asset": "USDC"}, "amount_not_whole", "principal"),
    ],
)
async def test_a_quote_that_cannot_be_given_says_why(world: World, body: Body, code: str, field: str) -> None:
    status, problem = await quoted(world, **body)

    assert (status, problem["code"], problem["field"]) == (422, code, field)


async def test_a_price_that_is_too_old_is_a_conflict_that_names_it(world: World, site: FakeSite) -> None:
    site.answers["quote"] = ContractRefused("too old", error="PriceStale")

    status, problem = await quoted(world, token="WETH", amount=1)  # noqa: S106 - no password

    assert (status, problem["code"]) == (409, "cannot_be_valued")
    assert "PriceStale" in problem["detail"]


async def test_what_is_posted_for_a_loan_is_shown_with_its_thresholds(world: World, site: FakeSite) -> None:
    row = await secured(world)
    site.answers["marginCallOf"] = NOW

    body = (await world.get(f"/api/loans/{row.loan_id}/collateral")).json()

    (balance,) = body["balances"]
    assert (balance["token"]["symbol"], balance["amount"], balance["value"]) == ("WETH", 2, 4000)
    assert (body["value"], body["debt"], body["maxBorrow"], body["healthFactor"]) == (4000, 2800, 700, 1.1428)
    assert body["marginCallUntil"] == "2027-01-15T08:00:00Z"
    assert body["thresholds"] == THRESHOLDS


async def test_a_loan_without_a_debt_has_no_health_factor(world: World, site: FakeSite) -> None:
    row = await secured(world)
    site.answers["healthFactor"] = 2**256 - 1

    body = (await world.get(f"/api/loans/{row.loan_id}/collateral/health-factor")).json()

    assert (body["healthFactor"], body["marginCallUntil"]) == (None, None)


async def test_the_instructions_name_what_is_missing_and_the_calls_that_post_it(world: World) -> None:
    row = await secured(world)

    body = (await world.get(f"/api/loans/{row.loan_id}/collateral/deposit-instructions")).json()

    assert (body["needed"], body["available"], body["missing"]) == (2800, 700, 2100)
    (accepted,) = body["tokens"]
    units = int(accepted["minimumAmountBaseUnits"])
    assert accepted["token"]["symbol"] == "WETH", "USDC is counted in, and not taken"
    assert units == 15 * 10**17 + 14_285_715
    assert accepted["approve"] == {
        "to": WETH.address,
        "data": f"0x095ea7b3{MANAGER[2:]:0>64}{units:064x}",
    }
    deposit = accepted["deposit"]
    assert deposit["to"] == MANAGER
    assert deposit["data"][10:] == f"{row.loan_key[2:]}{WETH.address[2:]:0>64}{units:064x}"
    assert USDC.symbol not in {each["token"]["symbol"] for each in body["tokens"]}


async def test_a_loan_without_collateral_has_nothing_to_show(world: World) -> None:
    row = await secured(world, is_secured=False)

    answers = [
        await world.get(f"/api/loans/{row.loan_id}/collateral{rest}")
        for rest in ("", "/health-factor", "/deposit-instructions")
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(409, "no_collateral")}
