"""What the reader of a chain keeps: events, how far it has read, and what loans look like by what is confirmed.

Every step compares the cursor with the one it began from, under the lock of its row, and moves it. So of two readers
one goes on and the other learns that it is late; neither writes what the other has not read.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import or_, select, text, union_all, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from contracts.node import ContractEvent
from models.chain import ChainState
from models.ids import derived_id
from models.records.chain_events import ChainCursor, ChainEvent, EventStatus
from models.records.chain_loans import ChainLoan
from models.records.chain_transactions import ChainTransaction
from models.records.database import Database
from models.records.outbox import OutboxKind, ask_relay
from models.sightings import NEWS, WRITES, Logged, Sighting, sighting_of

_TRAIL = 64
Checkpoint = tuple[int, str]
"""A block by number and hash."""

_SEE = text("""
    UPDATE caas_chain_loan SET seen_state = s.state, seen_outstanding = s.outstanding, seen_interest = s.interest,
        seen_sequence = s.sequence, seen_block = s.block, margin_called_until = s.called
    FROM unnest(CAST(:tenants AS text[]), CAST(:loans AS text[]), CAST(:states AS text[]),
        CAST(:outstanding AS numeric[]), CAST(:interest AS numeric[]), CAST(:sequences AS int[]),
        CAST(:blocks AS bigint[]), CAST(:called AS timestamptz[]))
        AS s(tenant_id, loan_id, state, outstanding, interest, sequence, block, called)
    WHERE caas_chain_loan.tenant_id = s.tenant_id AND caas_chain_loan.loan_id = s.loan_id
""")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last block that was read, the last that counts as confirmed, and blocks before it."""

    genesis: str
    number: int
    hash: str
    confirmed: int = -1
    trail: tuple[Checkpoint, ...] = ()

    @property
    def block(self) -> Checkpoint:
        """The last block that was read."""
        return self.number, self.hash

    def at(self, block: Checkpoint, *, confirmed: int) -> "Cursor":
        """The cursor on another block, further on or further back."""
        known = [each for each in dict.fromkeys((*self.trail, self.block)) if each[0] < block[0]]
        return Cursor(self.genesis, *block, confirmed, tuple(known[-_TRAIL:]))


@dataclass(frozen=True, slots=True)
class Kept:
    """What a step wrote."""

    events: int = 0
    confirmed: int = 0
    orphaned: int = 0
    deeply: tuple[str, ...] = field(default=())
    """Ids of events that had been confirmed before they were orphaned."""


