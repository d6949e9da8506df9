"""Running a call without a trace: its result, or the gas that it needs."""

from dataclasses import dataclass
from typing import cast

from eth.abc import BlockHeaderAPI, ComputationAPI, SignedTransactionAPI
from eth.exceptions import OutOfGas, Revert, VMError
from eth.vm.forks.prague import PragueVM
from eth.vm.spoof import SpoofTransaction
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_typing import Address
from eth_utils.exceptions import ValidationError

from contracts.devnode.evm import Evm
from contracts.devnode.refusals import ExecutionFailed, Reverted

_ERROR_OF_STRING = bytes.fromhex("08c379a0")
_CALL_STIPEND = 2300
# An estimate may be this much too high, as geth's may.
_TOLERANCE = 0.015


@dataclass(frozen=True, slots=True)
class CallRequest:
    """Who calls what with what; `gas` is at most a block's."""

    sender: Address
    to: Address | None
    data: bytes
    value: int
    gas: int | None


def result_of(evm: Evm, header: BlockHeaderAPI, request: CallRequest) -> bytes:
    """What a call returns in the block of this header."""
    computation = _run(evm, header, request, request.gas or header.gas_limit)
    if computation.is_error:
        raise _refusal(computation.error)
    return bytes(computation.output)


def gas_needed(evm: Evm, header: BlockHeaderAPI, request: CallRequest) -> int:
    """The gas with which a transaction succeeds: what it used, or more where it must have some to spare."""
    most = min(request.gas or header.gas_limit, header.gas_limit)
    computation = _run(evm, header, request, most)
    if computation.is_error:
        if isinstance(computation.error, OutOfGas) and request.gas:
            raise ExecutionFailed(f"gas required exceeds allowance ({most})")
        raise _refusal(computation.error)
    # Refunds come at the end, so all of it must be there before.
    used = most - computation.get_gas_remaining() + computation.data_floor_gas
    spare = min((used + _CALL_STIPEND) * 64 // 63, most)
    for gas in (used, spare):
        if not _run(evm, header, request, gas).is_error:
            return gas
    return _searched(evm, header, request, too_little=spare, enough=most)


def _searched(evm: Evm, header: BlockHeaderAPI, request: CallRequest, *, too_little: int, enough: int) -> int:
    while (enough - too_little) / enough > _TOLERANCE:
        middle = (enough + too_little) // 2
        if _run(evm, header, request, middle).is_error:
            too_little = middle
        else:
            enough = middle
    return enough


def _run(evm: Evm, header: BlockHeaderAPI, request: CallRequest, gas: int) -> ComputationAPI:
    state = evm.state(header.copy(base_fee_per_gas=0))  # a call costs its sender nothing
    plain = PragueVM.get_transaction_builder().new_unsigned_dynamic_fee_transaction(  # type: ignore[attr-defined] # of typed transactions
        chain_id=evm.chain_id,
        nonce=state.get_nonce(request.sender),
        max_priority_fee_per_gas=0,
        max_fee_per_gas=0,
        gas=gas,
        to=request.to or b"",
        value=request.value,
        data=request.data,
        access_list=(),
    )
    transaction = SpoofTransaction(plain, from_=request.sender)
    try:
        return state.apply_transaction(cast("SignedTransactionAPI", transaction))
    except ValidationError as refusal:
        raise ExecutionFailed(_in_words(request, state.get_balance(request.sender), str(refusal))) from None


def _in_words(request: CallRequest, balance: int, otherwise: str) -> str:
    if balance < request.value:
        return f"insufficient funds for transfer: address 0x{request.sender.hex()} has {balance}, needs {request.value}"
    return otherwise


def _refusal(error: VMError) -> Reverted | ExecutionFailed:
    if isinstance(error, Revert):
        said = bytes(error.args[0]) if error.args else b""
        return Reverted(_reason(said), "0x" + said.hex())
    if isinstance(error, OutOfGas):
        return ExecutionFailed("out of gas")
    return ExecutionFailed(str(error))


def _reason(said: bytes) -> str | None:
    """The text of `require(false, text)`; custom errors are the caller's to read."""
    if not said.startswith(_ERROR_OF_STRING):
        return None
    try:
        return str(decode(["string"], said[4:])[0])
    except DecodingError:
        return None
