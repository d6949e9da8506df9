"""What is set aside against losses: a share of the principal outstanding, by how late the loan is.

    allowance = principal outstanding x percent       of the law's class where it gives one, else of the IFRS 9 stage

The percents of the stages are a starting point, not a model: 12-month expected losses in stage 1, lifetime in 2 and 3
(IFRS 9, 5.5.3 and 5.5.5). The exposure is the principal, so that the allowance moves when the loan does, not daily.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from models.chart import Account
from models.jurisdictions import Classification
from models.ledger import Entry, Journal
from models.money import rounded

STAGE_PERCENT: Mapping[int, Decimal] = {1: Decimal(1), 2: Decimal(10), 3: Decimal(50)}


def allowance_minor(
    principal_minor: int, ifrs_stage: int, class_name: str | None = None, *, law: Classification | None = None
) -> int:
    """What ought to be set aside for a loan that stands in the books with this principal."""
    classes = law.classes if law else ()
    prescribed = next((each.provision_percent for each in classes if each.name == class_name), None)
    percent = STAGE_PERCENT[ifrs_stage] if prescribed is None else prescribed
    return rounded(principal_minor * percent / 100)


def provision_journal(
    loan_id: str, booked_minor: int, target_minor: int, *, currency: str, on: date, cause: str | None = None
) -> Journal | None:
    """The journal that moves the allowance from what is booked to what ought to be; None when it stays.

    The close of a business day has no cause but the day.
    """
    change = target_minor - booked_minor
    if change == 0:
        return None
    key = f"provision:{loan_id}:{on}"
    return Journal(
        key=key if cause is None else f"{key}:{cause}",
        booked_on=on,
        currency=currency,
        description=f"Provision for {loan_id}",
        entries=(Entry(Account.PROVISION_EXPENSE, change), Entry(Account.LOAN_LOSS_ALLOWANCE, -change)),
    )
