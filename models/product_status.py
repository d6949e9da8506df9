"""How a version of a loan product comes into force: made by one, approved by another, retired in the end.

    draft -> pending_approval -> approved -> retired
                   |
                rejected

Nothing leads back: who wants it otherwise makes a new version, and whoever borrowed on the old one keeps it.
"""

from collections.abc import Iterable
from enum import StrEnum

from models.errors import Conflict
from models.transitions import Transitions


class ProductStatus(StrEnum):
    """Where a version of a product stands. See `PRODUCT` for what may follow what."""

    DRAFT = "draft"
    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    REJECTED = "rejected"
    RETIRED = "retired"


_S = ProductStatus

PRODUCT = Transitions(
    "The product",
    {
        _S.DRAFT: frozenset({_S.PENDING_APPROVAL}),
        _S.PENDING_APPROVAL: frozenset({_S.APPROVED, _S.REJECTED}),
        _S.APPROVED: frozenset({_S.RETIRED}),
    },
)


class SamePerson(Conflict):
    """Whoever made a product may not also be the one to approve it."""


def check_checker(checker: str, makers: Iterable[str]) -> None:
    """Refuse an approval, or a rejection, by anyone who had a hand in what is to be approved."""
    if checker in makers:
        raise SamePerson("Another key than those that made this version must decide on it.", "Authorization")
