"""Who holds which role of which contract, as the contracts' own events tell it."""

from collections.abc import Mapping

from web3 import AsyncWeb3
from web3.types import EventData

from contracts.addresses import AddressBook
from contracts.artifacts import artifact
from contracts.session import Web3

Holders = Mapping[str, Mapping[str, tuple[str, ...]]]
_ADMIN = "DEFAULT_ADMIN_ROLE"
_OURS = ("OPERATOR_ROLE", "UNDERWRITER_ROLE", "ORACLE_SIGNER_ROLE", "PAUSER_ROLE")
_NAMES = (*_OURS, "PROPOSER_ROLE", "EXECUTOR_ROLE", "CANCELLER_ROLE")
_ROLES = {bytes(32): _ADMIN} | {bytes(AsyncWeb3.keccak(text=name)): name for name in _NAMES}


async def holders(web3: Web3, book: AddressBook) -> Holders:
    """By contract and role; a role that nobody holds is left out."""
    return {name: await _holders_of(web3, name, address, book.first_block) for name, address in book.contracts.items()}


async def _holders_of(web3: Web3, name: str, address: str, first_block: int) -> dict[str, tuple[str, ...]]:
    contract = web3.eth.contract(address=AsyncWeb3.to_checksum_address(address), abi=artifact(name).abi)
    granted = await contract.events.RoleGranted.get_logs(from_block=first_block)
    revoked = await contract.events.RoleRevoked.get_logs(from_block=first_block)
    held: dict[str, dict[str, None]] = {}
    for event in sorted([*granted, *revoked], key=_place):
        role = _ROLES.get(bytes(event["args"]["role"]), "0x" + bytes(event["args"]["role"]).hex())
        accounts = held.setdefault(role, {})
        if event["event"] == "RoleGranted":
            accounts[event["args"]["account"]] = None
        else:
            accounts.pop(event["args"]["account"], None)
    return {role: tuple(accounts) for role, accounts in held.items() if accounts}


def _place(event: EventData) -> tuple[int, int]:
    return event["blockNumber"], event["logIndex"]
