"""What people and machines sign for a loan (EIP-712), as `TypedData.sol` hashes it.

Approval, Offer   an underwriter and the lender, under the terms of a loan
Restructuring     lender and borrower, under new terms, for one write alone
Score             the signers of a credit score
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_utils.crypto import keccak

from contracts.words import BadArgument, as_abi, as_json, to_bytes

_SIGNATURE_BYTES = 65
_WORD_BYTES = 32
_HALF_OF_CURVE = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
# JavaScript, in which wallets are written, counts exactly up to 2^53.
_WIDE = frozenset({"uint96", "uint128", "uint256"})

Field = dict[str, str]


def _fields(declaration: str) -> list[Field]:
    return [dict(zip(("type", "name"), each.split(), strict=True)) for each in declaration.split(",")]


_DOMAIN = _fields("string name,string version,uint256 chainId,address verifyingContract")
_STRUCTS = {
    "Terms": _fields(
        "bytes32 agreementHash,bytes32 subject,address borrower,address lender,address asset,uint128 principal,"
        "uint16 aprBps,uint16 interestCapBps,uint16 minScore,uint40 maturity,uint40 signedUntil,bool onChainFunds,"
        "bool secured"
    ),
    "NewTerms": _fields(
        "bytes32 agreementHash,uint128 capitalized,uint16 aprBps,uint16 interestCapBps,uint40 maturity,"
        "uint40 signedUntil"
    ),
    "Approval": _fields("bytes32 loanId,Terms terms"),
    "Offer": _fields("bytes32 loanId,Terms terms"),
    "Restructuring": _fields("bytes32 loanId,uint24 seq,NewTerms newTerms"),
    "Score": _fields("bytes32 subject,uint16 score,uint40 issuedAt,uint40 expiresAt,uint32 modelVersion"),
}


@dataclass(frozen=True, slots=True)
class SigningDomain:
    """The contract that a signature is for: its name, where it is, and on which chain."""

    contract: str
    chain_id: int
    address: str


def typed_data(domain: SigningDomain, kind: str, message: Mapping[str, Any]) -> dict[str, Any]:
    """The document that a wallet signs (`eth_signTypedData_v4`); `kind` is `Approval`, `Offer`, and so on."""
    checked = as_json(_component(kind), as_abi(_component(kind), message, kind))
    return {
        "types": {"EIP712Domain": _DOMAIN, kind: _STRUCTS[kind]} | {name: _STRUCTS[name] for name in _inner(kind)},
        "primaryType": kind,
        "domain": {
            "name": domain.contract,
            "version": "1",
            "chainId": domain.chain_id,
            "verifyingContract": domain.address,
        },
        "message": _for_wallets(kind, checked),
    }


def sign_approval(key: str, domain: SigningDomain, loan_key: str, terms: Mapping[str, Any]) -> str:
    """An underwriter answers for a loan."""
    return _sign(key, typed_data(domain, "Approval", {"loanId": loan_key, "terms": terms}))


def sign_offer(key: str, domain: SigningDomain, loan_key: str, terms: Mapping[str, Any]) -> str:
    """The lender lends on these terms."""
    return _sign(key, typed_data(domain, "Offer", {"loanId": loan_key, "terms": terms}))


def sign_restructuring(
    key: str, domain: SigningDomain, loan_key: str, sequence: int, new_terms: Mapping[str, Any]
) -> str:
    """Lender or borrower agrees to new terms, by the write with this sequence number."""
    return _sign(key, typed_data(domain, "Restructuring", {"loanId": loan_key, "seq": sequence, "newTerms": new_terms}))


def sign_score(key: str, domain: SigningDomain, subject: str, score: Mapping[str, Any]) -> str:
    """A signer of scores stands behind one; `score` is `ICreditScoringOracle.Score`."""
    return _sign(key, typed_data(domain, "Score", {"subject": subject, **score}))


def signer_of(document: Mapping[str, Any], signature: str) -> str:
    """Whose signature it is under a document of `typed_data`; refuses what the contracts would not take."""
    octets = _octets(signature)
    if len(octets) != _SIGNATURE_BYTES:
        raise BadArgument(f"signature must be {_SIGNATURE_BYTES} bytes, not {len(octets)}", "signature")
    if octets[-1] not in {27, 28}:
        raise BadArgument(f"signature must end in 1b or 1c, not {octets[-1]:02x}", "signature")
    if int.from_bytes(octets[_WORD_BYTES : 2 * _WORD_BYTES]) > _HALF_OF_CURVE:
        raise BadArgument("signature has an s in the upper half of the curve, which contracts refuse", "signature")
    try:
        signer: str = Account.recover_message(_signable(document), signature=octets)
    except Exception:  # noqa: BLE001 - the back ends of the curve raise errors of their own
        raise BadArgument("signature is none: nobody can have made it", "signature") from None
    return signer


def terms_hash(terms: Mapping[str, Any]) -> str:
    """What `CreditAggregator.termsHash` answers."""
    fields = _STRUCTS["Terms"]
    values = as_abi(_component("Terms"), terms, "terms")
    packed = encode(["bytes32", *(each["type"] for each in fields)], [keccak(text=_type_of("Terms")), *values])
    return f"0x{keccak(packed).hex()}"


def _sign(key: str, document: Mapping[str, Any]) -> str:
    return f"0x{Account.sign_message(_signable(document), key).signature.hex()}"


def _signable(document: Mapping[str, Any]) -> SignableMessage:
    return encode_typed_data(full_message=dict(document))


def _octets(signature: str) -> bytes:
    try:
        return to_bytes(signature)
    except ValueError:
        raise BadArgument("signature must be 0x hex", "signature") from None


def _type_of(name: str) -> str:
    members = (f"{each['type']} {each['name']}" for each in _STRUCTS[name])
    return f"{name}({','.join(members)})"


def _inner(kind: str) -> list[str]:
    return [each["type"] for each in _STRUCTS[kind] if each["type"] in _STRUCTS]


def _component(kind: str, name: str = "") -> dict[str, Any]:
    """The ABI's word for a struct."""
    parts = [
        _component(each["type"], each["name"]) if each["type"] in _STRUCTS else dict(each) for each in _STRUCTS[kind]
    ]
    return {"type": "tuple", "name": name, "components": parts}


def _for_wallets(kind: str, message: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for each in _STRUCTS[kind]:
        value = message[each["name"]]
        if each["type"] in _STRUCTS:
            shown[each["name"]] = _for_wallets(each["type"], value)
        else:
            shown[each["name"]] = str(value) if each["type"] in _WIDE else value
    return shown
