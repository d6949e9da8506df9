"""What the shapes are made of: names, amounts, rates, codes; and money on its way out."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

import pycountry
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictInt,
    StringConstraints,
)
from pydantic.alias_generators import to_camel

from models.bid_limits import TENURE_DAYS
from models.money import UnknownCurrency, exponent_of, major_units

Number = int | float

_NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(9000, 12, 31)
_EMAIL = r"^[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;.]+$"


class In(BaseModel):
    """A part of a request. What it does not name, it refuses: a misspelled field must not pass for an absent one."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class Out(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


def number(amount: Decimal) -> Number:
    """A decimal as JSON writes it; amounts have at most 15 digits, which a double holds exactly."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def money(amount_minor: int, currency: str) -> Number:
    """Minor units as an amount in major units."""
    return number(major_units(amount_minor, currency))


def percent(rate: Decimal) -> Number:
    """A rate as a number."""
    return number(rate)


def _no_flag(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("Input should be a number, not true or false")  # noqa: TRY004 - pydantic asks for this class
    return value


def _known_country(code: str) -> str:
    if pycountry.countries.get(alpha_2=code) is None:
        raise ValueError(f"{code!r} is not an ISO 3166 country code")
    return code


def _known_currency(code: str) -> str:
    try:
        exponent_of(code)
    except UnknownCurrency as refusal:
        raise ValueError(refusal.detail) from None
    return code


def _on_the_calendar(day: date) -> date:
    """A day with room for terms and periods on both sides: the day after the last one is a mistake of ours."""
    if not _FIRST_DAY <= day <= _LAST_DAY:
        raise ValueError(f"Input should be a day from {_FIRST_DAY} to {_LAST_DAY}")
    return day


def _in_time(moment: datetime) -> datetime:
    try:
        _on_the_calendar(moment.astimezone(UTC).date())
    except OverflowError:
        raise ValueError("Input should be a moment of our time") from None
    return moment


_Decimal = Annotated[Decimal, BeforeValidator(_no_flag), PlainSerializer(number, return_type=Number, when_used="json")]
Amount = Annotated[_Decimal, Field(gt=0, max_digits=15, examples=[25000])]
AmountOrNothing = Annotated[_Decimal, Field(ge=0, max_digits=15, examples=[300])]
RatePercent = Annotated[_Decimal, Field(ge=0, le=1000, max_digits=10, decimal_places=6, examples=[8.2])]
Days = Annotated[StrictInt, Field(ge=TENURE_DAYS[0], le=TENURE_DAYS[-1], examples=[365])]
Months = Annotated[StrictInt, Field(ge=0, le=1200)]

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_NO_CONTROLS)]
Paragraph = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Email = Annotated[str, StringConstraints(max_length=254, pattern=_EMAIL)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.:-]+$")]
Country = Annotated[str, AfterValidator(_known_country), Field(examples=["US"])]
Currency = Annotated[str, AfterValidator(_known_currency), Field(examples=["USD"])]
Moment = Annotated[AwareDatetime, AfterValidator(_in_time)]
Day = Annotated[date, AfterValidator(_on_the_calendar)]
Custom = Annotated[dict[str, Any], Field(max_length=50)]
