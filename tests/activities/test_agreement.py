"""What the borrower agreed to, as one hash for the audit trail."""

from decimal import Decimal
from typing import Any

from activities.offers import agreement_hash
from models.records.applications import Application
from models.records.offers import Offer

OFFERED: dict[str, Any] = {
    "id": "offer_1",
    "provider_id": "provider_1",
    "amount_minor": 500_000,
    "currency": "USD",
    "annual_rate_percent": Decimal("8.2"),
    "processing_fee_minor": 1_000,
    "installments": 10,
    "apr_percent": Decimal("10.48"),
}
OFFER = Offer(**OFFERED)


def application(**columns: Any) -> Application:
    return Application(id="app_1", **columns)


def test_the_same_figures_under_another_product_are_another_agreement() -> None:
    plain = application()
    first = application(product_id="product_1", product_version=1)
    second = application(product_id="product_1", product_version=2)

    hashes = [agreement_hash(each, OFFER) for each in (plain, first, second)]

    assert len(set(hashes)) == 3
    assert agreement_hash(application(), OFFER) == hashes[0]
