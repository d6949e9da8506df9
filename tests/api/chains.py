"""A loan on chain as the workflows leave it, and the chain behind the API: a node that answers as a test wants."""

from datetime import UTC, datetime
from typing import Any

from eth_account import Account

from api.chain_desk import ChainDesk, Site, TokenAt
from contracts.typed_data import SigningDomain, sign_approval, sign_offer
from models.chain import Call, ChainFunds, ChainOperationKind, ChainState, OperationStatus, TransactionStatus
from models.errors import Refusal
from models.records.chain_events import ChainEvent, EventStatus
from models.records.chain_loans import ChainLoan, ChainOperation, ChainSignature
from models.records.chain_transactions import ChainTransaction
from tests.api.worlds import World
from tests.workers.chains import hash_of

AGGREGATOR, MANAGER, ORACLE = ("0x" + digit * 40 for digit in "123")
WETH, USDC = TokenAt("WETH", "0x" + "4" * 40, 18), TokenAt("USDC", "0x" + "5" * 40, 6)
UNDERWRITER, STRANGER, LENDER = (Account.from_key("0x" + digit * 64) for digit in "678")
NOW = 1_800_000_000
WAD = 10**18


class FakeBlock:
    timestamp = NOW


class FakeSite:
    """What the contracts answer, by function; an exception is raised."""

    def __init__(self) -> None:
        self.is_up = True
        self.opened = 0
        self.answers: dict[str, Any] = {
            "loan": {"state": 2, "outstanding": 110_000, "interestPaid": 1_200, "seq": 3},
            "approvalsNeeded": 1,
            "hasRole": lambda role, account: account == UNDERWRITER.address and role == underwriter_role(),
            "latest": {"score": 742, "issuedAt": NOW - 60, "expiresAt": NOW + 60, "modelVersion": 1},
            "tokensOf": [WETH.address],
            "balanceOf": 2 * WAD,
            "quote": quote,
            "tokenConfig": lambda token: {"config": config(token), "secondFeed": "0x" + "0" * 40},
            "covers": {"covered": False, "needed": 2_800 * 10**8, "available": 700 * 10**8},
            "collateralValue": 4_000 * 10**8,
            "debtValue": 2_800 * 10**8,
            "maxBorrow": 700 * 10**8,
            "healthFactor": 1_142_857_142_857_142_857,
            "marginCallOf": 0,
            "auctionOf": {"startedAt": 0, "endsAt": 0},
        }

    @property
    def desk(self) -> ChainDesk:
        async def opening() -> Site:
            self.opened += 1
            self._check()
            contracts = {"CreditAggregator": AGGREGATOR, "CollateralManager": MANAGER, "CreditScoringOracle": ORACLE}
            return Site(self, contracts, (WETH, USDC), "https://explorer.example")

        return ChainDesk(opening, is_on=True, explorer_url="https://explorer.example")

    async def head(self) -> FakeBlock:
        self._check()
        return FakeBlock()

    async def read(self, call: Call, *, block: int | None = None) -> Any:
        assert block is None
        self._check()
        answer = self.answers[call.function]
        if isinstance(answer, Refusal):
            raise answer
        return answer(*call.arguments) if callable(answer) else answer

    def _check(self) -> None:
        if not self.is_up:
            raise ConnectionError("nobody listens")


def underwriter_role() -> str:
    from contracts.keccak import keccak  # noqa: PLC0415

    return f"0x{keccak(b'UNDERWRITER_ROLE').hex()}"


