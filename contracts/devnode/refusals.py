"""What the node says no with, in the codes of JSON-RPC and the words of geth."""


class RpcError(Exception):
    """An answer with an `error`: its code, its sentence, and what a contract said with it."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data

    def as_json(self) -> dict[str, object]:
        """The member `error` of the answer."""
        return {"code": self.code, "message": self.message} | ({} if self.data is None else {"data": self.data})


class TransactionRefused(RpcError):
    """A raw transaction that is not taken."""

    def __init__(self, message: str) -> None:
        super().__init__(-32000, message)


class ExecutionFailed(RpcError):
    """A call ended without a result, and the contract said nothing."""

    def __init__(self, message: str) -> None:
        super().__init__(-32000, message)


class Reverted(RpcError):
    """The contract said no; `data` is what it said."""

    def __init__(self, reason: str | None, data: str) -> None:
        super().__init__(3, "execution reverted" + (f": {reason}" if reason else ""), data)


class InvalidParameters(RpcError):
    """A parameter is missing or is not what it should be."""

    def __init__(self, message: str) -> None:
        super().__init__(-32602, message)


class UnknownMethod(RpcError):
    """Nothing is called so here."""

    def __init__(self, method: str) -> None:
        super().__init__(-32601, f"the method {method} does not exist/is not available")


class InvalidRequest(RpcError):
    """Not a request of JSON-RPC 2.0."""

    def __init__(self, message: str) -> None:
        super().__init__(-32600, message)
