import pytest

from activities.kyc import company_names_match, names_match


@pytest.mark.parametrize(
    ("first_name", "last_name", "held"),
    [
        ("Sarah", "Johnson", ["JOHNSON", "SARAH"]),
        ("Chloë", "Müller", ["CHLOE", "MULLER"]),
        ("Anne-Marie", "O'Neil", ["ANNE MARIE", "", "O NEIL"]),
        ("Ngozi", "Okafor", ["Ngozi", "Chinwe", "Okafor"]),
    ],
)
def test_order_case_accents_and_further_names_do_not_matter(first_name: str, last_name: str, held: list[str]) -> None:
    assert names_match(first_name, last_name, *held)


@pytest.mark.parametrize(
    ("first_name", "last_name", "held"),
    [
        ("Sarah", "Johnson", ["Sarah", "Jonson"]),
        ("Sarah", "Johnson", ["Johnson"]),
        ("Sarah", "Johnson", []),
        ("", "", []),
        ("", " ", ["Sarah", "Johnson"]),
    ],
)
def test_a_name_that_is_missing_is_no_match(first_name: str, last_name: str, held: list[str]) -> None:
    assert not names_match(first_name, last_name, *held)


@pytest.mark.parametrize(
    ("claimed", "held"),
    [
        ("FirstCredit Bank", "FIRSTCREDIT BANK PLC"),
        ("QuickLoan Inc", "QUICKLOAN, INC."),
        ("The Crédit Agricole Company", "Agricole Credit"),
    ],
)
def test_the_legal_form_case_and_order_of_a_company_do_not_matter(claimed: str, held: str) -> None:
    assert company_names_match(claimed, held)


@pytest.mark.parametrize(
    ("claimed", "held"), [("FirstCredit Bank", "FirstCredit"), ("Ltd", "Inc"), ("", ""), ("QuickLoan", "")]
)
def test_another_company_or_none_is_no_match(claimed: str, held: str) -> None:
    assert not company_names_match(claimed, held)
