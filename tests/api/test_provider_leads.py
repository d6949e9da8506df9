"""A provider's own leads: each in one of five standings, shown as far as the provider may see it, and no one else's."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from models.application import ApplicationStatus
from models.offer import OfferStatus
from models.records.disclosures import DisclosureReason, DisclosureRow
from models.records.leads import Decision, LeadGrant
from models.records.provider_notices import LeadReceipt
from models.records.tenants import Tenant
from tests.api.lenders import Lender, lender
from tests.api.rows import granted, moved
from tests.api.worlds import Body, World

_NAMES = ("Sarah", "Johnson", "sarah@email.com", "0001234567")


@pytest.fixture
async def own(world: World) -> Lender:
    return await lender(world)


async def _status(own: Lender, submitted: Body) -> str:
    answer = await own.get(f"/leads/{submitted['leadId']}")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["status"])


async def _decided(
    own: Lender, submitted: Body, *, decision: str = "approved", refused_because: str | None = None
) -> None:
    await own.world.add(
        Decision(
            tenant_id=own.world.tenant.tenant_id,
            id=f"decision_{submitted['leadId']}_{decision}_{refused_because}",
            provider_id=own.id,
            lead_id=submitted["leadId"],
            message_id=f"msg_{decision}_{refused_because}",
            body={"decision": decision},
            refused_because=refused_because,
        )
    )


async def test_a_lead_goes_from_open_to_answered_to_won(own: Lender) -> None:
    submitted = await own.invited()
    assert await _status(own, submitted) == "open"

    await _decided(own, submitted, refused_because="offer_expired")
    assert await _status(own, submitted) == "open"

    await _decided(own, submitted, decision="need_information")
    assert await _status(own, submitted) == "open"

    await _decided(own, submitted)
    assert await _status(own, submitted) == "answered"

    await own.wins(submitted)
    assert await _status(own, submitted) == "won"


async def test_a_lead_without_an_answer_expires_with_the_window(own: Lender) -> None:
    submitted = await own.invited()
    await moved(own.world, submitted, ApplicationStatus.OFFERED)

    assert await _status(own, submitted) == "expired"


@pytest.mark.parametrize(
    ("application", "offer", "standing"),
    [
        (ApplicationStatus.OFFERED, OfferStatus.SUBMITTED, "answered"),
        (ApplicationStatus.SIGNING, OfferStatus.NOT_SELECTED, "lost"),
        (ApplicationStatus.DECLINED, OfferStatus.SUBMITTED, "lost"),
        (ApplicationStatus.DISBURSEMENT_FAILED, OfferStatus.LAPSED, "lost"),
        (ApplicationStatus.SIGNING, OfferStatus.ACCEPTED, "won"),
    ],
)
async def test_what_became_of_the_offer_is_what_became_of_the_lead(
    own: Lender, application: ApplicationStatus, offer: OfferStatus, standing: str
) -> None:
    submitted = await own.invited()
    await _decided(own, submitted)
    await own.offers(submitted, offer)
    await moved(own.world, submitted, application)

    assert await _status(own, submitted) == standing


async def test_a_declined_lead_is_lost_when_the_window_closes(own: Lender) -> None:
    submitted = await own.invited()
    await own.world.change(
        lambda session: session.execute(update(LeadGrant).values(answer="declined", answered_at=datetime.now(UTC)))
    )
    await moved(own.world, submitted, ApplicationStatus.OFFERED)

    assert await _status(own, submitted) == "lost"


async def test_only_the_winner_reads_who_the_borrower_is(own: Lender) -> None:
    other, submitted = await lender(own.world, "R-2"), await own.invited()
    await granted_too(other, submitted)
    await own.wins(submitted)

    won, lost = [await each.get(f"/leads/{submitted['leadId']}") for each in (own, other)]

    assert won.json()["disclosure"] == "full"
    assert won.json()["lead"]["applicant"]["personalInfo"]["firstName"] == "Sarah"
    [reading] = [row for row in await own.world.rows(DisclosureRow) if row.why == DisclosureReason.LEAD_READ]
    assert (reading.provider_id, reading.lead_id) == (own.id, submitted["leadId"])
    assert lost.json()["disclosure"] == "masked"
    assert not [name for name in _NAMES if name in lost.text]


async def granted_too(other: Lender, submitted: Body) -> None:
    await granted(other.world, submitted, other.credentials)


async def test_a_tenant_that_discloses_everything_does_so_here_too(own: Lender) -> None:
    submitted = await own.invited()
    await own.world.change(lambda session: session.execute(update(Tenant).values(lead_disclosure="full")))

    assert (await own.get(f"/leads/{submitted['leadId']}")).json()["disclosure"] == "full"


async def test_the_list_is_newest_first_by_pages_and_names_nobody(own: Lender) -> None:
    leads = [(await own.invited())["leadId"] for _ in range(3)]

    first = await own.get("/leads", limit=2)
    second = await own.get("/leads", limit=2, cursor=first.json()["nextCursor"])

    pages = [[lead["leadId"] for lead in page.json()["data"]] for page in (first, second)]
    assert pages == [[leads[2], leads[1]], [leads[0]]]
    assert [page.json()["hasMore"] for page in (first, second)] == [True, False]
    assert not [name for name in _NAMES if name in first.text]


async def test_the_list_is_filtered_by_standing_and_by_time(own: Lender) -> None:
    open_, won = await own.invited(), await own.invited()
    await own.wins(won)

    by_status = {
        status: [lead["leadId"] for lead in (await own.get("/leads", status=status)).json()["data"]]
        for status in ("open", "answered", "won", "lost", "expired")
    }
    later = await own.get("/leads", since=(datetime.now(UTC) + timedelta(minutes=1)).isoformat())

    assert by_status == {"open": [open_["leadId"]], "won": [won["leadId"]], "answered": [], "lost": [], "expired": []}
    assert later.json()["data"] == []


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"status": "maybe"}, "status"),
        ({"since": "yesterday"}, "since"),
        ({"cursor": "???"}, "cursor"),
        ({"cursor": "WyJhIl0"}, "cursor"),
        ({"cursor": "WyJhIiwgImIiXQ"}, "cursor"),
        ({"limit": 0}, "limit"),
    ],
)
async def test_what_the_list_cannot_read_is_named(own: Lender, params: Body, field: str) -> None:
    answer = await own.get("/leads", **params)

    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_what_is_not_the_providers_does_not_exist(own: Lender) -> None:
    other, submitted = await lender(own.world, "R-2"), await own.invited()
    lead = f"/leads/{submitted['leadId']}"

    answers = [
        await other.get(lead),
        await other.get(lead, of=own.id),
        await other.get("/leads", of=own.id),
        await other.post(f"{lead}/receipt"),
        await other.post(f"{lead}/receipt", of=own.id),
        await own.get("/leads/lead_nobody"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 6
    assert await own.world.rows(LeadReceipt) == []
    assert (await own.world.get(f"/api/v1/providers/{own.id}/leads")).status_code == 403


async def test_a_lead_is_not_sent_again_to_who_has_it(own: Lender) -> None:
    submitted = await own.invited()
    path = f"/leads/{submitted['leadId']}"
    tag = (await own.get(path)).headers["etag"]

    same = await own.get(path, headers={"if-none-match": f'"other", W/{tag}'})
    await moved(own.world, submitted, ApplicationStatus.OFFERED)
    changed = await own.get(path, headers={"if-none-match": tag})

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_a_receipt_is_accepted_once(own: Lender) -> None:
    submitted = await own.invited()
    path = f"/leads/{submitted['leadId']}"

    first, again = [await own.post(f"{path}/receipt") for _ in range(2)]

    assert (first.status_code, first.json()) == (200, again.json())
    assert (await own.get(path)).json()["receivedAt"] == first.json()["receivedAt"]
    assert len(await own.world.rows(LeadReceipt)) == 1
