"""What is set aside against losses, by the law where it says so and by the stage where it does not."""

from datetime import date

import pytest

from models.chart import Account
from models.jurisdiction_tables import rules
from models.jurisdictions import Jurisdiction, License
from models.ledger import Entry
from models.provisioning import allowance_minor, provision_journal

ON = date(2026, 6, 1)


@pytest.mark.parametrize(("stage", "allowance"), [(1, 1_000), (2, 10_000), (3, 50_000)])
def test_without_a_law_the_stage_decides(stage: int, allowance: int) -> None:
    assert allowance_minor(100_000, stage) == allowance


def test_a_nigerian_microfinance_bank_sets_aside_what_its_regulator_says() -> None:
    law = rules(Jurisdiction.NG, License.MICROFINANCE_BANK, on=ON).classification

    assert [allowance_minor(100_000, 1, each, law=law) for each in ("performing", "pass_and_watch", "lost")] == [
        1_000,
        5_000,
        100_000,
    ]


def test_a_class_without_a_share_of_its_own_follows_the_stage() -> None:
    law = rules(Jurisdiction.US, on=ON).classification

    assert allowance_minor(100_000, 2, "pass", law=law) == 10_000


def test_half_a_cent_is_rounded_to_the_even_one() -> None:
    assert [allowance_minor(principal_minor, 1) for principal_minor in (50, 150, 151)] == [0, 2, 2]


def test_the_allowance_moves_by_the_difference() -> None:
    up = provision_journal("loan_1", 1_000, 10_000, currency="USD", on=ON)
    down = provision_journal("loan_1", 10_000, 0, currency="USD", on=ON, cause="txn_1")

    assert up is not None
    assert down is not None
    assert (up.key, down.key) == ("provision:loan_1:2026-06-01", "provision:loan_1:2026-06-01:txn_1")
    assert up.description == "Provision for loan_1"
    assert up.entries == (Entry(Account.PROVISION_EXPENSE, 9_000), Entry(Account.LOAN_LOSS_ALLOWANCE, -9_000))
    assert sum(entry.amount_minor for entry in down.entries if entry.account is Account.LOAN_LOSS_ALLOWANCE) == 10_000
    assert provision_journal("loan_1", 7, 7, currency="USD", on=ON) is None
