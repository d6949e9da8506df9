"""Where `/changes` reads from: the messages of a provider, in an order that misses none."""

from sqlalchemy.ext.asyncio import AsyncSession

from api.pagination import InvalidCursor, Paging, cursor_at
from api.schemas.provider_sync import ChangesOut
from models.records.provider_messages import messages_after

_START = (0, 0)
_LARGEST = 2**63


async def changes_after(session: AsyncSession, provider_id: str, paging: Paging) -> ChangesOut:
    """One page of what the provider was told after the cursor, and the cursor for what it will be told."""
    after = _position(paging)
    rows = await messages_after(session, provider_id, after, at_most=paging.fetched)
    kept = rows[: paging.limit]
    last = (kept[-1].written_in, kept[-1].sequence) if kept else after
    return ChangesOut(
        data=[message.body for message in kept],
        next_cursor=cursor_at(tuple(str(number) for number in last)),
        has_more=len(rows) > len(kept),
    )


def _position(paging: Paging) -> tuple[int, int]:
    if paging.after is None:
        return _START
    try:
        written_in, sequence = (int(part) for part in paging.after if part.isascii() and part.isdecimal())
    except ValueError:
        written_in = sequence = _LARGEST
    if max(written_in, sequence) >= _LARGEST:
        raise InvalidCursor("This is not a cursor of this list.", "cursor")
    return written_in, sequence
