"""A loan on chain as the platform reads it, and what is signed and posted for it.

Amounts are in major units; `...BaseUnits` are whole base units of the loan's asset, as text: they may be longer than a
double is exact.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from api.schemas.values import Amount, Identifier, In, Number, Out
from models.chain import ChainFunds, ChainOperationKind, ChainState, OperationStatus, TransactionStatus

Address = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]
Signature = Annotated[str, StringConstraints(pattern=r"^0x([0-9a-fA-F]{2}){65}$")]
SignerRole = Literal["underwriter", "lender"]


class SignatureIn(In):
    """A signature under the document of `typed-data` for the same role."""

    role: SignerRole
    signer: Address
    signature: Signature


class SignedOut(Out):
    """How far the signing is."""

    success: bool = True
    loan_id: str
    approvals: int
    approvals_needed: int
    is_complete: bool


class TypedDataOut(Out):
    """A document for `eth_signTypedData_v4`."""

    success: bool = True
    loan_id: str
    role: SignerRole
    signed_until: datetime
    typed_data: dict[str, Any]


class NetworkOut(Out):
    """The chain, and whether its node answers."""

    chain_id: int
    node: Literal["answers", "away", "not_configured"]
    explorer_url: str | None


class ContractsOut(Out):
    """Addresses; without a configured chain, only what is on the loan's own record is known."""

    credit_aggregator: str
    collateral_manager: str | None
    credit_scoring_oracle: str | None


class StandingOut(Out):
    """The loan by one account of it."""

    state: ChainState
    outstanding: Number
    outstanding_base_units: str
    interest_paid: Number
    interest_paid_base_units: str
    sequence: int


class StandingsOut(Out):
    """What the chain was told once every write is applied, what events say, those that count, and the chain itself."""

    told: StandingOut
    seen: StandingOut
    confirmed: StandingOut
    on_chain: StandingOut | None


class SignatureOut(Out):
    role: SignerRole
    signer: str
    signed_at: datetime
    given_by: str


class SigningOut(Out):
    """Signatures that are there, and those that are missing; None when the node, which says how many, is away."""

    approvals_needed: int | None
    approvals_missing: int | None
    needs_lender: bool
    lender_missing: bool
    signatures: list[SignatureOut]


class OperationOut(Out):
    """One write, in its order."""

    operation_id: str
    position: int
    kind: ChainOperationKind
    function: str
    status: OperationStatus
    cause: str | None
    requested_at: datetime
    done_at: datetime | None
    transaction_hash: str | None
    block_number: int | None
    gas_used: int | None
    error: str | None
    error_detail: str | None


class TransactionOnChainOut(Out):
    """One signed transaction of ours."""

    operation_id: str
    attempt: int
    function: str
    status: TransactionStatus
    hash: str
    signer: str
    nonce: int
    gas_limit: int
    gas_used: int | None
    max_fee_wei: str
    block_number: int | None
    error: str | None
    explorer_url: str | None


class EventOnChainOut(Out):
    """One log of the loan's contracts."""

    event_id: str
    name: str
    contract: str
    arguments: dict[str, Any]
    status: str
    block_number: int
    log_index: int
    transaction_hash: str
    explorer_url: str | None


class ReconciliationOut(Out):
    """Whether the ledger and the chain agreed when they were last compared."""

    agrees: bool
    task_id: str | None
    summary: str | None


class LoanChainOut(Out):
    """The loan on chain: what was agreed, signed, written and seen."""

    success: bool = True
    loan_id: str
    application_id: str
    network: NetworkOut
    contracts: ContractsOut
    loan_key: str
    funds: ChainFunds
    secured: bool
    currency: str
    asset: str
    scale: int
    terms: dict[str, Any]
    terms_hash: str
    standing: StandingsOut
    signing: SigningOut
    operations: list[OperationOut]
    transactions: list[TransactionOnChainOut]
    events: list[EventOnChainOut]
    reconciliation: ReconciliationOut


class RetriedOut(Out):
    """The write waits for its turn again."""

    success: bool = True
    loan_id: str
    operation_id: str
    status: OperationStatus


class QuoteTokenOut(Out):
    symbol: str
    address: str
    decimals: int


class CollateralQuoteIn(In):
    """A token, and either how much of it, or a principal in `asset` that it is to cover."""

    token: Identifier
    amount: Amount | None = None
    principal: Amount | None = None
    asset: Identifier | None = None


class CollateralQuoteOut(Out):
    """Values are in the base currency of the contracts, US dollars."""

    success: bool = True
    token: QuoteTokenOut
    amount: Number
    amount_base_units: str
    value: Number
    borrowable: Number
    loan_to_value_percent: Number
    liquidation_threshold_percent: Number
    needed: Number | None = Field(description="The value of the principal, when one was asked about.")


class BalanceOut(Out):
    token: QuoteTokenOut
    amount: Number
    amount_base_units: str
    value: Number


class ThresholdsOut(Out):
    """Health factors below which something happens."""

    margin_call: Number
    liquidation: Number
    immediate_liquidation: Number


class CollateralOut(Out):
    """What is posted for the loan, and what it is good for."""

    success: bool = True
    loan_id: str
    loan_key: str
    balances: list[BalanceOut]
    value: Number
    debt: Number
    max_borrow: Number
    health_factor: Number | None
    margin_call_until: datetime | None
    auction_ends_at: datetime | None
    thresholds: ThresholdsOut


class HealthFactorOut(Out):
    """None without a debt."""

    success: bool = True
    loan_id: str
    health_factor: Number | None
    margin_call_until: datetime | None
    thresholds: ThresholdsOut


class CallOut(Out):
    """A transaction for the borrower's wallet."""

    to: str
    data: str


class AcceptedTokenOut(Out):
    """A token that is taken, how much of it covers what is missing now, and the two transactions that post it."""

    token: QuoteTokenOut
    loan_to_value_percent: Number
    minimum_amount: Number
    minimum_amount_base_units: str
    approve: CallOut
    deposit: CallOut


class DepositInstructionsOut(Out):
    """How the borrower posts collateral."""

    success: bool = True
    loan_id: str
    loan_key: str
    chain_id: int
    contract: str
    borrower: str
    needed: Number
    available: Number
    missing: Number
    tokens: list[AcceptedTokenOut]


class ChainScoreOut(Out):
    """The score on chain, and the one we hold."""

    success: bool = True
    loan_id: str
    application_id: str
    subject: str
    score: int
    issued_at: datetime
    expires_at: datetime
    is_expired: bool
    model_version: int
    held_score: int | None
    risk_rating: str | None
