"""The proof of the deliveries, small: some are slow, some fail, some are away for days, and the worker is killed."""

from workers.bench.webhooks import Storm, weather

SHOWER = Storm(
    events=300,
    receivers=10,
    slow=1,
    failing=2,
    away=1,
    days_away=0.3,
    kills=2,
    seconds_between_kills=(0.5, 1.5),
    per_second=100,
    patience_seconds=90,
    over_api=False,
    lease_seconds=5,
)


async def test_nothing_is_lost_though_the_worker_dies_and_what_repeats_has_the_same_id() -> None:
    came = await weather(SHOWER)

    assert (came.published, came.lost, came.foreign, came.kills) == (300, 0, 0, 2)
    assert came.refused, "somebody failed and was tried again"
    assert came.duplicate_share < 0.1, "a killed relay repeats what was in flight, and here is much in flight at a time"
