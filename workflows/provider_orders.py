"""Which orders a provider's process takes now, as far as it knows; the rows have the last word."""

from collections.abc import Mapping
from datetime import date

from activities.onboarding import NotInReview, OrderKind, ProviderOrder
from models.licensing import check_not_expired
from models.onboarding import PROVIDER, ProviderStatus, Standing, Step, check_complete, check_waivers
from models.transitions import IllegalTransition

_S = ProviderStatus
_FIRST_LICENSE = "licenses[0].expiryDate"
_LEADS_TO: Mapping[OrderKind, ProviderStatus] = {
    OrderKind.REJECT: _S.REJECTED,
    OrderKind.SUSPEND: _S.SUSPENDED,
}


def check_order(order: ProviderOrder, standing: Standing, *, today: date) -> None:
    """Refuse what cannot be done as the provider stands."""
    if to := _LEADS_TO.get(order.kind):
        PROVIDER.check(standing.status, to)
    elif order.kind is OrderKind.APPROVE:
        _check_approval(order, standing, today)
    elif order.kind is OrderKind.REINSTATE:
        if standing.status is not _S.SUSPENDED:
            raise IllegalTransition(f"The provider is {standing.status}; it is not suspended.", "status")
        check_not_expired(standing.license_expires_on, today=today, field=_FIRST_LICENSE)
    elif PROVIDER.is_final(standing.status):
        raise IllegalTransition(f"The provider is {standing.status}.", "status")


def is_ready(order: ProviderOrder, standing: Standing) -> bool:
    """Whether all is known that the order needs: an approval waits for the checks it does not waive."""
    if order.kind is not OrderKind.APPROVE or standing.status is not _S.IN_REVIEW:
        return True
    return not set(standing.pending) - _waived(order) or bool(set(standing.failed) - _waived(order))


def _check_approval(order: ProviderOrder, standing: Standing, today: date) -> None:
    if standing.status is not _S.IN_REVIEW:
        raise NotInReview(f"The provider is {standing.status}, not in review.", "status")
    check_not_expired(standing.license_expires_on, today=today, field=_FIRST_LICENSE)
    check_waivers(order.waive)
    check_complete(step for step in standing.failed if step not in _waived(order))


def _waived(order: ProviderOrder) -> set[Step]:
    return {each.step for each in order.waive}
