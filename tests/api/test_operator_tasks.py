"""Tasks for operators over HTTP."""

from datetime import UTC, datetime, timedelta

from activities.operator_tasks import open_task
from tests.api.rows import lent
from tests.api.worlds import World
from tests.api.worlds import opened as tenant_opened
from workers.embedded.postgres import DatabaseUrls

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)


async def opened(world: World, number: int, kind: str = "chain_operation", loan_id: str | None = None) -> str:
    async with world.database.transaction(world.tenant.tenant_id) as session:
        return await open_task(
            session,
            world.tenant.tenant_id,
            kind,
            loan_id=loan_id,
            summary=f"Task {number}.",
            details={"number": number},
            key=str(number),
            at=AT + timedelta(minutes=number),
        )


async def test_tasks_are_listed_the_latest_first_page_by_page(world: World) -> None:
    ids = [await opened(world, number) for number in range(3)]

    first = (await world.get("/api/operator-tasks", limit=2)).json()
    rest = (await world.get("/api/operator-tasks", limit=2, cursor=first["nextCursor"])).json()

    assert [each["taskId"] for each in first["data"] + rest["data"]] == ids[::-1]
    assert (first["hasMore"], rest["hasMore"]) == (True, False)


async def test_tasks_are_filtered_by_kind_loan_and_whether_they_are_resolved(world: World) -> None:
    loan = await lent(world)
    mine, other = await opened(world, 1, loan_id=loan.id), await opened(world, 2, kind="chain_reconciliation")
    await world.post(f"/api/operator-tasks/{other}/resolve", {"resolution": "done"})

    async def found(**filters: str) -> list[str]:
        body = (await world.get("/api/operator-tasks", **filters)).json()
        return [each["taskId"] for each in body["data"]]

    assert await found(loanId=loan.id) == await found(kind="chain_operation") == await found(resolved="false") == [mine]
    assert await found(resolved="true") == [other]


async def test_a_task_is_resolved_with_a_sentence_and_by_whom(world: World) -> None:
    task_id = await opened(world, 1)
    path = f"/api/operator-tasks/{task_id}"

    resolved = await world.post(f"{path}/resolve", {"resolution": "Paid back by hand."})
    shown = (await world.get(path)).json()
    otherwise = await world.post(f"{path}/resolve", {"resolution": "Or not."})

    assert resolved.status_code == 200
    assert shown == resolved.json()
    assert shown["resolution"] == "Paid back by hand."
    assert shown["resolvedBy"].startswith("key_")
    assert (otherwise.status_code, otherwise.json()["code"]) == (409, "task_resolved")


async def test_a_task_that_is_unknown_or_says_nothing_is_refused(world: World) -> None:
    unknown = await world.get("/api/operator-tasks/task_unknown")
    empty = await world.post(f"/api/operator-tasks/{await opened(world, 1)}/resolve", {"resolution": " "})

    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_task")
    assert (empty.status_code, empty.json()["field"]) == (422, "resolution")


async def test_another_tenants_task_does_not_exist(world: World, rows: DatabaseUrls) -> None:
    task_id = await opened(world, 1)
    async with tenant_opened(rows, world.settings) as other:
        shown = await other.get(f"/api/operator-tasks/{task_id}")
        resolved = await other.post(f"/api/operator-tasks/{task_id}/resolve", {"resolution": "mine"})
        listed = (await other.get("/api/operator-tasks")).json()["data"]

    assert (shown.status_code, resolved.status_code, listed) == (404, 404, [])
