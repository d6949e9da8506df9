"""Loans on chain: what was agreed, signed, written and seen, and what is signed for them; and scores."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from api.chain_desk import AGGREGATOR, ORACLE, ChainAway, ChainDesk, ChainNotConfigured
from api.chain_signing import document_of, verify
from api.chain_views import OnChain, loan_chain_out, rows_of
from api.examples import SIGNATURE
from api.idempotency import IdempotentRoute, Ids
from api.processes import NoSuchProcess
from api.resources import Having
from api.routes.loans import LoanId
from api.schemas.chain import (
    ChainScoreOut,
    LoanChainOut,
    RetriedOut,
    SignatureIn,
    SignedOut,
    SignerRole,
    TypedDataOut,
)
from api.schemas.values import Identifier
from api.security import Caller, TenantCaller
from models.chain import OperationStatus
from models.chain_signing import SignerRole as Role
from models.errors import Conflict, NotFound, Refused
from models.ids import derived_id
from models.loan import LoanRef
from models.reconciliation import Figures
from models.records.applications import Applicant, Application
from models.records.chain_loans import ChainLoan, ChainOperation
from workflows.application import ApplicationWorkflow, application_workflow_id
from workflows.application_state import ChainApproval, ChainSigned
from workflows.chain import ChainStart, ChainWorkflow, chain_workflow_id

router = APIRouter(prefix="/api", tags=["chain"], route_class=IdempotentRoute)

OperationId = Annotated[str, Path(alias="operationId", pattern=r"^0x[0-9a-f]{64}$")]


class NotOnChain(NotFound):
    """The tenant has no such loan on chain."""


class UnknownOperation(NotFound):
    """The loan has no such write."""


class ScoreMissing(NotFound):
    """No score of this loan is on chain."""


class OneOf(Refused):
    """Exactly one of several fields is needed."""


class NotWaiting(Conflict):
    """Nobody waits for this."""


@router.get("/loans/{loanId}/chain")
async def show(loan_id: LoanId, caller: TenantCaller, having: Having) -> LoanChainOut:
    """The loan on chain, from its acceptance on. When the node is away, what is on record is shown all the same."""
    async with having.database.transaction(caller.tenant_id) as session:
        rows = await rows_of(session, await chained_in(session, caller, loan_id))
    return loan_chain_out(rows, await _looked_up(having.chain, rows.chained), having.chain.explorer_url)


@router.get("/loans/{loanId}/chain/typed-data")
async def typed_data(
    loan_id: LoanId,
    caller: TenantCaller,
    having: Having,
    role: Annotated[SignerRole, Query(description="Whose signature: an underwriter's, or the lender's.")],
) -> TypedDataOut:
    """The document that a wallet signs (EIP-712, `eth_signTypedData_v4`)."""
    async with having.database.transaction(caller.tenant_id) as session:
        chained = await chained_in(session, caller, loan_id)
    until = datetime.fromtimestamp(int(chained.terms["signedUntil"]), UTC)
    return TypedDataOut(loan_id=loan_id, role=role, signed_until=until, typed_data=document_of(chained, role))


@router.post("/loans/{loanId}/chain/signatures", status_code=201)
async def sign(
    loan_id: LoanId,
    body: Annotated[SignatureIn, Body(openapi_examples=SIGNATURE)],
    caller: TenantCaller,
    having: Having,
) -> SignedOut:
    """Bring a signature. It is verified as the contract will do it; each signer counts once."""
    async with having.database.transaction(caller.tenant_id) as session:
        chained = await chained_in(session, caller, loan_id)
    await verify(having.chain, chained, body)
    approval = ChainApproval(loan_id, Role(body.role), body.signer, body.signature, caller.key_id)
    # The same signature is the same question, whoever brings it and however often.
    update_id = derived_id("sig", chained.loan_key, body.role, body.signer.lower(), body.signature)
    try:
        signed: ChainSigned = await having.processes.update(
            application_workflow_id(chained.application_id),
            ApplicationWorkflow.approve_on_chain,
            approval,
            update_id=update_id,
        )
    except NoSuchProcess:
        raise NotWaiting("The application has ended; no loan waits for signatures.", "loanId") from None
    return SignedOut(
        loan_id=loan_id,
        approvals=signed.approvals,
        approvals_needed=signed.approvals_needed,
        is_complete=signed.is_complete,
    )


@router.post("/loans/{loanId}/chain/operations/{operationId}/retry")
async def retry(
    loan_id: LoanId, operation_id: OperationId, caller: TenantCaller, having: Having, ids: Ids
) -> RetriedOut:
    """Have the write that the contract has refused tried again; those behind it wait for it."""
    async with having.database.transaction(caller.tenant_id) as session:
        chained = await chained_in(session, caller, loan_id)
        operation = await session.get(ChainOperation, (caller.tenant_id, operation_id))
    if operation is None or operation.loan_id != loan_id:
        raise UnknownOperation(f"The loan has no write {operation_id}.", "operationId")
    if operation.status != OperationStatus.FAILED:
        raise NotWaiting(f"This write is {operation.status}; only one that was refused is tried again.", "operationId")
    await having.processes.update_with_start(
        ChainWorkflow.run,
        ChainStart(LoanRef(caller.tenant_id, chained.application_id, loan_id)),
        chain_workflow_id(loan_id),
        ChainWorkflow.retry_operation,
        update_id=ids("retry"),
        tenant_id=caller.tenant_id,
    )
    return RetriedOut(loan_id=loan_id, operation_id=operation_id, status=OperationStatus.PENDING)


@router.get("/credit/score/chain")
async def score(
    caller: TenantCaller,
    having: Having,
    loan_id: Annotated[Identifier | None, Query(alias="loanId")] = None,
    user_id: Annotated[Identifier | None, Query(alias="userId", description="Their latest loan on chain.")] = None,
) -> ChainScoreOut:
    """The credit score on chain of one loan, and the one we hold. It names no person: each loan has its own subject."""
    if (loan_id is None) == (user_id is None):
        raise OneOf("Name a loanId or a userId, one of the two.", "loanId")
    async with having.database.transaction(caller.tenant_id) as session:
        chained = await (chained_in(session, caller, loan_id) if loan_id else _latest_of(session, caller, str(user_id)))
        application = await session.get_one(Application, (caller.tenant_id, chained.application_id))
    subject = str(chained.terms["subject"])
    found = await having.chain.read(ORACLE, "latest", subject)
    if not found["score"]:
        raise ScoreMissing(f"No score of loan {chained.loan_id} has been published on chain.", "loanId")
    expires_at = datetime.fromtimestamp(int(found["expiresAt"]), UTC)
    return ChainScoreOut(
        loan_id=chained.loan_id,
        application_id=chained.application_id,
        subject=subject,
        score=int(found["score"]),
        issued_at=datetime.fromtimestamp(int(found["issuedAt"]), UTC),
        expires_at=expires_at,
        is_expired=await having.chain.now() > int(found["expiresAt"]),
        model_version=int(found["modelVersion"]),
        held_score=application.credit_score,
        risk_rating=application.risk_rating,
    )


async def chained_in(session: AsyncSession, caller: Caller, loan_id: str) -> ChainLoan:
    """The tenant's loan on chain, or `NotOnChain`."""
    chained = await session.get(ChainLoan, (caller.tenant_id, loan_id))
    if chained is None:
        raise NotOnChain(f"There is no loan {loan_id} on chain.", "loanId")
    return chained


