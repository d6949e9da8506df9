"""Putting an agreed loan on chain before its money leaves: terms, the signatures under them, and their origination."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from os import urandom
from typing import Any, Protocol

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from temporalio import activity

from activities.applications import locked
from activities.chain_loans import TASK, ChainNotConfigured
from activities.chain_mirror import AGGREGATOR, COLLATERAL, ORACLE, Happened, leave
from activities.operator_tasks import settle_task
from contracts.keccak import keccak
from contracts.node import ChainNode
from models.application import ApplicationRef
from models.chain import Call, ChainOperationKind, OperationStatus
from models.chain_signing import Prepared, SignerRole
from models.chain_terms import (
    SIGNING_SECONDS,
    ChainSite,
    asset_of,
    hashes_of,
    parties_of,
    sorted_approvals,
    terms_on_chain,
)
from models.errors import Conflict, Refused
from models.offer import OfferStatus
from models.product import LoanProduct
from models.product_schedule import Choices
from models.records.applications import Application
from models.records.chain_loans import ChainLoan, ChainOperation, ChainSignature
from models.records.database import Database
from models.records.offers import Offer
from models.records.products import product_of

_SALT_BYTES = 32
_MODEL_VERSION = 1
_NO_LOAN = "0x" + "0" * 64


class WrongSigner(Refused):
    """The signature is not this signer's under these terms."""


class NotEntitled(Refused):
    """This account may not sign for that."""


class ScoreUnknown(Conflict):
    """The product asks for a credit score and the application has none."""


class TermsSigning(Protocol):
    """EIP-712: who has signed what, and the engine's own signatures under scores."""

    def terms_hash(self, terms: Mapping[str, Any]) -> str: ...

    def approver(self, loan_key: str, terms: Mapping[str, Any], signature: str) -> str: ...

    def lender(self, loan_key: str, terms: Mapping[str, Any], signature: str) -> str: ...

    def score_signatures(self, subject: str, score: Mapping[str, Any]) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class ChainAccess:
    """A chain as originations need it."""

    node: ChainNode
    site: ChainSite
    signing: TermsSigning


@dataclass(frozen=True, slots=True)
class Preparation:
    """This loan, agreed on, is to be put on chain, now."""

    ref: ApplicationRef
    loan_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Signing:
    """A signature under a loan's terms, as somebody has brought it."""

    ref: ApplicationRef
    loan_id: str
    role: SignerRole
    signer: str
    signature: str
    given_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Cover:
    """Whether the collateral that is posted covers the loan; values have eight decimals of the base currency."""

    is_covered: bool
    needed: int
    available: int


@dataclass(frozen=True, slots=True)
class PayoutOnChain:
    """A payout in tokens: its transaction when it is done, or that it will not be. Neither, while it is under way."""

    tx_hash: str | None
    is_given_up: bool


