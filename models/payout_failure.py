"""Whose fault it is that a payout failed: the rail says it in words, and what follows depends on it.

the lender's      no money at the rail or in escrow   the offer lapses, and the borrower is offered the next best
anybody else's    the account, the bank, the rail     the application ends: another lender would fail as well
"""

_OF_THE_LENDER = (
    "insufficient balance",
    "insufficient_balance",
    "insufficient fund",
    "balance is not enough",
    "escrow is too low",
)


def is_the_lenders(reason: str | None) -> bool:
    """Whether the lender is why the money did not leave."""
    said = (reason or "").lower()
    return any(words in said for words in _OF_THE_LENDER)
