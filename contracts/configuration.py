"""What the timelock is asked to do after a deployment, as one batch: assets, tokens, limits, and its own delay."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from web3 import AsyncWeb3
from web3.contract import AsyncContract

from contracts.addresses import AddressBook, Token, currency_address
from contracts.artifacts import artifact
from contracts.deployment_plan import HOURS, ZERO_ADDRESS, DeploymentPlan, PlanRefused, Tiers, TokenPlan
from models.money import UnknownCurrency, exponent_of


def require_whole_base_units(plan: DeploymentPlan) -> None:
    """Refuse what no contract could be told, before anything is paid for."""
    for currency, tiers in plan.assets.items():
        try:
            decimals = exponent_of(currency)
        except UnknownCurrency as refusal:
            raise PlanRefused(f"assets.{currency}: {refusal}") from None
        tiers_in_base_units(tiers, decimals, f"assets.{currency}")
    for symbol, token in plan.tokens.items():
        if token.tiers:
            tiers_in_base_units(token.tiers, token.decimals, f"tokens.{symbol}.tiers")
        if token.hourly_outflow:
            in_base_units(token.hourly_outflow, token.decimals, f"tokens.{symbol}.hourlyOutflow")


@dataclass(frozen=True, slots=True)
class AdminCall:
    """A function of a contract, encoded."""

    target: str
    data: str


class Configuration:
    """The calls for what has been deployed."""

    def __init__(self, plan: DeploymentPlan, book: AddressBook, deployer: str) -> None:
        self._plan, self._book, self._deployer = plan, book, deployer
        self._aggregator = Known("CreditAggregator", book)
        self._collateral = Known("CollateralManager", book)
        self._timelock = Known("TimelockController", book)

    def calls(self) -> list[AdminCall]:
        """In their order; the last ones take the deployer's roles and give the timelock its delay."""
        return [*self._assets(), *self._tokens(), *self._handover()]

    def _assets(self) -> Iterator[AdminCall]:
        for currency, tiers in self._plan.assets.items():
            yield self._asset(currency_address(currency), tiers, exponent_of(currency), f"assets.{currency}")
        base = self._plan.base_currency
        debt_only = (ZERO_ADDRESS, 0, 0, 0, exponent_of(base), 0, True)
        yield self._collateral.call("setToken", currency_address(base), debt_only, ZERO_ADDRESS)

    def _tokens(self) -> Iterator[AdminCall]:
        for symbol, plan in self._plan.tokens.items():
            token = self._book.tokens[symbol]
            if plan.tiers:
                yield self._asset(token.address, plan.tiers, token.decimals, f"tokens.{symbol}.tiers")
            yield self._collateral.call("setToken", token.address, token_config(plan, token), plan.second_feed)
            if plan.hourly_outflow:
                capacity = in_base_units(plan.hourly_outflow, token.decimals, f"tokens.{symbol}.hourlyOutflow")
                for contract in (self._aggregator, self._collateral):
                    yield contract.call("limitOutflow", token.address, capacity, HOURS)

    def _handover(self) -> Iterator[AdminCall]:
        for role in ("PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE"):
            yield self._timelock.call("revokeRole", AsyncWeb3.keccak(text=role), self._deployer)
        yield self._timelock.call("updateDelay", self._plan.timelock_delay_seconds)

    def _asset(self, address: str, tiers: Tiers, decimals: int, field: str) -> AdminCall:
        return self._aggregator.call("setAsset", address, (*tiers_in_base_units(tiers, decimals, field), True))


class Known:
    """A contract of the address book, to encode calls of."""

    def __init__(self, name: str, book: AddressBook) -> None:
        self.address = book.contracts[name]
        self._words: type[AsyncContract] = AsyncWeb3().eth.contract(abi=artifact(name).abi)

    def call(self, function: str, *arguments: object) -> AdminCall:
        return AdminCall(self.address, str(self._words.encode_abi(function, args=list(arguments))))


def token_config(plan: TokenPlan, token: Token) -> tuple[str, int, int, int, int, int, bool]:
    """`ICollateralManager.TokenConfig`."""
    thresholds = (plan.ltv_bps, plan.liquidation_threshold_bps)
    return (token.feed, plan.max_age, *thresholds, token.decimals, plan.feed_decimals, True)


def tiers_in_base_units(tiers: Tiers, decimals: int, field: str) -> tuple[int, int]:
    second = in_base_units(tiers.second, decimals, f"{field}.second")
    return second, in_base_units(tiers.third, decimals, f"{field}.third")


def in_base_units(amount: Decimal, decimals: int, field: str) -> int:
    """Exactly; a fraction of a base unit is refused."""
    scaled = amount.scaleb(decimals)
    if scaled != scaled.to_integral_value():
        raise PlanRefused(f"{field}: {amount} has more than {decimals} decimal places")
    return int(scaled)