class ChainEvents:
    """The rows of one chain's reader, for all tenants."""

    def __init__(self, database: Database, chain_id: int) -> None:
        self._database = database
        self._chain_id = chain_id

    async def cursor(self) -> Cursor | None:
        """How far we have read; None before the first time."""
        async with self._database.transaction() as session:
            row = await session.get(ChainCursor, self._chain_id)
        if row is None:
            return None
        trail = tuple((number, block_hash) for number, block_hash in row.trail)
        return Cursor(row.genesis, row.number, row.hash, row.confirmed, trail)

    async def begin(self, cursor: Cursor) -> None:
        """Begin to read a chain; whoever was first has begun."""
        row = {"chain_id": self._chain_id, **_columns(cursor), "genesis": cursor.genesis}
        async with self._database.transaction() as session:
            await session.execute(insert(ChainCursor).values(row).on_conflict_do_nothing())

    async def advance(self, before: Cursor, after: Cursor, events: Sequence[ContractEvent]) -> Kept | None:
        """Keep the events up to a block, and let count what has become old enough; None when another was faster."""
        async with self._database.transaction() as session:
            if not await self._move(session, before, after):
                return None
            kept = await self._keep(session, events)
            confirmed = await self._confirm(session, after=before.confirmed, through=after.confirmed)
            await self._bring_forward(session, confirmed)
            return Kept(events=kept, confirmed=len(confirmed))

    async def rewind(self, before: Cursor, after: Cursor) -> Kept | None:
        """Go back to a block that is still of the chain: what was read above it is orphaned."""
        async with self._database.transaction() as session:
            if not await self._move(session, before, after):
                return None
            above = select(ChainEvent).where(
                col(ChainEvent.chain_id) == self._chain_id,
                col(ChainEvent.block_number) > after.number,
                col(ChainEvent.status) != EventStatus.ORPHANED,
            )
            gone = (await session.execute(above.with_for_update())).scalars().all()
            deep = [row for row in gone if row.status == EventStatus.CONFIRMED]
            for row in gone:
                row.status = EventStatus.ORPHANED
            await session.flush()
            await self._look_again(session, deep)
            for row in deep:
                _ask(session, row, await self._application_of(session, row), "orphaned")
            return Kept(orphaned=len(gone), deeply=tuple(row.id for row in deep))

    async def checkpoints(self, below: int, *, at_most: int = 100) -> list[Checkpoint]:
        """Blocks below a number in which something was found, the highest first."""
        found = (
            select(col(ChainEvent.block_number), col(ChainEvent.block_hash))
            .where(
                col(ChainEvent.chain_id) == self._chain_id,
                col(ChainEvent.block_number) < below,
                col(ChainEvent.status) != EventStatus.ORPHANED,
            )
            .distinct()
            .order_by(col(ChainEvent.block_number).desc())
            .limit(at_most)
        )
        async with self._database.transaction() as session:
            return [(number, block_hash) for number, block_hash in await session.execute(found)]

    async def _move(self, session: AsyncSession, before: Cursor, after: Cursor) -> bool:
        moved = await session.execute(
            update(ChainCursor)
            .where(
                col(ChainCursor.chain_id) == self._chain_id,
                col(ChainCursor.number) == before.number,
                col(ChainCursor.hash) == before.hash,
                col(ChainCursor.confirmed) == before.confirmed,
            )
            .values(_columns(after))
            .returning(col(ChainCursor.chain_id))
        )
        return moved.first() is not None

    async def _keep(self, session: AsyncSession, events: Sequence[ContractEvent]) -> int:
        owners = await self._owners(session, events)
        rows = [self._row(event, owner) for event in events if (owner := owners.get(_subject(event)))]
        if not rows:
            return 0
        written = insert(ChainEvent).values(rows)
        # A block that left the chain may come back to it.
        await session.execute(
            written.on_conflict_do_update(
                constraint="caas_chain_event_log",
                set_={"status": EventStatus.SEEN},
                where=col(ChainEvent.status) == EventStatus.ORPHANED,
            )
        )
        return len(rows)

    async def _owners(self, session: AsyncSession, events: Sequence[ContractEvent]) -> dict[str, tuple[str, str]]:
        """Tenant and loan by what the events name: the loan's key, or the subject of its score."""
        keys = {_subject(event) for event in events if "loanId" in event.arguments}
        subjects = {_subject(event) for event in events if "subject" in event.arguments}
        subject = col(ChainLoan.terms)["subject"].astext
        asked = [
            select(named, col(ChainLoan.tenant_id), col(ChainLoan.loan_id)).where(
                col(ChainLoan.chain_id) == self._chain_id, named.in_(values)
            )
            for named, values in ((col(ChainLoan.loan_key), keys), (subject, subjects))
            if values
        ]
        if not asked:
            return {}
        return {named: (tenant_id, loan_id) for named, tenant_id, loan_id in await session.execute(union_all(*asked))}

    def _row(self, event: ContractEvent, owner: tuple[str, str]) -> dict[str, object]:
        tenant_id, loan_id = owner
        place = (str(self._chain_id), event.block_hash, event.tx_hash, str(event.log_index))
        return {
            "tenant_id": tenant_id,
            "id": derived_id("cev", *place),
            "loan_id": loan_id,
            "chain_id": self._chain_id,
            "contract": event.contract,
            "address": event.address,
            "name": event.name,
            "arguments": event.arguments,
            "block_number": event.block_number,
            "block_hash": event.block_hash,
            "tx_hash": event.tx_hash,
            "log_index": event.log_index,
            "status": EventStatus.SEEN,
        }

    async def _confirm(self, session: AsyncSession, *, after: int, through: int) -> list[ChainEvent]:
        if through <= after:
            return []
        confirmed = await session.execute(
            update(ChainEvent)
            .where(
                col(ChainEvent.chain_id) == self._chain_id,
                col(ChainEvent.block_number) > after,
                col(ChainEvent.block_number) <= through,
                col(ChainEvent.status) == EventStatus.SEEN,
            )
            .values(status=EventStatus.CONFIRMED)
            .returning(ChainEvent)
        )
        return sorted(confirmed.scalars().all(), key=_place)

    async def _bring_forward(self, session: AsyncSession, events: Sequence[ChainEvent]) -> None:
        """The loans as these events leave them, and work for the relay where a loan, or somebody, must hear."""
        if not events:
            return
        loans = await _loans_of(session, events)
        by_loan = _by_loan(events)
        seen = {key: sighting_of(map(_logged, rows), _sighting(loans[key])) for key, rows in by_loan.items()}
        await _see(session, seen)
        ours = await self._ours(session, [event for event in events if event.name in WRITES])
        for event in events:
            application_id = loans[event.tenant_id, event.loan_id].application_id
            if event.name in WRITES and event.id not in ours:
                _ask(session, event, application_id, "foreign")
            elif event.name in NEWS:
                _ask(session, event, application_id, "news")

    async def _ours(self, session: AsyncSession, events: Sequence[ChainEvent]) -> set[str]:
        """Those that we have written ourselves: by the operation's id, or by the transaction."""
        if not events:
            return set()
        operations = {str(event.arguments.get("opId")) for event in events}
        hashes = {event.tx_hash for event in events}
        known = await session.execute(
            select(col(ChainTransaction.op_id), col(ChainTransaction.hash)).where(
                col(ChainTransaction.chain_id) == self._chain_id,
                or_(col(ChainTransaction.op_id).in_(operations), col(ChainTransaction.hash).in_(hashes)),
            )
        )
        names = {name for row in known for name in row}
        return {event.id for event in events if {event.tx_hash, str(event.arguments.get("opId"))} & names}

    async def _look_again(self, session: AsyncSession, gone: Sequence[ChainEvent]) -> None:
        """What is still confirmed of these loans, read once more from the beginning."""
        if not gone:
            return
        keys = _by_loan(gone).keys()
        found = await session.execute(
            select(ChainEvent).where(
                col(ChainEvent.tenant_id).in_({tenant_id for tenant_id, _ in keys}),
                col(ChainEvent.loan_id).in_({loan_id for _, loan_id in keys}),
                col(ChainEvent.chain_id) == self._chain_id,
                col(ChainEvent.status) == EventStatus.CONFIRMED,
            )
        )
        left = _by_loan(sorted(found.scalars().all(), key=_place))
        await _see(session, {key: sighting_of(map(_logged, left.get(key, []))) for key in keys})

    async def _application_of(self, session: AsyncSession, event: ChainEvent) -> str:
        return (await session.get_one(ChainLoan, (event.tenant_id, event.loan_id))).application_id


