"""Signatures under a loan's terms: the document that is signed, and what is wrong with a signature, field by field."""

from typing import Any

from activities.chain_originations import NotEntitled, WrongSigner
from api.chain_desk import AGGREGATOR, ChainDesk
from api.schemas.chain import SignatureIn, SignerRole
from contracts.keccak import keccak
from models.errors import Refused
from models.records.chain_loans import ChainLoan

_KINDS = {"underwriter": "Approval", "lender": "Offer"}


class SigningExpired(Refused):
    """The terms were to be signed before, by the clock of the chain."""


class NoLender(Refused):
    """The loan's terms name no lender."""


def document_of(chained: ChainLoan, role: SignerRole) -> dict[str, Any]:
    """What the role signs (`eth_signTypedData_v4`)."""
    # eth-account takes a while to load, and few requests need it.
    from contracts.typed_data import SigningDomain, typed_data  # noqa: PLC0415

    if role == "lender" and not int(str(chained.terms["lender"]), 16):
        raise NoLender("The loan's terms name no lender; only underwriters sign.", "role")
    domain = SigningDomain(AGGREGATOR, chained.chain_id, chained.aggregator)
    return typed_data(domain, _KINDS[role], {"loanId": chained.loan_key, "terms": chained.terms})


async def verify(desk: ChainDesk, chained: ChainLoan, given: SignatureIn) -> None:
    """Refuse a signature that the contract would refuse, before it is put to the application's workflow."""
    from contracts.typed_data import signer_of  # noqa: PLC0415

    signer = signer_of(document_of(chained, given.role), given.signature)
    if signer.lower() != given.signer.lower():
        raise WrongSigner(f"This is not the signature of {given.signer} under the loan's terms.", "signature")
    if await desk.now() > int(chained.terms["signedUntil"]):
        raise SigningExpired("The time to sign these terms is over.", "signature")
    if given.role == "lender":
        if given.signer.lower() != str(chained.terms["lender"]).lower():
            raise NotEntitled(f"The lender of these terms is {chained.terms['lender']}.", "signer")
        return
    if not await desk.read(AGGREGATOR, "hasRole", _role("UNDERWRITER_ROLE"), given.signer):
        raise NotEntitled(f"{given.signer} is no underwriter on this chain.", "signer")
    if await desk.read(AGGREGATOR, "hasRole", _role("OPERATOR_ROLE"), given.signer):
        raise NotEntitled(f"{given.signer} writes loans and cannot approve them.", "signer")


def _role(name: str) -> str:
    return f"0x{keccak(name.encode()).hex()}"