async def _latest_of(session: AsyncSession, caller: Caller, user_id: str) -> ChainLoan:
    found = await session.execute(
        select(ChainLoan)
        .join(Application, col(Application.id) == col(ChainLoan.application_id))
        .join(Applicant, col(Applicant.id) == col(Application.applicant_id))
        .where(
            col(Application.tenant_id) == caller.tenant_id,
            col(Applicant.tenant_id) == caller.tenant_id,
            col(Applicant.user_id) == user_id,
        )
        .order_by(col(ChainLoan.recorded_at).desc(), col(ChainLoan.loan_id).desc())
        .limit(1)
    )
    chained = found.scalar_one_or_none()
    if chained is None:
        raise NotOnChain(f"User {user_id} has no loan on chain.", "userId")
    return chained


async def _looked_up(desk: ChainDesk, chained: ChainLoan) -> OnChain:
    """What the node says; that it says nothing is no reason to show nothing."""
    try:
        site = await desk.site()
        figures = Figures.of_chain(await desk.read(AGGREGATOR, "loan", chained.loan_key))
        terms = chained.terms
        needed = await desk.read(AGGREGATOR, "approvalsNeeded", terms["asset"], terms["principal"])
    except ChainNotConfigured:
        return OnChain("not_configured")
    except ChainAway:
        return OnChain("away")
    return OnChain("answers", site, figures, int(needed))
