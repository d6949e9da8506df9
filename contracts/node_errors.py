"""What nodes answer besides results: each brand in its own words, here in ours."""

import re
from typing import Any

from contracts.node import Sent

# As measured with anvil 1.7 and the dev node; the rest is what geth and its relatives are known to say. The order
# counts: a replacement that pays too little is "underpriced" whatever else its sentence says.
_SENTENCES = (
    (Sent.ALREADY_KNOWN, ("already known", "already imported", "known transaction", "already exists in")),
    (Sent.UNDERPRICED, ("underpriced", "less than block base fee", "fee too low", "fee is too low")),
    (Sent.NONCE_TOO_LOW, ("nonce too low", "nonce is too low", "old nonce")),
    (Sent.NONCE_TOO_HIGH, ("nonce too high", "nonce is too high", "nonce gap")),
)
_EXPECTED_NONCE = re.compile(r"expected (\d+),? (?:but )?got (\d+)", re.IGNORECASE)
_REVERTED_CODE = 3
_METHOD_UNKNOWN = -32601


class NodeError(Exception):
    """The node did not do what it was asked: an outage, unless it is one of the answers we know."""

    def __init__(self, method: str, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{method}: {message} ({code})")
        self.method = method
        self.code = code
        self.message = message
        self._data = data

    @property
    def is_revert(self) -> bool:
        """Whether a contract has refused, rather than the node."""
        return self.code == _REVERTED_CODE or "revert" in self.message.lower()

    @property
    def is_unknown_method(self) -> bool:
        """Whether the node has no such method."""
        return self.code == _METHOD_UNKNOWN

    @property
    def revert_data(self) -> bytes:
        """What the contract said; empty when the node does not pass it on."""
        data = self._data
        while isinstance(data, dict):  # some wrap it, one or two deep
            data = data.get("data", data.get("result"))
        text = data.removeprefix("Reverted ") if isinstance(data, str) else ""
        try:
            return bytes.fromhex(text.removeprefix("0x"))
        except ValueError:
            return b""

    @property
    def sent(self) -> Sent | None:
        """What it means for a raw transaction; None when it means nothing of the kind."""
        sentence = self.message.lower()
        for meaning, words in _SENTENCES:
            if any(each in sentence for each in words):
                return meaning
        if found := _EXPECTED_NONCE.search(sentence):
            expected, got = int(found[1]), int(found[2])
            return Sent.NONCE_TOO_HIGH if got > expected else Sent.NONCE_TOO_LOW
        return None
