"""Whether an applicant can carry the credit asked for: a scorecard anyone can recompute with a pencil.

    score = 300 + the points of six factors                                                    300 to 850

    factor                                              most points at    none at    points
    debt service with the new installment / income      10 %              50 %       170
    income left after expenses and debts / income       50 %              0 %        130
    employment status                                   employed          none        80
    months in employment                                60                0           80
    amount asked for / a year's income                  25 %              100 %       50
    open loans and credit cards                         0                 5           40

In between, points follow a straight line. The new installment is taken at an assessment rate above the one expected,
and the limit is the same sum backwards: the principal whose installment would take the last of what may go to debts.
"""

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import NamedTuple

from models.amortization import equal_installment
from models.dates import installments_for
from models.money import rounded

_LOWEST_SCORE = 300
_MOST_REASONS = 4
_HIGHEST_RATIO = Decimal("9.9999")
_RATIO_PLACES = Decimal("0.0001")

_EMPLOYMENT = {
    "employed": Decimal(1),
    "self_employed": Decimal("0.75"),
    "retired": Decimal("0.75"),
    "part_time": Decimal("0.5"),
    "student": Decimal("0.25"),
    "unemployed": Decimal(0),
}

# What an applicant is told (Regulation B, 12 CFR 1002.9: the specific principal reasons).
REASONS = {
    "thin_file": "There is no income or no known employment to assess.",
    "amount_above_limit": "The amount is more than the income can repay in the time asked for.",
    "amount_above_annual_income": "The amount is more than a year's income and needs a person's decision.",
    "debt_to_income": "Debt service, with the new installment, takes a large part of the income.",
    "income_left": "Little income is left after expenses and debts.",
    "employment_status": "The employment status promises a less steady income.",
    "employment_length": "The present employment has not lasted long.",
    "amount_to_income": "The amount is large against a year's income.",
    "open_credit": "There are several open loans or credit cards.",
}


class RiskRating(StrEnum):
    """How likely the credit is to go wrong."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Recommendation(StrEnum):
    """What to do with the application; `refer` is a person's decision."""

    APPROVE = "approve"
    REFER = "refer"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class ApplicantProfile:
    """What the scorecard looks at: figures, and nothing that names a person or a group."""

    monthly_income_minor: int
    monthly_expenses_minor: int
    monthly_debt_service_minor: int
    employment_status: str
    employment_months: int
    existing_loans: int
    credit_cards: int
    currency: str


@dataclass(frozen=True, slots=True)
class CreditPolicy:
    """The lender's cut-offs and prices."""

    maximum_debt_to_income: Decimal = Decimal("0.40")
    assessment_rate_percent: Decimal = Decimal("12.0")
    base_rate_percent: Decimal = Decimal("6.0")
    low_risk_margin_percent: Decimal = Decimal("1.5")
    medium_risk_margin_percent: Decimal = Decimal("6.0")
    high_risk_margin_percent: Decimal = Decimal("12.0")
    low_risk_from_score: int = 700
    medium_risk_from_score: int = 580


@dataclass(frozen=True, slots=True)
class Assessment:
    """The answer, with up to four `REASONS` codes for what speaks against the applicant, the worst first."""

    credit_score: int
    risk_rating: RiskRating
    recommended_limit_minor: int
    recommended_tenure_days: int
    recommended_rate_percent: Decimal
    debt_to_income_ratio: Decimal
    recommendation: Recommendation
    reason_codes: tuple[str, ...]


class _Factor(NamedTuple):
    code: str
    points: int
    share: Decimal

    @property
    def lost(self) -> Decimal:
        return self.points * (1 - self.share)


_POLICY = CreditPolicy()


def assess(
    profile: ApplicantProfile, *, requested_minor: int, tenure_days: int, policy: CreditPolicy = _POLICY
) -> Assessment:
    """Score the applicant, and recommend a limit, a price and a decision for this request."""
    rates = (policy.assessment_rate_percent / 1200,) * installments_for(tenure_days)
    ratio = _debt_to_income(profile, equal_installment(requested_minor, rates))
    factors = _factors(profile, requested_minor, ratio)
    score = _LOWEST_SCORE + rounded(sum((factor.points * factor.share for factor in factors), Decimal(0)))
    rating, margin_percent = _rating(score, policy)
    limit_minor = _limit_minor(profile, equal_installment(1, rates), policy)
    obstacles = _obstacles(profile, requested_minor, limit_minor)
    return Assessment(
        credit_score=score,
        risk_rating=rating,
        recommended_limit_minor=limit_minor,
        recommended_tenure_days=tenure_days,
        recommended_rate_percent=policy.base_rate_percent + margin_percent,
        debt_to_income_ratio=ratio.quantize(_RATIO_PLACES),
        recommendation=_recommendation(rating, limit_minor, obstacles),
        reason_codes=(*obstacles, *_shortcomings(factors))[:_MOST_REASONS],
    )


