"""Who a borrower or a company is, as a bureau, a company register and a sanctions list see it."""

import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from models.errors import Refused

_LEGAL_FORMS = frozenset(
    "ag bv co company corp corporation gmbh inc incorporated limited llc llp ltd nv plc pty pvt sa sarl the".split()  # noqa: SIM905 - a line
)


@dataclass(frozen=True, slots=True)
class IdentityResult:
    """`reason` is None when verified, else `not_found`, `blocked`, `invalid_number` or `name_mismatch`."""

    verified: bool
    reason: str | None
    reference: str
    name_match: bool


@dataclass(frozen=True, slots=True)
class CompanyResult:
    """`reason` is None when verified, else `not_found`, `blocked`, `invalid_number`, `name_mismatch` or `inactive`."""

    verified: bool
    reason: str | None
    reference: str


class ScreeningOutcome(StrEnum):
    CLEAR = "clear"
    HIT = "hit"


@dataclass(frozen=True, slots=True)
class ScreeningResult:
    """`score` is the best match found, 0 to 100; list and score are kept, since a list changes and a hit may age."""

    outcome: ScreeningOutcome
    score: int
    list_version: str
    matches: tuple[str, ...]


class BureauDown(Exception):
    """The bureau cannot answer now: ask again later."""


class BureauNeedsOperator(BureauDown):
    """The bureau will not answer until a person of ours does something; `alert` is what to tell them."""

    def __init__(self, alert: str) -> None:
        super().__init__(alert)
        self.alert = alert


class UnsupportedIdentity(Refused):
    """The bureau has no register for this kind of number."""


class IdentityBureau(Protocol):
    async def verify(self, kind: str, number: str, first_name: str, last_name: str) -> IdentityResult:
        """Whether the number exists, is in good standing and belongs to a person of this name."""


class CompanyRegister(Protocol):
    async def verify_company(self, number: str, country: str, name: str) -> CompanyResult:
        """Whether the number is on the register of the country, in business, and belongs to a company of this name."""


class SanctionsList(Protocol):
    async def screen(self, name: str, birth_date: date | None) -> ScreeningResult:
        """Whether a person or a company of this name is on a list."""


def names_match(first_name: str, last_name: str, *held: str) -> bool:
    """Both names are among those held, whatever their order, case and accents: registers disagree about all three."""
    claimed = _words(first_name, last_name)
    return bool(claimed) and claimed <= _words(*held)


def company_names_match(claimed: str, held: str) -> bool:
    """The same words in any order, but for the legal form: registers write LIMITED where companies write Ltd."""
    ours, theirs = _words(claimed) - _LEGAL_FORMS, _words(held) - _LEGAL_FORMS
    return bool(ours) and ours == theirs


def _words(*names: str) -> set[str]:
    decomposed = unicodedata.normalize("NFKD", " ".join(names))
    bare = "".join(each for each in decomposed if not unicodedata.combining(each))
    return set("".join(each if each.isalnum() else " " for each in bare).casefold().split())