class ChainOriginations:
    """Prepares loans for the chain. A step that runs twice leaves the same rows."""

    def __init__(self, database: Database, chain: ChainAccess | None) -> None:
        self._database = database
        self._access = chain

    @activity.defn(name="ChainOriginations.prepare")
    async def prepare(self, preparation: Preparation) -> Prepared:
        """Write the terms down, and say who must sign them. How many underwriters, the contract knows."""
        chain = self._chain
        head = await chain.node.head()
        async with self._database.transaction(preparation.ref.tenant_id) as session:
            chained = await session.get(ChainLoan, (preparation.ref.tenant_id, preparation.loan_id))
            if chained is None:
                application = await locked(session, preparation.ref)
                chained = await _chained(session, application, preparation, chain, head.timestamp)
                session.add(chained)
                await session.flush()
            terms = chained.terms
            signed = await _signatures(session, chained)
        asked = Call(AGGREGATOR, "approvalsNeeded", (terms["asset"], terms["principal"]))
        return Prepared(
            loan_id=chained.loan_id,
            approvals_needed=int(await chain.node.read(asked)),
            lender=None if int(terms["lender"], 16) == 0 else terms["lender"],
            is_secured=chained.secured,
            approvers=tuple(sorted(signed[SignerRole.UNDERWRITER])),
            has_offer=bool(signed[SignerRole.LENDER]),
        )

    @activity.defn(name="ChainOriginations.vet")
    async def vet(self, signing: Signing) -> None:
        """Refuse who may not approve loans: the contract would refuse them all at the end."""
        if signing.role is SignerRole.LENDER:
            return
        node = self._chain.node
        if not await node.read(Call(AGGREGATOR, "hasRole", (_role("UNDERWRITER_ROLE"), signing.signer))):
            raise NotEntitled(f"{signing.signer} is no underwriter.", "signer")
        if await node.read(Call(AGGREGATOR, "hasRole", (_role("OPERATOR_ROLE"), signing.signer))):
            raise NotEntitled(f"{signing.signer} writes loans and cannot approve them.", "signer")

    @activity.defn(name="ChainOriginations.sign")
    async def sign(self, signing: Signing) -> None:
        """Keep a signature that is the signer's own; each signer counts once."""
        async with self._database.transaction(signing.ref.tenant_id) as session:
            chained = await session.get_one(ChainLoan, (signing.ref.tenant_id, signing.loan_id))
            self._verify(chained, signing)
            row = {
                "tenant_id": chained.tenant_id,
                "loan_id": chained.loan_id,
                "role": signing.role,
                "signer": signing.signer.lower(),
                "signature": signing.signature,
                "signed_at": signing.at,
                "given_by": signing.given_by,
            }
            await session.execute(insert(ChainSignature).values(row).on_conflict_do_nothing())

    @activity.defn(name="ChainOriginations.propose")
    async def propose(self, preparation: Preparation) -> None:
        """Everybody has signed: leave the score, where one is asked for, and the terms to be written."""
        chain = self._chain
        async with self._database.transaction(preparation.ref.tenant_id) as session:
            key = (preparation.ref.tenant_id, preparation.loan_id)
            chained = await session.get_one(ChainLoan, key, with_for_update=True)
            known = select(ChainOperation.id).where(col(ChainOperation.loan_id) == chained.loan_id).limit(1)
            if (await session.execute(known)).first() is not None:
                return
            happened = Happened("origination", preparation.at)
            if chained.terms["minScore"]:
                application = await locked(session, preparation.ref)
                score = _score(application, chained)
                given = [
                    chained.terms["subject"],
                    score,
                    chain.signing.score_signatures(chained.terms["subject"], score),
                ]
                publish = (ORACLE, "publish")
                await leave(
                    session, chained, ChainOperationKind.PUBLISH_SCORE, publish, given, happened, names_itself=False
                )
            signed = await _signatures(session, chained)
            chained.lender_signature = next(iter(signed[SignerRole.LENDER].values()), "")
            approvals = sorted_approvals(signed[SignerRole.UNDERWRITER])
            terms = [chained.loan_key, chained.terms, chained.lender_signature or "0x", approvals]
            originate = (AGGREGATOR, "originate")
            await leave(session, chained, ChainOperationKind.ORIGINATE, originate, terms, happened, names_itself=False)

    @activity.defn(name="ChainOriginations.pay_out")
    async def pay_out(self, preparation: Preparation) -> None:
        """Leave the payout to be written: tokens go from the lender's escrow to the borrower's wallet."""
        key = (preparation.ref.tenant_id, preparation.loan_id)
        async with self._database.transaction(preparation.ref.tenant_id) as session:
            chained = await session.get_one(ChainLoan, key, with_for_update=True)
            known = select(ChainOperation.id).where(
                col(ChainOperation.loan_id) == chained.loan_id, col(ChainOperation.kind) == ChainOperationKind.FUND
            )
            if (await session.execute(known.limit(1))).first() is None:
                happened = Happened("payout", preparation.at)
                arguments = [chained.told_sequence + 1]
                await leave(session, chained, ChainOperationKind.FUND, (AGGREGATOR, "fund"), arguments, happened)

    @activity.defn(name="ChainOriginations.settle_payout")
    async def settle_payout(self, preparation: Preparation) -> PayoutOnChain:
        """What became of the payout. One that was refused is given up, unless an operator has had it tried again."""
        async with self._database.transaction(preparation.ref.tenant_id) as session:
            found = await session.execute(
                select(ChainOperation)
                .where(
                    col(ChainOperation.loan_id) == preparation.loan_id,
                    col(ChainOperation.kind) == ChainOperationKind.FUND,
                )
                .with_for_update()
            )
            payout = found.scalar_one()
            if payout.status == OperationStatus.FAILED:
                payout.status = OperationStatus.DROPPED
                given_up, tenant_id = "the offer lapses", preparation.ref.tenant_id
                await settle_task(session, tenant_id, TASK, key=payout.id, resolution=given_up, at=preparation.at)
            return PayoutOnChain(payout.tx_hash, is_given_up=payout.status == OperationStatus.DROPPED)

    @activity.defn(name="ChainOriginations.cover")
    async def cover(self, preparation: Preparation) -> Cover:
        """Ask the contract whether the collateral covers the principal."""
        async with self._database.transaction(preparation.ref.tenant_id) as session:
            chained = await session.get_one(ChainLoan, (preparation.ref.tenant_id, preparation.loan_id))
        # Of the loan itself the contract answers nothing in the block of a deposit, and a quiet chain has no next one.
        asked = (_NO_LOAN, chained.terms["asset"], chained.terms["principal"])
        node = self._chain.node
        needed = int((await node.read(Call(COLLATERAL, "covers", asked)))["needed"])
        available = int(await node.read(Call(COLLATERAL, "maxBorrow", (chained.loan_key,))))
        return Cover(needed <= available, needed, available)

    @property
    def _chain(self) -> ChainAccess:
        if self._access is None:
            raise ChainNotConfigured
        return self._access

    def _verify(self, chained: ChainLoan, signing: Signing) -> None:
        signer_of = self._chain.signing.lender if signing.role is SignerRole.LENDER else self._chain.signing.approver
        signer = signer_of(chained.loan_key, chained.terms, signing.signature)
        if signer.lower() != signing.signer.lower():
            raise WrongSigner(f"This is not the signature of {signing.signer} under the loan's terms.", "signature")


