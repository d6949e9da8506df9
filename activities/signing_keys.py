"""The keys of Standard Webhooks 1.0.0, each good for one version of signature and for nothing else.

    whsec_ + base64(24 to 64 random bytes)                        both sides hold it    v1,  HMAC-SHA256
    whsk_  + base64(32 byte seed, or the seed and its public key)  the sender's own      v1a, Ed25519
    whpk_  + base64(32 byte public key)                            anybody's             v1a, Ed25519

A signature names its version, and whoever forges one chooses the name. So the version is the key's to say: a public
key is never tried as a shared secret, which everybody would know.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a secret
PRIVATE_PREFIX = "whsk_"
PUBLIC_PREFIX = "whpk_"

_SHARED_BYTES = range(24, 65)
_POINT_BYTES = 32


class InvalidSecret(ValueError):
    """What should be a signing secret is none: a mistake of whoever configured it, not of who sent the message."""


@dataclass(frozen=True, slots=True)
class SharedKey:
    """The same key signs and verifies."""

    key: bytes = field(repr=False)
    version: str = "v1"

    def sign(self, content: bytes) -> bytes:
        return hmac.digest(self.key, content, hashlib.sha256)

    def knows(self, signature: bytes, content: bytes) -> bool:
        return hmac.compare_digest(self.sign(content), signature)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """Signs; who verifies needs only its public half."""

    key: Ed25519PrivateKey = field(repr=False)
    version: str = "v1a"

    def sign(self, content: bytes) -> bytes:
        return self.key.sign(content)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Verifies, and cannot sign."""

    key: Ed25519PublicKey
    version: str = "v1a"

    def knows(self, signature: bytes, content: bytes) -> bool:
        try:
            self.key.verify(signature, content)
        except InvalidSignature:
            return False
        return True


SigningKey = SharedKey | PrivateKey
VerificationKey = SharedKey | PublicKey


def new_secret(entropy: bytes) -> str:
    """A shared secret of these random bytes."""
    return SECRET_PREFIX + base64.b64encode(_of_shared_length(entropy)).decode()


def new_key_pair(entropy: bytes) -> tuple[str, str]:
    """A private key and its public half, of 32 random bytes."""
    public = Ed25519PrivateKey.from_private_bytes(entropy).public_key().public_bytes_raw()
    return (
        PRIVATE_PREFIX + base64.b64encode(entropy + public).decode(),
        PUBLIC_PREFIX + base64.b64encode(public).decode(),
    )


def public_half(private: str) -> str:
    """What a receiver needs to verify what this private key signs."""
    public = _private(private).key.public_key().public_bytes_raw()
    return PUBLIC_PREFIX + base64.b64encode(public).decode()


def signing_key(secret: str) -> SigningKey:
    """`whsec_` or `whsk_`; a shared secret may come without its prefix, as the reference libraries allow."""
    if secret.startswith(PUBLIC_PREFIX):
        raise InvalidSecret("a signing secret is not a public key: that one only verifies")
    return _private(secret) if secret.startswith(PRIVATE_PREFIX) else _shared(secret)


def verification_key(secret: str) -> VerificationKey:
    """`whsec_` or `whpk_`."""
    if secret.startswith(PRIVATE_PREFIX):
        raise InvalidSecret("a signing secret of the sender is not for others: verify with its public key, whpk_")
    return _public(secret) if secret.startswith(PUBLIC_PREFIX) else _shared(secret)


def _shared(secret: str) -> SharedKey:
    return SharedKey(_of_shared_length(_decoded(secret.removeprefix(SECRET_PREFIX))))


def _private(secret: str) -> PrivateKey:
    content = _decoded(secret.removeprefix(PRIVATE_PREFIX))
    if len(content) not in {_POINT_BYTES, 2 * _POINT_BYTES}:
        raise InvalidSecret(f"a private signing secret has 32 or 64 bytes, not {len(content)}")
    seed, public = content[:_POINT_BYTES], content[_POINT_BYTES:]
    key = Ed25519PrivateKey.from_private_bytes(seed)
    if public and public != key.public_key().public_bytes_raw():
        # Signed with one half, announced with the other: nobody could verify it, and the seed could leak.
        raise InvalidSecret("the halves of this private signing secret do not belong together")
    return PrivateKey(key)


def _public(secret: str) -> PublicKey:
    content = _decoded(secret.removeprefix(PUBLIC_PREFIX))
    if len(content) != _POINT_BYTES:
        raise InvalidSecret(f"a public key for signing secrets has 32 bytes, not {len(content)}")
    return PublicKey(Ed25519PublicKey.from_public_bytes(content))


def _of_shared_length(key: bytes) -> bytes:
    if len(key) not in _SHARED_BYTES:
        raise InvalidSecret(f"a signing secret has 24 to 64 random bytes, not {len(key)}")
    return key


def _decoded(text: str) -> bytes:
    """Standard base64, its padding whole or left out; a key has no second spelling than these two."""
    bare = text.rstrip("=")
    try:
        content = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidSecret("a signing secret is whsec_, whsk_ or whpk_ followed by base64") from error
    padded = base64.b64encode(content).decode()
    if text not in {padded, padded.rstrip("=")}:
        raise InvalidSecret("a signing secret is whsec_, whsk_ or whpk_ followed by base64")
    return content
