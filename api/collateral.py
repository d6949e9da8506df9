"""Collateral as the contracts value it. Values are in their base currency, US dollars with 8 decimals."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from activities.chain_news import factor_of
from api.chain_desk import MANAGER, ChainDesk, TokenAt
from api.schemas.chain import (
    AcceptedTokenOut,
    BalanceOut,
    CallOut,
    CollateralOut,
    CollateralQuoteIn,
    CollateralQuoteOut,
    DepositInstructionsOut,
    HealthFactorOut,
    QuoteTokenOut,
    ThresholdsOut,
)
from api.schemas.values import Number, number
from models.chain import ContractRefused
from models.collateral import IMMEDIATE_LIQUIDATION, LIQUIDATION, MARGIN_CALL
from models.errors import Conflict, Refused
from models.records.chain_loans import ChainLoan

_VALUE_DECIMALS = 8
_ALL_BPS = 10_000
_NO_LOAN = "0x" + "0" * 64
_MOST_BASE_UNITS = 2**128 - 1


class UnknownToken(Refused):
    """The address book knows no such token."""


class TokenNotAccepted(Refused):
    """The token is not taken as collateral."""


class NoCollateral(Conflict):
    """The loan has none."""


class CannotBeValued(Conflict):
    """The contracts do not value it now: a price is too old, say, or two of them do not agree."""


class AmountNotWhole(Refused):
    """The amount is no whole number of the token's base units, or more than there can be."""


class AmountOrPrincipal(Refused):
    """Either an amount of the token, or a principal and its asset."""


async def quoted(desk: ChainDesk, asked: CollateralQuoteIn) -> CollateralQuoteOut:
    """What an amount of a token is good for, or how much of it covers a principal."""
    if (asked.amount is None) == (asked.principal is None):
        raise AmountOrPrincipal("Name an amount of the token, or a principal, one of the two.", "amount")
    token = await _known(desk, asked.token, "token")
    config = await _config(desk, token)
    needed: int | None = None
    if asked.amount is not None:
        units = _units(asked.amount, token.decimals, "amount")
    else:
        needed = await _value_of(desk, asked)
        units = _covering(needed, await _borrowable_of_one(desk, token), token)
    value, borrowable = await _worth(desk, token, units)
    return CollateralQuoteOut(
        token=_shown(token),
        amount=_amount(units, token),
        amount_base_units=str(units),
        value=_usd(value),
        borrowable=_usd(borrowable),
        loan_to_value_percent=_percent(config["ltvBps"]),
        liquidation_threshold_percent=_percent(config["liquidationThresholdBps"]),
        needed=None if needed is None else _usd(needed),
    )


async def posted(desk: ChainDesk, chained: ChainLoan) -> CollateralOut:
    """What is posted for a loan."""
    check_secured(chained)
    site, key = await desk.site(), chained.loan_key
    addresses = await desk.read(MANAGER, "tokensOf", key)
    held = [token for address in addresses if (token := site.token_at(address)) is not None]
    balances = await asyncio.gather(*(_balance(desk, key, token) for token in held))
    value, debt, borrowable, factor, cure_by, auction = await asyncio.gather(
        *(
            _valued(desk, name, key)
            for name in ("collateralValue", "debtValue", "maxBorrow", "healthFactor", "marginCallOf", "auctionOf")
        )
    )
    return CollateralOut(
        loan_id=chained.loan_id,
        loan_key=key,
        balances=list(balances),
        value=_usd(value),
        debt=_usd(debt),
        max_borrow=_usd(borrowable),
        health_factor=factor_of(int(factor)),
        margin_call_until=_moment(cure_by),
        auction_ends_at=_moment(auction["endsAt"]),
        thresholds=_thresholds(),
    )


async def health_of(desk: ChainDesk, chained: ChainLoan) -> HealthFactorOut:
    """Collateral at its liquidation thresholds over the debt."""
    check_secured(chained)
    factor = await _valued(desk, "healthFactor", chained.loan_key)
    cure_by = await _valued(desk, "marginCallOf", chained.loan_key)
    return HealthFactorOut(
        loan_id=chained.loan_id,
        health_factor=factor_of(int(factor)),
        margin_call_until=_moment(cure_by),
        thresholds=_thresholds(),
    )


async def instructions(desk: ChainDesk, chained: ChainLoan) -> DepositInstructionsOut:
    """How the borrower posts what is missing, in each token that is taken."""
    check_secured(chained)
    site, terms = await desk.site(), chained.terms
    # Of the loan itself the contract answers nothing in the block of a deposit.
    covers = await _valued(desk, "covers", _NO_LOAN, terms["asset"], terms["principal"])
    needed, available = int(covers["needed"]), int(await _valued(desk, "maxBorrow", chained.loan_key))
    missing = max(0, needed - available)
    offered = await asyncio.gather(*(_accepted(desk, chained, token, missing) for token in site.tokens))
    return DepositInstructionsOut(
        loan_id=chained.loan_id,
        loan_key=chained.loan_key,
        chain_id=chained.chain_id,
        contract=site.contracts[MANAGER],
        borrower=str(terms["borrower"]),
        needed=_usd(needed),
        available=_usd(available),
        missing=_usd(missing),
        tokens=[each for each in offered if each is not None],
    )