async def _chained(
    session: AsyncSession, application: Application, preparation: Preparation, chain: ChainAccess, chain_seconds: int
) -> ChainLoan:
    found = await session.execute(
        select(Offer).where(col(Offer.application_id) == application.id, col(Offer.status) == OfferStatus.ACCEPTED)
    )
    offer, product, salt = found.scalar_one(), await product_of(session, application), urandom(_SALT_BYTES)
    assert product.chain is not None, "only loans of a product on chain come here"
    asset = asset_of(product.chain, offer.currency, chain.site)
    hashes = hashes_of(salt, preparation.loan_id, _agreement(application, offer, preparation.loan_id), keccak)
    terms = terms_on_chain(
        _terms(product, offer, preparation.at),
        product.chain,
        asset,
        parties_of(product.chain, application.wallet_address),
        hashes,
        agreed_on=preparation.at.date(),
        signed_until=chain_seconds + SIGNING_SECONDS,
    )
    return ChainLoan(
        tenant_id=application.tenant_id,
        loan_id=preparation.loan_id,
        application_id=application.id,
        chain_id=chain.site.chain_id,
        aggregator=chain.site.aggregator,
        loan_key=hashes.loan_key,
        salt=salt.hex(),
        funds=product.chain.funds,
        secured=product.chain.secured,
        terms=terms,
        terms_hash=chain.signing.terms_hash(terms),
        currency=offer.currency,
        scale=asset.scale,
    )


def _terms(product: LoanProduct, offer: Offer, at: datetime) -> Any:
    return product.terms(
        Choices(
            principal_minor=offer.amount_minor,
            currency=offer.currency,
            annual_rate_percent=offer.annual_rate_percent,
            installments=product.schedule.installments_for(offer.tenure_days),
            disbursed_on=at.date(),
            processing_fee_minor=offer.processing_fee_minor,
        )
    )


def _agreement(application: Application, offer: Offer, loan_id: str) -> dict[str, Any]:
    """What borrower and lender have agreed on, for the hash that binds the chain to it."""
    return {
        "amountMinor": offer.amount_minor,
        "annualRatePercent": f"{offer.annual_rate_percent:f}",
        "applicationId": application.id,
        "aprPercent": f"{offer.apr_percent:f}",
        "currency": offer.currency,
        "loanId": loan_id,
        "offerId": offer.id,
        "processingFeeMinor": offer.processing_fee_minor,
        "product": [application.product_id, application.product_version],
        "providerId": offer.provider_id,
        "tenureDays": offer.tenure_days,
    }


def _score(application: Application, chained: ChainLoan) -> dict[str, Any]:
    """As good as the terms are, by the clock of the chain."""
    if application.credit_score is None:
        raise ScoreUnknown("The application has no credit score to publish.", "creditScore")
    expires_at = int(chained.terms["signedUntil"])
    return {
        "score": application.credit_score,
        "issuedAt": expires_at - SIGNING_SECONDS,
        "expiresAt": expires_at,
        "modelVersion": _MODEL_VERSION,
    }


async def _signatures(session: AsyncSession, chained: ChainLoan) -> dict[SignerRole, dict[str, str]]:
    rows = await session.execute(select(ChainSignature).where(col(ChainSignature.loan_id) == chained.loan_id))
    signed: dict[SignerRole, dict[str, str]] = {role: {} for role in SignerRole}
    for row in rows.scalars():
        signed[SignerRole(row.role)][row.signer] = row.signature
    return signed


def _role(name: str) -> str:
    return f"0x{keccak(name.encode()).hex()}"
