"""Keccak-256, the hash of the chain, for those who need nothing else of it."""


def keccak(data: bytes) -> bytes:
    """The hash of some bytes."""
    # Imported when it is first needed: a process that sees no loan on chain starts without it.
    from eth_utils.crypto import keccak as hashed  # noqa: PLC0415

    return hashed(data)