async def _loans_of(session: AsyncSession, events: Iterable[ChainEvent]) -> dict[tuple[str, str], ChainLoan]:
    ids = {event.loan_id for event in events}
    found = await session.execute(select(ChainLoan).where(col(ChainLoan.loan_id).in_(ids)))
    return {(row.tenant_id, row.loan_id): row for row in found.scalars()}


async def _see(session: AsyncSession, seen: Mapping[tuple[str, str], Sighting]) -> None:
    rows = list(seen.values())
    await session.execute(
        _SEE,
        {
            "tenants": [tenant_id for tenant_id, _ in seen],
            "loans": [loan_id for _, loan_id in seen],
            "states": [str(row.state) for row in rows],
            "outstanding": [row.outstanding for row in rows],
            "interest": [row.interest for row in rows],
            "sequences": [row.sequence for row in rows],
            "blocks": [row.block for row in rows],
            "called": [row.margin_called_until for row in rows],
        },
    )


def _ask(session: AsyncSession, event: ChainEvent, application_id: str, about: str) -> None:
    payload = {"eventId": event.id, "loanId": event.loan_id, "applicationId": application_id, "about": about}
    ask_relay(session, event.tenant_id, OutboxKind.CHAIN_EVENT, payload)


def _by_loan(events: Iterable[ChainEvent]) -> dict[tuple[str, str], list[ChainEvent]]:
    found: dict[tuple[str, str], list[ChainEvent]] = defaultdict(list)
    for event in events:
        found[event.tenant_id, event.loan_id].append(event)
    return found


def _subject(event: ContractEvent) -> str:
    return str(event.arguments.get("loanId") or event.arguments.get("subject") or "").lower()


def _place(event: ChainEvent) -> tuple[int, int]:
    return event.block_number, event.log_index


def _logged(event: ChainEvent) -> Logged:
    return Logged(event.name, event.arguments, event.block_number)


def _sighting(loan: ChainLoan) -> Sighting:
    return Sighting(
        ChainState(loan.seen_state),
        int(loan.seen_outstanding),
        int(loan.seen_interest),
        loan.seen_sequence,
        loan.seen_block,
        loan.margin_called_until,
    )


def _columns(cursor: Cursor) -> dict[str, object]:
    return {
        "number": cursor.number,
        "hash": cursor.hash,
        "confirmed": cursor.confirmed,
        "trail": [list(each) for each in cursor.trail],
    }
