"""Identifiers: a prefix that says what it names and 26 characters of Crockford base32 (128 bits)."""

from hashlib import sha256

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 26


def sortable_id(prefix: str, *, at_ms: int, entropy: bytes) -> str:
    """An id that sorts by creation time: 48 bits of milliseconds, then 80 bits of `entropy` (ULID's layout)."""
    return f"{prefix}_{_encoded((at_ms << 80) | int.from_bytes(entropy[:10]))}"


def derived_id(prefix: str, *parts: str) -> str:
    """The same id for the same business facts, so that a step that runs twice writes the same row twice."""
    return f"{prefix}_{_encoded(int.from_bytes(sha256(chr(31).join(parts).encode()).digest()[:16]))}"


def _encoded(number: int) -> str:
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range((_LENGTH - 1) * 5, -1, -5))
