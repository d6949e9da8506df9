"""What to do about a loan's collateral, by its health factor: the collateral at its thresholds over the debt, 1e18.

    below 1.10                        margin call; whoever cures it within the window is cleared
    below 1.00 and the window over    liquidation
    below 0.95                        liquidation at once
    the loan in default               liquidation

The figures are those of `CollateralManager`, which refuses what is not so.
"""

from dataclasses import dataclass
from datetime import datetime

from models.chain import ChainOperationKind, ChainState

WAD = 10**18
NO_DEBT = 2**255
"""From here on a factor says that nothing is owed: the contract's own figure is the greatest there is."""
MARGIN_CALL = WAD * 110 // 100
LIQUIDATION = WAD
IMMEDIATE_LIQUIDATION = WAD * 95 // 100

_K, _S = ChainOperationKind, ChainState
RUNNING = frozenset({_S.ACTIVE, _S.DELINQUENT, _S.DEFAULTED})
_RETURNED = frozenset({_S.CLOSED, _S.CANCELLED})


@dataclass(frozen=True, slots=True)
class Collateral:
    """A secured loan as the chain shows it at one block. Times are of the chain's clock."""

    state: ChainState
    health_factor: int
    has_collateral: bool
    cure_by: datetime | None
    auction_ends_at: datetime | None
    debt: int
    now: datetime


def due(collateral: Collateral) -> ChainOperationKind | None:
    """The write that is due, None when all is well."""
    if collateral.state is _S.LIQUIDATING:
        return _K.SETTLE_LIQUIDATION if _is_sold(collateral) else None
    if collateral.state in _RETURNED:
        return _K.RELEASE if collateral.has_collateral else None
    if collateral.state not in RUNNING:
        return None
    if _is_to_be_sold(collateral):
        return _K.START_LIQUIDATION if collateral.has_collateral else None
    if collateral.health_factor < MARGIN_CALL:
        return _K.MARGIN_CALL if collateral.cure_by is None else None
    return None if collateral.cure_by is None else _K.CLEAR_MARGIN_CALL


def _is_to_be_sold(collateral: Collateral) -> bool:
    if collateral.state is _S.DEFAULTED or collateral.health_factor < IMMEDIATE_LIQUIDATION:
        return True
    is_over = collateral.cure_by is not None and collateral.now > collateral.cure_by
    return is_over and collateral.health_factor < LIQUIDATION


def _is_sold(collateral: Collateral) -> bool:
    """Nothing is owed, nothing is left to sell, or nobody bought it in time."""
    ends_at = collateral.auction_ends_at
    is_over = ends_at is not None and collateral.now > ends_at
    return collateral.debt == 0 or not collateral.has_collateral or is_over