def quote(token: str, amount: int) -> dict[str, int]:
    """Two thousand dollars for an ether, of which 70 % may be borrowed."""
    assert token == WETH.address
    value = amount * 2_000 * 10**8 // WAD
    return {"value": value, "borrowable": value * 7 // 10}


def config(token: str) -> dict[str, Any]:
    ltv = 7_000 if token == WETH.address else 0
    return {"enabled": True, "ltvBps": ltv, "liquidationThresholdBps": 8_000, "decimals": 18}


async def put_on_chain(world: World, loan_id: str, application_id: str, **columns: Any) -> ChainLoan:
    """The loan's record on chain: 1,200.00 USD, 100.00 of it repaid."""
    terms = {
        "agreementHash": hash_of("agreement"),
        "subject": hash_of("subject", loan_id),
        "borrower": "0x" + "0" * 40,
        "lender": columns.pop("lender", "0x" + "0" * 40),
        "asset": f"0x{840:040x}",
        "principal": columns.pop("principal", 120_000),
        "aprBps": 1_200,
        "interestCapBps": 10_000,
        "minScore": 0,
        "maturity": NOW + 10**8,
        "signedUntil": columns.pop("signed_until", NOW + 3_600),
        "onChainFunds": False,
        "secured": columns.get("secured", False),
    }
    standing: dict[str, Any] = {
        "told_state": ChainState.ACTIVE,
        "told_principal": 120_000,
        "told_outstanding": 110_000,
        "told_interest": 1_200,
        "told_sequence": 3,
        "seen_state": ChainState.ACTIVE,
        "seen_outstanding": 120_000,
        "seen_sequence": 1,
    }
    chained = ChainLoan(
        tenant_id=world.tenant.tenant_id,
        loan_id=loan_id,
        application_id=application_id,
        chain_id=31_337,
        aggregator=AGGREGATOR,
        loan_key=hash_of("key", loan_id),
        salt="00",
        funds=ChainFunds.RAIL,
        terms=terms,
        terms_hash=hash_of("terms", loan_id),
        currency="USD",
        **(standing | columns),
    )
    await world.add(chained)
    return chained


def signature_of(chained: ChainLoan, account: Any, *, role: str = "underwriter") -> dict[str, str]:
    """The body that brings an account's signature."""
    sign = sign_approval if role == "underwriter" else sign_offer
    domain = SigningDomain("CreditAggregator", chained.chain_id, chained.aggregator)
    signature = sign(account.key.to_0x_hex(), domain, chained.loan_key, chained.terms)
    return {"role": role, "signer": account.address, "signature": signature}


async def written(world: World, chained: ChainLoan, position: int, **columns: Any) -> ChainOperation:
    """A write and its transaction."""
    op_id, tx_hash = hash_of("op", chained.loan_id, position), hash_of("tx", chained.loan_id, position)
    operation = ChainOperation(
        tenant_id=chained.tenant_id,
        id=op_id,
        loan_id=chained.loan_id,
        position=position,
        contract="CreditAggregator",
        function="repay",
        arguments=[chained.loan_key, op_id, position, 10_000, 1_200],
        requested_at=datetime.now(UTC),
        **({"kind": ChainOperationKind.REPAY, "status": OperationStatus.DONE} | columns),
    )
    transaction = ChainTransaction(
        tenant_id=chained.tenant_id,
        op_id=op_id,
        chain_id=chained.chain_id,
        loan_id=chained.loan_id,
        contract="CreditAggregator",
        function="repay",
        arguments=[],
        signer=hash_of("signer", chained.loan_id)[:42],
        nonce=position,
        raw="0x02",
        hash=tx_hash,
        gas=60_000,
        gas_used=50_167,
        max_fee=2 * 10**9,
        priority_fee=10**9,
        status=TransactionStatus.CONFIRMED,
        block_number=position,
    )
    await world.add(operation, transaction)
    return operation


async def said(world: World, chained: ChainLoan, block: int, name: str, status: EventStatus, **arguments: Any) -> None:
    """An event of the loan."""
    await world.add(
        ChainEvent(
            tenant_id=chained.tenant_id,
            id=f"cev_{chained.loan_id}_{block}_{status}",
            loan_id=chained.loan_id,
            chain_id=chained.chain_id,
            contract="CreditAggregator",
            address=AGGREGATOR,
            name=name,
            arguments={"loanId": chained.loan_key, **arguments},
            block_number=block,
            block_hash=hash_of("block", block, status),
            tx_hash=hash_of("tx", chained.loan_id, block),
            log_index=0,
            status=status,
        )
    )


async def has_signed(world: World, chained: ChainLoan) -> None:
    """An underwriter's signature is on record."""
    await world.add(
        ChainSignature(
            tenant_id=chained.tenant_id,
            loan_id=chained.loan_id,
            role="underwriter",
            signer=UNDERWRITER.address.lower(),
            signature="0x00",
            signed_at=datetime.now(UTC),
            given_by="key_1",
        )
    )
