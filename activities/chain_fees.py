"""What a transaction may cost: never more than the limit, and enough more than the one it takes the place of."""

from contracts.node import Fees

# Nodes ask for 10 % more before they let one transaction replace another; some for 12.5 %.
_RAISE_NUMERATOR, _RAISE_DENOMINATOR = 9, 8
_GWEI = 10**9


class FeesAboveLimit(Exception):
    """The chain asks for more than we are allowed to pay; it is waited out."""

    def __init__(self, needed: int, limit: int) -> None:
        super().__init__(
            f"the chain asks for {needed / _GWEI:.3f} gwei per gas and CAAS_CHAIN_MAX_FEE_GWEI allows "
            f"{limit / _GWEI:.3f}: raise it, or wait until the chain is less busy"
        )
        self.needed = needed
        self.limit = limit


def within(fees: Fees, *, limit: int) -> Fees:
    """The fees, cut to the limit. What is cut off is the room for a rising base fee, never what is needed now."""
    base_fee = (fees.max_fee - fees.priority_fee) // 2
    needed = base_fee + fees.priority_fee
    if needed > limit:
        raise FeesAboveLimit(needed, limit)
    return Fees(min(fees.max_fee, limit), fees.priority_fee)


def outbidding(old: Fees, now: Fees, *, limit: int) -> Fees:
    """Fees for a transaction in the place of one that does not get through."""
    least = Fees(_raised(old.max_fee), _raised(old.priority_fee))
    if least.max_fee > limit:
        raise FeesAboveLimit(least.max_fee, limit)
    max_fee = min(max(least.max_fee, now.max_fee), limit)
    return Fees(max_fee, min(max(least.priority_fee, now.priority_fee), max_fee))


def _raised(wei: int) -> int:
    return -(-wei * _RAISE_NUMERATOR // _RAISE_DENOMINATOR)
