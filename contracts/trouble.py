"""What stands in the way of our contracts; each is one sentence that says what to do."""


class ChainTrouble(Exception):
    """Printed as it is, without a traceback."""


class NodeAway(ChainTrouble):
    """The node does not answer, or answers no JSON-RPC."""

    def __init__(self, rpc_url: str, reason: str) -> None:
        super().__init__(f"the node at {rpc_url} does not answer: {reason}")
