"""A credit provider's offer: what became of it, and what the workflow needs to know of it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from models.errors import Conflict, NotFound
from models.transitions import Transitions


class OfferStatus(StrEnum):
    """Where an offer stands. See `OFFER` for what may follow what."""

    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    FUNDED = "funded"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    NOT_SELECTED = "not_selected"


_S = OfferStatus

# An offer stands until another's money has left, or its own time is over: if the accepted one lapses, it is next.
OFFER = Transitions(
    "The offer",
    {
        _S.SUBMITTED: frozenset({_S.ACCEPTED, _S.WITHDRAWN, _S.SUPERSEDED, _S.EXPIRED, _S.NOT_SELECTED}),
        _S.ACCEPTED: frozenset({_S.FUNDED, _S.LAPSED}),
    },
)


@dataclass(frozen=True, slots=True)
class StandingOffer:
    """An offer the borrower may accept until `expires_at`, unless its provider takes it back before."""

    offer_id: str
    provider_id: str
    expires_at: datetime
    is_withdrawn: bool = False

    def withdrawn(self) -> "StandingOffer":
        """The offer, taken back."""
        return replace(self, is_withdrawn=True)


class UnknownOffer(NotFound):
    """The application has no such offer."""


class OfferNoLongerValid(Conflict):
    """The offer's validity had ended when the borrower accepted it."""


class OfferWithdrawn(Conflict):
    """The provider had taken the offer back when the borrower accepted it."""


class NotOffered(Conflict):
    """The application has no offers waiting for an answer."""


class NoAcceptedOffer(Conflict):
    """No offer is accepted and waits for its payout, or not one of this provider's."""


def acceptable(offer_id: str, offers: tuple[StandingOffer, ...], *, at: datetime) -> StandingOffer:
    """The offer to accept, or `UnknownOffer` / `OfferWithdrawn` / `OfferNoLongerValid` naming `offerId`."""
    for offer in offers:
        if offer.offer_id == offer_id:
            if offer.is_withdrawn:
                raise OfferWithdrawn("The lender has taken this offer back.", "offerId")
            if offer.expires_at <= at:
                raise OfferNoLongerValid(f"The offer was valid until {offer.expires_at.isoformat()}.", "offerId")
            return offer
    raise UnknownOffer(f"There is no offer {offer_id} for this application.", "offerId")