def _debt_to_income(profile: ApplicantProfile, installment_minor: Decimal) -> Decimal:
    """Monthly debt service with the new installment over monthly income, capped: no income makes it endless."""
    if profile.monthly_income_minor <= 0:
        return _HIGHEST_RATIO
    return min((profile.monthly_debt_service_minor + installment_minor) / profile.monthly_income_minor, _HIGHEST_RATIO)


def _factors(profile: ApplicantProfile, requested_minor: int, debt_to_income: Decimal) -> tuple[_Factor, ...]:
    income = Decimal(max(profile.monthly_income_minor, 1))
    left = profile.monthly_income_minor - profile.monthly_expenses_minor - profile.monthly_debt_service_minor
    open_credit = Decimal(profile.existing_loans + profile.credit_cards)
    return (
        _Factor("debt_to_income", 170, _share(debt_to_income, most=Decimal("0.10"), none=Decimal("0.50"))),
        _Factor("income_left", 130, _share(left / income, most=Decimal("0.50"), none=Decimal(0))),
        _Factor("employment_status", 80, _EMPLOYMENT.get(profile.employment_status, Decimal(0))),
        _Factor("employment_length", 80, _share(Decimal(profile.employment_months), most=Decimal(60), none=Decimal(0))),
        _Factor("amount_to_income", 50, _share(requested_minor / (12 * income), most=Decimal("0.25"), none=Decimal(1))),
        _Factor("open_credit", 40, _share(open_credit, most=Decimal(0), none=Decimal(5))),
    )


def _share(value: Decimal, *, most: Decimal, none: Decimal) -> Decimal:
    """Where the value lies on the line from `none`, 0, to `most`, 1."""
    return min(max((value - none) / (most - none), Decimal(0)), Decimal(1))


def _rating(score: int, policy: CreditPolicy) -> tuple[RiskRating, Decimal]:
    if score >= policy.low_risk_from_score:
        return RiskRating.LOW, policy.low_risk_margin_percent
    if score >= policy.medium_risk_from_score:
        return RiskRating.MEDIUM, policy.medium_risk_margin_percent
    return RiskRating.HIGH, policy.high_risk_margin_percent


def _limit_minor(profile: ApplicantProfile, installment_per_minor: Decimal, policy: CreditPolicy) -> int:
    """The principal whose installment takes what may go to debts, or what is left to live on if that is less."""
    debts = profile.monthly_debt_service_minor
    allowed = profile.monthly_income_minor * policy.maximum_debt_to_income - debts
    left = Decimal(profile.monthly_income_minor - profile.monthly_expenses_minor - debts)
    return max(0, int((min(allowed, left) / installment_per_minor).to_integral_value(ROUND_FLOOR)))


def _obstacles(profile: ApplicantProfile, requested_minor: int, limit_minor: int) -> tuple[str, ...]:
    """What stands against an automatic yes, whatever the score."""
    if profile.monthly_income_minor <= 0 or profile.employment_status not in _EMPLOYMENT:
        return ("thin_file",)
    obstacles = {
        "amount_above_limit": requested_minor > limit_minor,
        "amount_above_annual_income": requested_minor > 12 * profile.monthly_income_minor,
    }
    return tuple(code for code, stands in obstacles.items() if stands)


def _recommendation(rating: RiskRating, limit_minor: int, obstacles: tuple[str, ...]) -> Recommendation:
    if "thin_file" in obstacles:
        return Recommendation.REFER
    if rating is RiskRating.HIGH or limit_minor == 0:
        return Recommendation.REJECT
    return Recommendation.REFER if obstacles else Recommendation.APPROVE


def _shortcomings(factors: tuple[_Factor, ...]) -> tuple[str, ...]:
    worst_first = sorted(factors, key=lambda factor: -factor.lost)
    return tuple(factor.code for factor in worst_first if factor.lost > 0)
