"""What the law of a place asks of a loan on a day: looked up in `models.jurisdiction_tables`, applied here.

A rule holds from its day until the next rule of its kind for the same place and license. A rule for one license goes
before a rule for all. What no rule says is not prescribed: it stays the product's own choice.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, TypeVar

from models.apr import AprMethod
from models.errors import Refused


class RateOverCap(Refused):
    """The interest rate is over the cap of the jurisdiction."""


class CoolingOffTooShort(Refused):
    """The borrower has fewer days to think again than the law gives."""


class Jurisdiction(StrEnum):
    """The places we have tables for."""

    US = "US"
    EU = "EU"
    NG = "NG"
    IN = "IN"


class License(StrEnum):
    """Under which license, or which special regime, a lender lends."""

    COMMERCIAL_BANK = "commercial_bank"
    MICROFINANCE_BANK = "microfinance_bank"
    DIGITAL_LENDER = "digital_lender"
    MILITARY_LENDING_ACT = "military_lending_act"


class Rule(Protocol):
    """A row of a table: where, for whom and since when it holds, and who says so."""

    @property
    def jurisdiction(self) -> Jurisdiction:
        """Where."""

    @property
    def license(self) -> License | None:
        """For whom; None for all."""

    @property
    def since(self) -> date:
        """From which day on."""


@dataclass(frozen=True, slots=True)
class LoanClass:
    """A class of loans by days past due, and the share of them set aside against losses where the law gives one."""

    name: str
    from_days: int
    provision_percent: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Classification:
    """How loans are classified. Where `counts_due_day`, a loan unpaid at the end of its due date is one day late.

    A loan in the class `kept_until_cured` stays in it until all arrears are paid.
    """

    jurisdiction: Jurisdiction
    license: License | None
    since: date
    source: str
    classes: tuple[LoanClass, ...]
    counts_due_day: bool = False
    kept_until_cured: str | None = None

    def class_of(self, days_past_due: int, *, is_overdue: bool | None = None, before: str | None = None) -> LoanClass:
        """The class of a loan `days_past_due` at the end of a day, which was classified `before`.

        On the due date itself nothing is past due by days, so `is_overdue` says whether its money is missing.
        """
        overdue = days_past_due > 0 if is_overdue is None else is_overdue
        if overdue and before is not None and before == self.kept_until_cured:
            return next(each for each in self.classes if each.name == before)
        days = days_past_due + 1 if overdue and self.counts_due_day else days_past_due
        return [each for each in self.classes if each.from_days <= days][-1]


@dataclass(frozen=True, slots=True)
class ChargeOff:
    """After how many days past due a retail loan is charged off."""

    jurisdiction: Jurisdiction
    license: License | None
    since: date
    source: str
    closed_end_days: int
    open_end_days: int


@dataclass(frozen=True, slots=True)
class CoolingOff:
    """The days in which a borrower may go back on a loan."""

    jurisdiction: Jurisdiction
    license: License | None
    since: date
    source: str
    days: int
    working_days: bool = False


@dataclass(frozen=True, slots=True)
class RateCap:
    """The most a loan may cost, in percent a year, all charges included."""

    jurisdiction: Jurisdiction
    license: License | None
    since: date
    source: str
    percent: Decimal


@dataclass(frozen=True, slots=True)
class AprRule:
    """How the annual percentage rate that the borrower is told is reckoned."""

    jurisdiction: Jurisdiction
    license: License | None
    since: date
    source: str
    method: AprMethod


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds in one place, for one license, on one day. None is what nobody prescribes."""

    classification: Classification | None = None
    charge_off: ChargeOff | None = None
    cooling_off: CoolingOff | None = None
    rate_cap: RateCap | None = None
    apr_method: AprRule | None = None

    def check_rate(self, annual_rate_percent: Decimal, *, field: str) -> None:
        """Refuse a rate over the cap. The cap counts all charges, so a rate below it may still cost too much."""
        cap = self.rate_cap
        if cap is not None and annual_rate_percent > cap.percent:
            raise RateOverCap(f"The rate is over the cap of {cap.percent} % a year: {cap.source}.", field)

    def check_cooling_off(self, days: int, *, working_days: bool, field: str) -> None:
        """Refuse fewer days than the law gives; working days are worth more than days of the calendar."""
        least = self.cooling_off
        if least is not None and (days < least.days or least.working_days > working_days):
            unit = "working days" if least.working_days else "days"
            raise CoolingOffTooShort(f"The borrower has {least.days} {unit} to think again: {least.source}.", field)


FoundRule = TypeVar("FoundRule", bound=Rule)


def in_force(
    table: Iterable[FoundRule], jurisdiction: Jurisdiction, license_: License | None, *, on: date
) -> FoundRule | None:
    """The rule of a table that holds, if any: the license's own before the one for all, then the latest."""
    holding = [
        rule
        for rule in table
        if rule.jurisdiction is jurisdiction and rule.license in (license_, None) and rule.since <= on
    ]
    return max(holding, key=lambda rule: (rule.license is not None, rule.since), default=None)
