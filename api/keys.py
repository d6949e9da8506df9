"""API keys: `caas_test_sk_` or `caas_live_sk_`, 43 base62 characters (256 bits) and a checksum of 6.

The checksum tells a mistyped key from a wrong one without asking the database, and lets scanners find leaked keys.
Only the SHA-256 of a key is stored: 256 random bits cannot be guessed, so a slow hash would protect nothing.
"""

import re
from hashlib import sha256
from string import ascii_letters, digits
from zlib import crc32

_BASE62 = digits + ascii_letters
_SECRET_LENGTH, _CHECKSUM_LENGTH = 43, 6
_SHAPE = re.compile(rf"caas_(test|live)_sk_[0-9A-Za-z]{{{_SECRET_LENGTH + _CHECKSUM_LENGTH}}}", re.ASCII)

ENTROPY_BYTES = 32


def api_key(entropy: bytes, *, live: bool) -> str:
    """The key made of this randomness."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"a key is made of {ENTROPY_BYTES} random bytes, not {len(entropy)}")
    body = f"{key_prefix(live=live)}{_base62(int.from_bytes(entropy), _SECRET_LENGTH)}"
    return body + _checksum(body)


def key_prefix(*, live: bool) -> str:
    """What every key of the kind begins with."""
    return f"caas_{'live' if live else 'test'}_sk_"


def is_well_formed(key: str) -> bool:
    """Whether this can be a key at all."""
    return _SHAPE.fullmatch(key) is not None and key[-_CHECKSUM_LENGTH:] == _checksum(key[:-_CHECKSUM_LENGTH])


def hash_of(key: str) -> str:
    """What is stored of a key."""
    return sha256(key.encode()).hexdigest()


def _checksum(text: str) -> str:
    return _base62(crc32(text.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    characters = []
    for _ in range(length):
        number, place = divmod(number, len(_BASE62))
        characters.append(_BASE62[place])
    return "".join(reversed(characters))
