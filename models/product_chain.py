"""What a product asks of the chain: that its loans are on record there, and what must be shown before they are."""

from dataclasses import dataclass

from models.chain import ChainFunds
from models.errors import Refused

SCORES = range(300, 851)
_CAPS_PERCENT = range(1, 656)  # the contract has 16 bits for basis points
MOST_PERCENT = 655
_ADDRESS_DIGITS = 40


class InvalidChainRules(Refused):
    """No loan can be put on chain like this; `field` names the setting that is wrong."""


@dataclass(frozen=True, slots=True)
class ChainRules:
    """How the loans of a product are kept on chain.

    Interest, fees and penalties together stay below `interest_cap_percent` of the principal. It is 100 if not said: the
    in duplum rule, by which interest may not exceed what was lent. A minimum score of 0 asks for none.
    """

    funds: ChainFunds = ChainFunds.RAIL
    secured: bool = False
    minimum_score: int = 0
    interest_cap_percent: int = 100
    asset: str | None = None
    """The symbol of the token in which collateral is measured and token loans are paid."""
    lender: str | None = None
    """The lender's address, whose signature the terms then need."""

    def __post_init__(self) -> None:
        for field, holds, detail in (
            (
                "minimumScore",
                self.minimum_score == 0 or self.minimum_score in SCORES,
                f"A score is {SCORES[0]} to {SCORES[-1]}, or 0 for none.",
            ),
            (
                "interestCapPercent",
                self.interest_cap_percent in _CAPS_PERCENT,
                f"The cap is {_CAPS_PERCENT[0]} to {_CAPS_PERCENT[-1]} percent of the principal.",
            ),
            ("asset", bool(self.asset) or not self.needs_wallet, "This is counted in a token: name its symbol."),
            ("asset", self.needs_wallet or not self.asset, "A loan without collateral is kept in its own currency."),
            (
                "lender",
                bool(self.lender) or not self.pays_tokens,
                "Tokens leave the escrow of a lender: name his address.",
            ),
            ("lender", self.lender is None or is_address(self.lender), "This must be 0x and 40 hexadecimal digits."),
        ):
            if not holds:
                raise InvalidChainRules(detail, field)

    @property
    def pays_tokens(self) -> bool:
        """Whether principal and repayments move on chain."""
        return self.funds is ChainFunds.TOKEN

    @property
    def needs_wallet(self) -> bool:
        """Whether the borrower must have a wallet: for collateral, or to be paid and to pay."""
        return self.secured or self.pays_tokens


def is_address(text: str) -> bool:
    """Whether this is the address of an account: 0x and forty hexadecimal digits."""
    digits = text[2:]
    return text[:2] == "0x" and len(digits) == _ADDRESS_DIGITS and set(digits.lower()) <= set("0123456789abcdef")
