"""Watching the collateral of loans: health factors read block by block, and the writes they call for left in order."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from activities.chain_collateral import ChainCollateral, Watched
from contracts.node import Block, ChainNode
from models.chain import Call, ChainOperationKind, ChainState, ContractRefused
from models.collateral import MARGIN_CALL, NO_DEBT, RUNNING, Collateral, due
from models.sightings import STATES

log = structlog.get_logger()

_AT_ONCE = 20
_AGGREGATOR, _MANAGER = "CreditAggregator", "CollateralManager"

# A loan in default is sold, and a sale is settled, whatever the collateral is worth.
_SOLD_WITHOUT_A_PRICE = frozenset({ChainState.DEFAULTED, ChainState.LIQUIDATING})
_OF_A_SALE = frozenset({ChainOperationKind.START_LIQUIDATION, ChainOperationKind.SETTLE_LIQUIDATION})


@dataclass(frozen=True, slots=True)
class _Health:
    """What a loan's health factor is; None when the prices do not let anybody say."""

    loan: Watched
    factor: int | None


class CollateralWatch:
    """Runs until it is cancelled; several may run at once."""

    def __init__(self, node: ChainNode, rows: ChainCollateral, *, seconds: float = 5) -> None:
        self._node = node
        self._rows = rows
        self._seconds = seconds
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._at_rest: tuple[str, list[Watched]] | None = None

    async def run(self) -> None:
        """Watch for ever; an outage of the node or of the rows is waited out."""
        while True:
            try:
                await self.turn()
            except Exception:
                log.exception("the collateral cannot be watched")
            await asyncio.sleep(self._seconds)

    async def turn(self) -> None:
        """Look at every loan with collateral, until there is nothing to do about any at this block.

        The rows follow the chain later: a quiet chain has no next block in which a loan would be looked at again.
        """
        head = await self._node.head()
        loans = await self._rows.watched()
        if self._at_rest == (head.hash, loans):
            return
        healths = await asyncio.gather(*map(self._health, loans))
        await self._rows.record({(each.loan.ref, each.factor) for each in healths if each.factor is not None})
        for each in healths:
            await self._look_at(each, head)
        self._at_rest = (head.hash, loans) if all(map(_is_at_rest, healths)) else None

    async def _health(self, loan: Watched) -> _Health:
        try:
            return _Health(loan, int(await self._read(_MANAGER, "healthFactor", loan.loan_key)))
        except ContractRefused as refused:
            log.warning("no health factor", loan_id=loan.ref.loan_id, error=refused.error, detail=refused.detail)
            return _Health(loan, None)

    async def _look_at(self, health: _Health, head: Block) -> None:
        """Most loans are healthy, and one question is enough for them."""
        loan = health.loan
        if health.factor is None:
            await self._rows.unwatched(loan, at=datetime.now(UTC))
            if loan.state not in _SOLD_WITHOUT_A_PRICE:
                return
        else:
            await self._rows.watched_again(loan, at=datetime.now(UTC))
        if _is_at_rest(health):
            return
        collateral = await self._collateral(health, head)
        if loan.state not in RUNNING and collateral.state not in RUNNING and not collateral.has_collateral:
            await self._rows.done_with(loan)
        kind = due(collateral)
        if kind in _OF_A_SALE or (kind is not None and health.factor is not None):
            await self._rows.leave(loan, kind, seen_at=head.number, at=datetime.now(UTC))

    async def _collateral(self, health: _Health, head: Block) -> Collateral:
        key = health.loan.loan_key
        state, has_collateral, cure_by, auction, debt = await asyncio.gather(
            self._read(_AGGREGATOR, "stateOf", key),
            self._read(_MANAGER, "hasCollateral", key),
            self._read(_MANAGER, "marginCallOf", key),
            self._read(_MANAGER, "auctionOf", key),
            self._read(_AGGREGATOR, "debtOf", key),
        )
        return Collateral(
            state=STATES[int(state)],
            health_factor=NO_DEBT if health.factor is None else health.factor,
            has_collateral=bool(has_collateral),
            cure_by=_moment(cure_by),
            auction_ends_at=_moment(_second(auction, "endsAt")),
            debt=int(_second(debt, "amount")),
            now=datetime.fromtimestamp(head.timestamp, UTC),
        )

    async def _read(self, contract: str, function: str, key: str) -> Any:
        async with self._slots:
            return await self._node.read(Call(contract, function, (key,)))


def _is_at_rest(health: _Health) -> bool:
    loan = health.loan
    is_healthy = health.factor is not None and MARGIN_CALL <= health.factor < NO_DEBT
    return is_healthy and loan.margin_called_until is None and loan.state in {ChainState.ACTIVE, ChainState.DELINQUENT}


def _second(values: Any, name: str) -> Any:
    """The second of two values a function returns, by name or by position."""
    return values[name] if isinstance(values, dict) else values[1]


def _moment(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(int(seconds), UTC) if seconds else None
