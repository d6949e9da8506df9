"""The payment rail over HTTP: Paystack's paths, and under /sandbox the strings behind the scenery."""

from datetime import datetime
from hmac import compare_digest
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from sandbox import magic
from sandbox.payins import Payins
from sandbox.payouts import Payouts
from sandbox.paystack_protocol import AnswerWithheld, Declined, accepted, declined
from sandbox.rail_webhooks import RailWebhooks

Order = Annotated[dict[str, Any], Body()]


class Deposit(BaseModel):
    """The borrower pays into the virtual account, in minor units."""

    model_config = ConfigDict(extra="forbid")

    account_number: str
    amount: int = Field(gt=0)
    paid_at: datetime | None = None
    reference: str | None = None


def rail_app(secret_key: str, payouts: Payouts, payins: Payins, webhooks: RailWebhooks) -> FastAPI:
    async def authenticate(authorization: Annotated[str, Header()] = "") -> None:
        if not compare_digest(authorization.encode(), f"Bearer {secret_key}".encode()):
            raise Declined(401, "Invalid key", "invalid_Key")

    app = FastAPI(title="Sandbox rail (Paystack's protocol)")
    app.add_exception_handler(Declined, _on_declined)
    app.add_exception_handler(RequestValidationError, _on_nonsense)
    app.add_exception_handler(AnswerWithheld, _on_withheld)
    app.include_router(_payout_routes(payouts), dependencies=[Depends(authenticate)])
    app.include_router(_payin_routes(payins), dependencies=[Depends(authenticate)])
    app.include_router(_control_routes(payouts, payins, webhooks), prefix="/sandbox")
    return app


def _payout_routes(payouts: Payouts) -> APIRouter:
    router = APIRouter(tags=["transfers"])

    @router.get("/bank/resolve")
    async def resolve(account_number: str, bank_code: str) -> JSONResponse:
        if account_number == magic.ACCOUNT_UNKNOWN or not bank_code:
            raise Declined(422, "Could not resolve account name. Check parameters or try again.", "invalid_bank_code")
        return accepted("Account number resolved", {"account_number": account_number, "account_name": "SANDBOX HOLDER"})

    @router.post("/transferrecipient")
    async def recipient(order: Order) -> JSONResponse:
        return accepted("Transfer recipient created successfully", payouts.recipient(order), 201)

    @router.post("/transfer")
    async def transfer(order: Order) -> JSONResponse:
        booked = payouts.transfer(order)
        # Paystack names the recipient by id here and in full in `verify`.
        return accepted("Transfer has been queued", booked | {"recipient": booked["recipient"]["recipient_code"]})

    @router.get("/transfer/verify/{reference}")
    async def verify(reference: str) -> JSONResponse:
        return accepted("Transfer retrieved", payouts.verify(reference))

    return router


def _payin_routes(payins: Payins) -> APIRouter:
    router = APIRouter(tags=["virtual accounts"])

    @router.post("/customer")
    async def customer(details: Order) -> JSONResponse:
        return accepted("Customer created", payins.customer(details))

    @router.get("/dedicated_account")
    async def accounts(customer: str) -> JSONResponse:
        return accepted("Managed accounts successfully retrieved", payins.virtual_accounts(customer))

    @router.post("/dedicated_account")
    async def account(wanted: Order) -> JSONResponse:
        return accepted("NUBAN successfully created", payins.virtual_account(wanted))

    return router


def _control_routes(payouts: Payouts, payins: Payins, webhooks: RailWebhooks) -> APIRouter:
    router = APIRouter(tags=["behind the scenery"])

    @router.post("/deposits")
    async def deposit(paid: Deposit) -> JSONResponse:
        data = payins.deposit(paid.account_number, paid.amount, paid.paid_at, paid.reference)
        return accepted("Deposit received", data, 201)

    @router.get("/transfers")
    async def transfers() -> JSONResponse:
        every = payouts.all()
        return accepted(f"{len(every)} transfers", every)

    @router.post("/transfers/{reference}/reverse")
    async def reverse(reference: str) -> JSONResponse:
        return accepted("Transfer reversed", payouts.reverse(reference))

    @router.get("/accounts")
    async def accounts() -> JSONResponse:
        return accepted("Virtual accounts", payins.all_accounts())

    @router.get("/webhooks")
    async def sent() -> JSONResponse:
        return accepted("Webhooks", webhooks.all())

    @router.post("/webhooks/{key}/resend")
    async def resend(key: str) -> JSONResponse:
        webhooks.resend(key)
        return accepted("Webhook is sent again", None)

    return router


async def _on_declined(_: Request, refusal: Exception) -> JSONResponse:
    assert isinstance(refusal, Declined)
    return declined(refusal)


async def _on_nonsense(_: Request, error: Exception) -> JSONResponse:
    return declined(Declined(400, f"Invalid request: {error}", "invalid_params"))


async def _on_withheld(_: Request, __: Exception) -> JSONResponse:
    return JSONResponse({"message": "Gateway time-out"}, 504)
