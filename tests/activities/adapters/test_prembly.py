import json
from collections.abc import Callable
from datetime import date

import httpx2
import pytest
import pytest_asyncio

from activities.adapters.prembly import Prembly
from activities.kyc import BureauDown, BureauNeedsOperator, ScreeningOutcome, UnsupportedIdentity
from sandbox import magic
from tests.sandbox.worlds import BUREAU_KEY, World


@pytest_asyncio.fixture
async def bureau(world: World) -> Prembly:
    return Prembly(world.client, f"{world.url}/prembly", BUREAU_KEY)


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("bvn", "54651333604"),
        ("nin", "12345678901"),
        ("phone_number", "+1-555-0123"),
        ("passport", "A1234567"),
        ("drivers_license", "AAD23208212298"),
        ("tin", "12-3456789"),
    ],
)
async def test_a_person_is_found_in_every_register(bureau: Prembly, kind: str, number: str) -> None:
    identity = await bureau.verify(kind, number, "Sarah", "Johnson")

    assert (identity.verified, identity.name_match, identity.reason) == (True, True, None)
    assert identity.reference


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (magic.NUMBER_NOT_FOUND, "not_found"),
        (magic.NUMBER_BLOCKED, "blocked"),
        (magic.NUMBER_OF_ANOTHER, "name_mismatch"),
        ("--", "invalid_number"),
    ],
)
async def test_an_identity_that_does_not_hold_says_why(bureau: Prembly, number: str, reason: str) -> None:
    identity = await bureau.verify("bvn", number, "Sarah", "Johnson")

    assert (identity.verified, identity.name_match, identity.reason) == (False, False, reason)


async def test_a_bureau_that_is_down_stays_an_outage(bureau: Prembly) -> None:
    for _ in range(3):
        with pytest.raises(BureauDown):
            await bureau.verify("bvn", magic.NUMBER_BUREAU_DOWN, "Sarah", "Johnson")


async def test_a_bureau_that_recovers_answers_the_third_time(bureau: Prembly) -> None:
    for _ in range(2):
        with pytest.raises(BureauDown):
            await bureau.verify("bvn", magic.NUMBER_BUREAU_RECOVERS, "Sarah", "Johnson")

    assert (await bureau.verify("bvn", magic.NUMBER_BUREAU_RECOVERS, "Sarah", "Johnson")).verified


async def test_an_empty_wallet_asks_for_an_operator(bureau: Prembly) -> None:
    with pytest.raises(BureauNeedsOperator) as outage:
        await bureau.verify("bvn", magic.NUMBER_WALLET_EMPTY, "Sarah", "Johnson")

    assert "top it up" in outage.value.alert


async def test_a_wrong_key_asks_for_an_operator(world: World) -> None:
    bureau = Prembly(world.client, f"{world.url}/prembly", "wrong")

    with pytest.raises(BureauNeedsOperator, match="CAAS_KYC_API_KEY"):
        await bureau.verify("bvn", "54651333604", "Sarah", "Johnson")
    with pytest.raises(BureauNeedsOperator, match="CAAS_KYC_API_KEY"):
        await bureau.screen("Sarah Johnson", None)


async def test_a_kind_of_number_without_a_register_is_refused(bureau: Prembly) -> None:
    with pytest.raises(UnsupportedIdentity, match="library_card"):
        await bureau.verify("library_card", "1", "Sarah", "Johnson")


async def test_an_ordinary_name_is_on_no_list(bureau: Prembly) -> None:
    screened = await bureau.screen("Sarah Johnson", date(1990, 5, 17))

    assert (screened.outcome, screened.score, screened.matches) == (ScreeningOutcome.CLEAR, 0, ())
    assert screened.list_version


async def test_a_listed_name_is_a_hit_and_says_of_which_list(bureau: Prembly) -> None:
    screened = await bureau.screen(f"Viktor {magic.NAME_SANCTIONED}", date(1990, 5, 17))

    assert (screened.outcome, screened.score) == (ScreeningOutcome.HIT, 97)
    assert screened.matches == ("VIKTOR SANCTIONED (SDN)",)


async def test_a_namesake_is_clear_and_yet_on_record(bureau: Prembly) -> None:
    screened = await bureau.screen(f"Viktor {magic.NAME_NEAR_MATCH}", None)

    assert (screened.outcome, screened.score) == (ScreeningOutcome.CLEAR, 62)
    assert screened.matches


