"""The terms of a loan as the chain keeps them: no name, no tenant, amounts in base units of the loan's asset."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pycountry

from models.errors import Refused
from models.money import exponent_of
from models.product_chain import ChainRules
from models.terms import LoanTerms

ZERO_ADDRESS = "0x" + "0" * 40
FOREVER = 2**40 - 1
"""The latest instant the contracts can name: what nobody has to sign does not run out."""

SIGNING_SECONDS = 14 * 86_400
"""How long signatures are good by the clock of the chain: longer than an application waits for them by its own."""

Keccak = Callable[[bytes], bytes]


class AssetUnknown(Refused):
    """The chain has no such token."""


class WalletMissing(Refused):
    """Collateral comes from the borrower's wallet, and tokens go there, and none is known."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as the address book has it."""

    address: str
    decimals: int


@dataclass(frozen=True, slots=True)
class ChainSite:
    """Where our contracts are."""

    chain_id: int
    aggregator: str
    oracle: str
    collateral: str
    tokens: Mapping[str, Token] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asset:
    """What a loan's amounts are counted in: base units are minor units times ten to the `scale`."""

    address: str
    scale: int


@dataclass(frozen=True, slots=True)
class Parties:
    """Whose wallets are bound. Nobody's, where neither collateral nor principal moves on chain."""

    borrower: str = ZERO_ADDRESS
    lender: str = ZERO_ADDRESS


@dataclass(frozen=True, slots=True)
class Hashes:
    """What binds the terms to papers and persons that are not on chain; all three salted with what only we keep."""

    loan_key: str
    agreement: str
    subject: str


def asset_of(rules: ChainRules, currency: str, site: ChainSite) -> Asset:
    """A currency without a token is the address of its ISO 4217 number, as price feed registries have it."""
    if rules.asset is None:
        return Asset(currency_address(currency), 0)
    token = site.tokens.get(rules.asset)
    if token is None:
        raise AssetUnknown(f"The chain knows no token {rules.asset}.", "chain.asset")
    return Asset(token.address, token.decimals - exponent_of(currency))


def currency_address(currency: str) -> str:
    """The number of a currency as an address: 840 for USD."""
    found = pycountry.currencies.get(alpha_3=currency)
    assert found is not None, f"{currency} is a currency of ISO 4217"
    return f"0x{int(found.numeric):040x}"


def parties_of(rules: ChainRules, wallet: str | None) -> Parties:
    """The borrower is bound where tokens of his are, the lender where the product names one."""
    if rules.needs_wallet and wallet is None:
        what = "from which wallet the collateral comes" if rules.secured else "to which wallet the tokens go"
        raise WalletMissing(f"Say {what}.", "walletAddress")
    return Parties((wallet if rules.needs_wallet else None) or ZERO_ADDRESS, rules.lender or ZERO_ADDRESS)


def hashes_of(salt: bytes, loan_id: str, agreement: Mapping[str, Any], keccak: Keccak) -> Hashes:
    """The salted hashes of a loan. Who does not have the salt cannot try out loans until one fits."""

    def salted(*parts: bytes) -> str:
        return f"0x{keccak(b''.join((salt, *parts))).hex()}"

    return Hashes(salted(loan_id.encode()), salted(canonical(agreement)), salted(b"score:", loan_id.encode()))


def canonical(document: Mapping[str, Any]) -> bytes:
    """A document as the same bytes whoever writes it."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def terms_on_chain(
    terms: LoanTerms,
    rules: ChainRules,
    asset: Asset,
    parties: Parties,
    hashes: Hashes,
    *,
    agreed_on: date,
    signed_until: int,
) -> dict[str, Any]:
    """`ICreditAggregator.Terms` as JSON carries it."""
    return {
        "agreementHash": hashes.agreement,
        "subject": hashes.subject,
        "borrower": parties.borrower,
        "lender": parties.lender,
        "asset": asset.address,
        "principal": terms.principal_minor * 10**asset.scale,
        "aprBps": bps(terms.annual_rate_percent),
        "interestCapBps": rules.interest_cap_percent * 100,
        "minScore": rules.minimum_score,
        "maturity": seconds_of(terms.due_dates(disbursed_on=agreed_on)[-1]),
        "signedUntil": signed_until,
        "onChainFunds": rules.pays_tokens,
        "secured": rules.secured,
    }


def bps(percent: Decimal) -> int:
    """A rate in hundredths of a percent."""
    return int((percent * 100).quantize(Decimal(1), ROUND_HALF_EVEN))


def seconds_of(day: date) -> int:
    """The end of a day, in seconds since 1970 UTC."""
    return int(datetime.combine(day, time(23, 59, 59), UTC).timestamp())


def sorted_approvals(signatures: Mapping[str, str]) -> Sequence[str]:
    """The signatures in the order of their signers' addresses, in which the contract sees that no two are one's."""
    return [signatures[signer] for signer in sorted(signatures, key=lambda address: int(address, 16))]
