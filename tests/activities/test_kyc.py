import pytest

from activities.kyc import names_match


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