def check_secured(chained: ChainLoan) -> None:
    """Refuse a loan without collateral."""
    if not chained.secured:
        raise NoCollateral("The loan has no collateral.", "loanId")


async def _accepted(desk: ChainDesk, chained: ChainLoan, token: TokenAt, missing: int) -> AcceptedTokenOut | None:
    """None for a token that is not taken, or that nobody can value now."""
    try:
        config = await _config(desk, token)
        units = _covering(missing, await _borrowable_of_one(desk, token), token)
    except (TokenNotAccepted, CannotBeValued):
        return None
    manager = (await desk.site()).contracts[MANAGER]
    return AcceptedTokenOut(
        token=_shown(token),
        loan_to_value_percent=_percent(config["ltvBps"]),
        minimum_amount=_amount(units, token),
        minimum_amount_base_units=str(units),
        approve=CallOut(to=token.address, data=_call_data("MockERC20", "approve", manager, units)),
        deposit=CallOut(to=manager, data=_call_data(MANAGER, "deposit", chained.loan_key, token.address, units)),
    )


def _call_data(contract: str, function: str, *arguments: object) -> str:
    # Every ERC-20 has the functions of the one we test with.
    from contracts.artifacts import artifact  # noqa: PLC0415 - loaded when the first one asks
    from contracts.words import ContractWords  # noqa: PLC0415

    return ContractWords(contract, artifact(contract).abi).call_data(function, arguments)


async def _known(desk: ChainDesk, named: str, field: str) -> TokenAt:
    token = (await desk.site()).token(named)
    if token is None:
        known = ", ".join(each.symbol for each in (await desk.site()).tokens) or "none"
        raise UnknownToken(f"The chain has no token {named}, only {known}.", field)
    return token


async def _config(desk: ChainDesk, token: TokenAt) -> Any:
    found = await desk.read(MANAGER, "tokenConfig", token.address)
    config = found["config"]
    if not config["enabled"] or not config["ltvBps"]:
        raise TokenNotAccepted(f"{token.symbol} is not taken as collateral.", "token")
    return config


async def _worth(desk: ChainDesk, token: TokenAt, units: int) -> tuple[int, int]:
    found = await _valued(desk, "quote", token.address, units)
    return int(found["value"]), int(found["borrowable"])


async def _borrowable_of_one(desk: ChainDesk, token: TokenAt) -> int:
    """What one whole token lets one borrow."""
    _, borrowable = await _worth(desk, token, 10**token.decimals)
    if borrowable <= 0:
        raise TokenNotAccepted(f"{token.symbol} is worth nothing as collateral now.", "token")
    return borrowable


async def _value_of(desk: ChainDesk, asked: CollateralQuoteIn) -> int:
    """What a principal counts for as a debt."""
    if asked.asset is None or asked.principal is None:
        raise AmountOrPrincipal("Name the asset of the principal.", "asset")
    asset = await _known(desk, asked.asset, "asset")
    principal = _units(asked.principal, asset.decimals, "principal")
    covers = await _valued(desk, "covers", _NO_LOAN, asset.address, principal)
    return int(covers["needed"])


async def _balance(desk: ChainDesk, key: str, token: TokenAt) -> BalanceOut:
    units = int(await desk.read(MANAGER, "balanceOf", key, token.address))
    value, _ = await _worth(desk, token, units)
    return BalanceOut(
        token=_shown(token), amount=_amount(units, token), amount_base_units=str(units), value=_usd(value)
    )


async def _valued(desk: ChainDesk, function: str, *arguments: object) -> Any:
    """The contract says why it does not value something; the reason is passed on by its name."""
    try:
        return await desk.read(MANAGER, function, *arguments)
    except ContractRefused as refused:
        raise CannotBeValued(f"The contract cannot say now: {refused.error or refused.detail}.") from refused


def _covering(value: int, borrowable_of_one: int, token: TokenAt) -> int:
    """An amount that lets one borrow a value. The contract rounds down twice, so two units of value are added."""
    return 0 if value == 0 else -(-(value + 2) * 10**token.decimals // borrowable_of_one)


def _units(amount: Decimal, decimals: int, field: str) -> int:
    scaled = amount.scaleb(decimals)
    if scaled != scaled.to_integral_value():
        raise AmountNotWhole(f"The token has {decimals} decimals.", field)
    if scaled > _MOST_BASE_UNITS:
        raise AmountNotWhole("There are not so many.", field)
    return int(scaled)


def _shown(token: TokenAt) -> QuoteTokenOut:
    return QuoteTokenOut(symbol=token.symbol, address=token.address, decimals=token.decimals)


def _amount(units: int, token: TokenAt) -> Number:
    return number(Decimal(units).scaleb(-token.decimals))


def _usd(value: Any) -> Number:
    return number(Decimal(int(value)).scaleb(-_VALUE_DECIMALS))


def _percent(bps: Any) -> Number:
    return number(Decimal(int(bps)) * 100 / _ALL_BPS)


def _moment(seconds: Any) -> datetime | None:
    return datetime.fromtimestamp(int(seconds), UTC) if seconds else None


def _thresholds() -> ThresholdsOut:
    def shown(factor: int) -> Number:
        return number(Decimal(factor).scaleb(-18))

    return ThresholdsOut(
        margin_call=shown(MARGIN_CALL),
        liquidation=shown(LIQUIDATION),
        immediate_liquidation=shown(IMMEDIATE_LIQUIDATION),
    )
