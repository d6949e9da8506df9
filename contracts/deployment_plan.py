"""What is to be deployed: who has which role, which assets are lent, which tokens are collateral."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Self

from eth_account.signers.local import LocalAccount
from eth_utils.address import is_address, to_checksum_address
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from contracts.dev_accounts import DevAccounts
from contracts.dev_keys import CHAIN_ID
from contracts.trouble import ChainTrouble

DEV_CURRENCIES = (
    *("USD", "EUR", "GBP", "NGN", "KES", "GHS", "ZAR", "UGX", "TZS", "RWF", "XOF", "EGP"),
    *("INR", "JPY", "CAD", "AUD", "BRL", "MXN"),
)
ZERO_ADDRESS = "0x" + 40 * "0"
HOURS = 3600
SECOND_FROM, THIRD_FROM = Decimal("25000.00"), Decimal("250000.00")


class PlanRefused(ChainTrouble):
    """The plan cannot be carried out; says which field and why."""


def _address(value: str) -> str:
    if not is_address(value):
        raise ValueError(f"{value!r} is no address")
    return to_checksum_address(value)


def _somebody(value: str) -> str:
    if value == ZERO_ADDRESS:
        raise ValueError("the zero address is nobody")
    return value


def _distinct(people: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(people)) < len(people):
        raise ValueError("somebody is named twice, and counts once")
    return people


Address = Annotated[str, AfterValidator(_address)]
Person = Annotated[Address, AfterValidator(_somebody)]
People = Annotated[tuple[Person, ...], Field(min_length=1), AfterValidator(_distinct)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Tiers(_Part):
    """From which principal on two and three approvals are needed, in whole units of the asset."""

    second: Decimal = Field(default=SECOND_FROM, gt=0)
    third: Decimal = Field(default=THIRD_FROM, gt=0)

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        if self.third < self.second:
            raise ValueError(f"third is {self.third}, below second, which is {self.second}")
        return self


class TokenPlan(_Part):
    """A token as an asset and as collateral. Without `address` a token of ours that anybody may mint is deployed, and
    without `feed` a price feed that anybody may set: development only."""

    decimals: int = Field(ge=0, le=36)
    feed_decimals: int = Field(default=8, ge=0, le=36)
    max_age: int = Field(default=HOURS, gt=0)
    ltv_bps: int = Field(default=0, ge=0, le=10_000)
    liquidation_threshold_bps: int = Field(default=0, ge=0, le=10_000)
    tiers: Tiers | None = None
    """None: collateral only, never lent."""
    hourly_outflow: Decimal | None = Field(default=None, gt=0)
    """Whole tokens that may leave each contract within an hour."""
    address: Address | None = None
    feed: Address | None = None
    second_feed: Address = ZERO_ADDRESS
    price: Decimal | None = None
    """Of our own feed, in the base currency."""


class DeploymentPlan(_Part):
    """Addresses of people and machines, and the figures. The timelock alone administers the contracts."""

    admin_delay_seconds: int = Field(default=48 * HOURS, ge=0)
    timelock_delay_seconds: int = Field(default=48 * HOURS, ge=0)
    proposers: People
    executors: People
    operators: People
    underwriters: People
    score_signers: People
    pausers: People
    treasury: Person
    quorum: int = Field(default=1, ge=1, le=255)
    jump_quorum: int = Field(default=1, ge=1, le=255)
    max_jump: int = Field(default=150, ge=0, le=550)
    base_currency: str = "USD"
    assets: Mapping[str, Tiers] = {}
    tokens: Mapping[str, TokenPlan] = {}

    @classmethod
    def parsed(cls, document: Any) -> "DeploymentPlan":
        """A plan as a file holds it; a refusal names each field."""
        try:
            return cls.model_validate(document)
        except ValidationError as trouble:
            lines = (f"{'.'.join(map(str, each['loc'])) or 'plan'}: {each['msg']}" for each in trouble.errors())
            raise PlanRefused("; ".join(lines)) from None

    def require_sense(self, chain_id: int, deployer: str) -> None:
        """What a form cannot say: keys that everybody knows stay on development chains, and nobody approves himself."""
        if chain_id != CHAIN_ID:
            self._require_real(chain_id, deployer)
        for field, who in (("underwriters", self.underwriters), ("scoreSigners", self.score_signers)):
            if both := set(who) & set(self.operators):
                raise PlanRefused(f"{field}: {min(both)} is an operator, who must not approve what he writes")
        if deployer in set(self._people()):
            raise PlanRefused(f"deployer: {deployer} has a role in the plan; whoever deploys must hold nothing after")
        for field, needed in (("quorum", self.quorum), ("jumpQuorum", self.jump_quorum)):
            if needed > len(self.score_signers):
                raise PlanRefused(f"{field}: {needed} signers are asked for, and scoreSigners names fewer")

    def _require_real(self, chain_id: int, deployer: str) -> None:
        public = {account.address for account in DevAccounts()}
        for address in (deployer, *self._people()):
            if address in public:
                raise PlanRefused(
                    f"{address} is a development account, whose key everybody knows; chain {chain_id} is real"
                )
        for symbol, token in self.tokens.items():
            for field, given in (("address", token.address), ("feed", token.feed)):
                if given is None:
                    raise PlanRefused(f"tokens.{symbol}.{field}: missing, and chain {chain_id} is no development chain")

    def _people(self) -> Iterator[str]:
        yield from self.proposers
        yield from self.executors
        yield from self.operators
        yield from self.underwriters
        yield from self.score_signers
        yield from self.pausers
        yield self.treasury


def dev_plan(accounts: DevAccounts) -> DeploymentPlan:
    """Everything at once and no delay. In development the treasury also governs."""
    one = (accounts.treasury.address,)
    return DeploymentPlan(
        admin_delay_seconds=0,
        timelock_delay_seconds=0,
        proposers=one,
        executors=one,
        operators=(accounts.operator.address,),
        underwriters=_addresses(accounts.underwriters),
        score_signers=(accounts.score_signer.address,),
        pausers=(accounts.pauser.address,),
        treasury=accounts.treasury.address,
        assets={currency: Tiers() for currency in DEV_CURRENCIES},
        tokens={
            "USDC": TokenPlan(
                decimals=6,
                ltv_bps=8000,
                liquidation_threshold_bps=9000,
                tiers=Tiers(),
                hourly_outflow=Decimal(100_000_000),
                price=Decimal(1),
            ),
            "WETH": TokenPlan(decimals=18, ltv_bps=7000, liquidation_threshold_bps=8000, price=Decimal(2500)),
            "WBTC": TokenPlan(decimals=8, ltv_bps=7000, liquidation_threshold_bps=8000, price=Decimal(60_000)),
        },
    )


def _addresses(accounts: Iterable[LocalAccount]) -> tuple[str, ...]:
    return tuple(account.address for account in accounts)