def timing_out(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ReadTimeout("too slow", request=request)


NO_ANSWER: dict[str, Callable[[httpx2.Request], httpx2.Response]] = {
    "time-out": timing_out,
    "server error": lambda _: httpx2.Response(503),
    "maintenance page": lambda _: httpx2.Response(200, text="<html>maintenance</html>"),
    "no object": lambda _: httpx2.Response(200, json=["surprise"]),
    "no code": lambda _: httpx2.Response(200, json={"status": True}),
    "a code unheard of": lambda _: httpx2.Response(200, json={"response_code": "99"}),
}


@pytest.mark.parametrize("answer", NO_ANSWER.values(), ids=NO_ANSWER)
async def test_no_answer_lets_anyone_through(answer: Callable[[httpx2.Request], httpx2.Response]) -> None:
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
        bureau = Prembly(client, "http://bureau.example", BUREAU_KEY)

        with pytest.raises(BureauDown):
            await bureau.verify("bvn", "54651333604", "Sarah", "Johnson")
        with pytest.raises(BureauDown):
            await bureau.screen("Sarah Johnson", None)


async def test_a_screening_the_bureau_calls_nonsense_did_not_take_place(bureau: Prembly) -> None:
    with pytest.raises(BureauDown):
        await bureau.screen("", None)


async def test_a_register_without_a_name_confirms_none() -> None:
    nameless = httpx2.Response(200, json={"response_code": "00", "data": None})
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: nameless)) as client:
        identity = await Prembly(client, "http://bureau.example", BUREAU_KEY).verify("bvn", "1", "Sarah", "Johnson")

    assert (identity.verified, identity.reason) == (False, "name_mismatch")


@pytest.mark.parametrize(
    ("number", "country"), [("RC1234567", "NG"), ("BN 123456", "NG"), ("BC123456789", "US"), ("03977902", "GB")]
)
async def test_a_company_is_found_in_the_register_of_its_country(bureau: Prembly, number: str, country: str) -> None:
    company = await bureau.verify_company(number, country, "FirstCredit Bank Ltd.")

    assert (company.verified, company.reason) == (True, None)
    assert company.reference


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (magic.NUMBER_NOT_FOUND, "not_found"),
        (magic.NUMBER_BLOCKED, "blocked"),
        (magic.NUMBER_OF_ANOTHER, "name_mismatch"),
        (magic.NUMBER_INACTIVE, "inactive"),
        ("--", "invalid_number"),
    ],
)
async def test_a_company_that_does_not_hold_says_why(bureau: Prembly, number: str, reason: str) -> None:
    for country in ("NG", "US"):
        company = await bureau.verify_company(number, country, "FirstCredit Bank")

        assert (company.verified, company.reason) == (False, reason)


async def test_a_company_register_that_is_down_stays_an_outage(bureau: Prembly) -> None:
    for _ in range(2):
        with pytest.raises(BureauDown):
            await bureau.verify_company(magic.NUMBER_BUREAU_RECOVERS, "NG", "FirstCredit Bank")

    assert (await bureau.verify_company(magic.NUMBER_BUREAU_RECOVERS, "NG", "FirstCredit Bank")).verified


async def test_a_company_register_speaks_as_documented() -> None:
    asked: list[tuple[str, dict[str, str]]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append((request.url.path, json.loads(request.content)))
        company = {"company_name": "TEST COMPANY LIMITED", "company_status": "Active"}
        data = company if request.url.path.endswith("/cac") else [company]
        return httpx2.Response(200, json={"response_code": "00", "data": data})

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
        prembly = Prembly(client, "https://api.prembly.test", BUREAU_KEY)
        found = [
            await prembly.verify_company(*each)
            for each in (("BN-092932", "NG", "Test Company Ltd"), ("7", "GB", "Test Company"))
        ]

    assert [company.verified for company in found] == [True, True]
    assert asked == [
        ("/verification/cac", {"rc_number": "092932", "company_type": "BN", "company_name": "Test Company Ltd"}),
        (
            "/verification/global/company/search_with_registration_number",
            {"company_number": "7", "country_code": "gb", "company_name": "Test Company"},
        ),
    ]


async def test_a_company_register_that_answers_nonsense_verifies_nobody() -> None:
    answers = [{"response_code": "00", "data": []}, {"response_code": "00"}, {"response_code": "42"}]

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=answers.pop(0))

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
        prembly = Prembly(client, "https://api.prembly.test", BUREAU_KEY)
        for _ in range(2):
            assert (await prembly.verify_company("7", "GB", "Test Company")).reason == "name_mismatch"
        with pytest.raises(BureauDown, match="unknown code: 42"):
            await prembly.verify_company("7", "GB", "Test Company")
