from collections.abc import AsyncIterator

import pytest_asyncio

from sandbox.courier import Courier


@pytest_asyncio.fixture
async def courier() -> AsyncIterator[Courier]:
    courier = Courier([0.001, 0.001])
    yield courier
    await courier.aclose()


async def test_nobody_at_home_is_tried_a_few_times_with_fresh_headers(courier: Courier) -> None:
    made: list[dict[str, str]] = []

    def headers() -> dict[str, str]:
        made.append({"attempt": str(len(made))})
        return made[-1]

    answer = await courier.deliver("http://127.0.0.1:1/", headers, b"", is_final=lambda _: True)

    assert answer is None
    assert len(made) == 3
