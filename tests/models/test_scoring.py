"""The scorecard says what its table says, and always why."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.amortization import equal_installment
from models.scoring import REASONS, ApplicantProfile, CreditPolicy, Recommendation, RiskRating, assess

SARAH = ApplicantProfile(
    monthly_income_minor=850_000,
    monthly_expenses_minor=420_000,
    monthly_debt_service_minor=0,
    employment_status="employed",
    employment_months=36,
    existing_loans=0,
    credit_cards=0,
    currency="USD",
)

profiles = st.builds(
    ApplicantProfile,
    monthly_income_minor=st.integers(0, 5_000_000),
    monthly_expenses_minor=st.integers(0, 5_000_000),
    monthly_debt_service_minor=st.integers(0, 1_000_000),
    employment_status=st.sampled_from(["employed", "self_employed", "student", "unemployed", "astronaut", ""]),
    employment_months=st.integers(0, 600),
    existing_loans=st.integers(0, 9),
    credit_cards=st.integers(0, 9),
    currency=st.just("USD"),
)
amounts = st.integers(1, 100_000_000)
tenures = st.integers(30, 3650)


def test_a_steady_borrower_with_room_for_the_installment_is_approved() -> None:
    assessment = assess(SARAH, requested_minor=2_500_000, tenure_days=365)

    # 300 + 170 . (0.50 - 0.2613) / 0.40 + 130 + 80 + 80 . 36 / 60 + 50 + 40
    assert assessment.credit_score == 749
    assert assessment.risk_rating is RiskRating.LOW
    assert assessment.recommendation is Recommendation.APPROVE
    assert assessment.recommended_rate_percent == Decimal("7.5")
    assert assessment.recommended_tenure_days == 365
    assert assessment.debt_to_income_ratio == Decimal("0.2613")
    assert assessment.reason_codes == ("debt_to_income", "employment_length")


def test_the_limit_is_the_principal_whose_installment_takes_the_rest_of_the_debt_share() -> None:
    limit_minor = assess(SARAH, requested_minor=2_500_000, tenure_days=365).recommended_limit_minor

    assert limit_minor == 3_826_726
    assert equal_installment(limit_minor, [Decimal("0.01")] * 12) <= 340_000
    assert equal_installment(limit_minor + 1, [Decimal("0.01")] * 12) > 340_000


def test_what_is_left_to_live_on_limits_the_credit_too() -> None:
    tight = replace(SARAH, monthly_expenses_minor=800_000)

    assert assess(tight, requested_minor=100_000, tenure_days=365).recommended_limit_minor == 562_753


def test_existing_debts_count_in_the_ratio_and_against_the_limit() -> None:
    indebted = replace(SARAH, monthly_debt_service_minor=100_000)

    assessment = assess(indebted, requested_minor=2_500_000, tenure_days=365)

    assert assessment.debt_to_income_ratio == Decimal("0.3790")
    assert assessment.recommended_limit_minor == 2_701_218


@pytest.mark.parametrize(
    "thin",
    [replace(SARAH, monthly_income_minor=0), replace(SARAH, employment_status="")],
    ids=["no income", "no known employment"],
)
def test_a_thin_file_is_a_persons_decision(thin: ApplicantProfile) -> None:
    assessment = assess(thin, requested_minor=2_500_000, tenure_days=365)

    assert assessment.recommendation is Recommendation.REFER
    assert assessment.reason_codes[0] == "thin_file"


def test_without_income_the_ratio_is_capped_and_nothing_is_affordable() -> None:
    assessment = assess(replace(SARAH, monthly_income_minor=0), requested_minor=2_500_000, tenure_days=365)

    assert assessment.debt_to_income_ratio == Decimal("9.9999")
    assert assessment.recommended_limit_minor == 0


def test_more_than_the_limit_is_a_persons_decision() -> None:
    assessment = assess(SARAH, requested_minor=3_826_727, tenure_days=365)

    assert assessment.recommendation is Recommendation.REFER
    assert assessment.reason_codes[0] == "amount_above_limit"


def test_more_than_a_years_income_is_a_persons_decision() -> None:
    assessment = assess(SARAH, requested_minor=10_200_001, tenure_days=3650)

    assert assessment.recommended_limit_minor > 10_200_001
    assert assessment.recommendation is Recommendation.REFER
    assert assessment.reason_codes[0] == "amount_above_annual_income"


def test_a_high_risk_is_rejected_with_the_worst_reasons_first() -> None:
    weak = replace(
        SARAH,
        monthly_income_minor=100_000,
        monthly_expenses_minor=98_000,
        employment_status="student",
        employment_months=2,
        existing_loans=3,
        credit_cards=2,
    )

    assessment = assess(weak, requested_minor=500_000, tenure_days=365)

    assert assessment.risk_rating is RiskRating.HIGH
    assert assessment.recommendation is Recommendation.REJECT
    assert assessment.recommended_rate_percent == Decimal("18.0")
    assert assessment.reason_codes == ("amount_above_limit", "debt_to_income", "income_left", "employment_length")


def test_nothing_left_to_repay_with_is_rejected_whatever_the_score() -> None:
    spent = replace(SARAH, monthly_expenses_minor=850_000, employment_months=600)

    assessment = assess(spent, requested_minor=10_000, tenure_days=365)

    assert assessment.risk_rating is not RiskRating.HIGH
    assert assessment.recommended_limit_minor == 0
    assert assessment.recommendation is Recommendation.REJECT


@pytest.mark.parametrize(
    ("low_from", "medium_from", "rating", "rate"),
    [
        (749, 600, RiskRating.LOW, "7.5"),
        (750, 749, RiskRating.MEDIUM, "12.0"),
        (800, 750, RiskRating.HIGH, "18.0"),
    ],
)
def test_cut_offs_and_prices_are_the_policys(low_from: int, medium_from: int, rating: RiskRating, rate: str) -> None:
    policy = CreditPolicy(low_risk_from_score=low_from, medium_risk_from_score=medium_from)

    assessment = assess(SARAH, requested_minor=2_500_000, tenure_days=365, policy=policy)

    assert (assessment.risk_rating, assessment.recommended_rate_percent) == (rating, Decimal(rate))


def test_the_best_and_the_worst_of_the_scale() -> None:
    best = replace(SARAH, employment_months=60)
    worst = replace(SARAH, monthly_income_minor=0, employment_status="", employment_months=0, existing_loans=9)

    assert assess(best, requested_minor=1, tenure_days=365).credit_score == 850
    assert assess(best, requested_minor=1, tenure_days=365).reason_codes == ()
    assert assess(worst, requested_minor=2_500_000, tenure_days=365).credit_score == 300


@given(profile=profiles, requested_minor=amounts, tenure_days=tenures)
def test_every_answer_is_on_the_scale_and_every_no_has_a_reason(
    profile: ApplicantProfile, requested_minor: int, tenure_days: int
) -> None:
    assessment = assess(profile, requested_minor=requested_minor, tenure_days=tenure_days)

    assert 300 <= assessment.credit_score <= 850
    assert len(assessment.reason_codes) <= 4
    assert set(assessment.reason_codes) <= set(REASONS)
    if assessment.recommendation is not Recommendation.APPROVE:
        assert assessment.reason_codes
    else:
        assert requested_minor <= assessment.recommended_limit_minor


@given(profile=profiles, requested_minor=amounts, more_minor=st.integers(1, 1_000_000))
def test_more_income_never_lowers_the_score_and_more_debt_never_raises_it(
    profile: ApplicantProfile, requested_minor: int, more_minor: int
) -> None:
    richer = replace(profile, monthly_income_minor=profile.monthly_income_minor + more_minor)
    poorer = replace(profile, monthly_debt_service_minor=profile.monthly_debt_service_minor + more_minor)

    score, richer_score, poorer_score = (
        assess(each, requested_minor=requested_minor, tenure_days=365).credit_score
        for each in (profile, richer, poorer)
    )

    assert poorer_score <= score <= richer_score
