"""A chain that keeps state: accounts with nonces, a pool, blocks, and contracts in a few lines that refuse as ours do.

The state is always that of replaying the blocks, so a reorganization is a shorter list of blocks.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from contracts.node import Block, ContractEvent, Fees, Receipt, Sent, SignedTransaction, Slot
from models.chain import Call, ContractRefused

GWEI = 10**9
CHAIN_ID = 31337
ALICE, BOB = "0x" + "a1" * 20, "0x" + "b0" * 20
AGGREGATOR = "CreditAggregator"


class NodeDown(ConnectionError):
    """The node does not answer."""


def key(number: int) -> str:
    return f"0x{number:064x}"


@dataclass(frozen=True)
class Transaction:
    """What `signed` makes and `send` takes."""

    call: Call
    slot: Slot

    @property
    def raw(self) -> str:
        slot = self.slot
        return json.dumps(
            [
                [self.call.contract, self.call.function, list(self.call.arguments)],
                [slot.signer, slot.nonce, slot.gas, slot.fees.max_fee, slot.fees.priority_fee],
            ]
        )

    @property
    def hash(self) -> str:
        return f"0x{hashlib.sha256(self.raw.encode()).hexdigest()}"

    @classmethod
    def of(cls, raw: str) -> "Transaction":
        (contract, function, arguments), (signer, nonce, gas, max_fee, priority) = json.loads(raw)
        return cls(Call(contract, function, tuple(arguments)), Slot(signer, nonce, gas, Fees(max_fee, priority)))


@dataclass
class World:
    """What the contracts know after some blocks."""

    loans: dict[str, dict[str, Any]] = field(default_factory=dict)
    scores: dict[str, dict[str, Any]] = field(default_factory=dict)
    margin_calls: dict[str, int] = field(default_factory=dict)
    nonces: dict[str, int] = field(default_factory=dict)
    pledged: set[str] = field(default_factory=set)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    events: list[ContractEvent] = field(default_factory=list)

    def apply(self, call: Call) -> list[tuple[str, dict[str, Any]]]:
        """The events of a write; raises what the contract says no with, and then nothing has changed."""
        write: Callable[[Call], list[tuple[str, dict[str, Any]]]] = getattr(self, f"_{call.function}", self._sequenced)
        return write(call)

    def _originate(self, call: Call) -> list[tuple[str, dict[str, Any]]]:
        loan_key, terms = call.arguments[:2]
        known = self.loans.get(loan_key)
        if known and known["termsHash"] == hash_of(terms):
            raise refusal("AlreadyApplied", loan_key)
        if known:
            raise refusal("TermsConflict", loan_key, known["termsHash"])
        self.loans[loan_key] = {"seq": 0, "termsHash": hash_of(terms), "outstanding": 0}
        return [("Originated", {"loanId": loan_key, "termsHash": hash_of(terms)})]

    def _sequenced(self, call: Call) -> list[tuple[str, dict[str, Any]]]:
        loan_key, op_id, sequence, *amounts = call.arguments
        loan = self.loans.get(loan_key)
        if loan is None:
            raise refusal("LoanUnknown", loan_key)
        if sequence != loan["seq"] + 1:
            raise refusal("BadSequence", loan_key, sequence, loan["seq"])
        if call.function == "repay" and amounts[0] > loan["outstanding"]:
            raise refusal("AmountExceedsOutstanding", loan_key, amounts[0], loan["outstanding"])
        loan["seq"] = sequence
        loan["outstanding"] += {"fund": 1_000, "repay": -amounts[0] if amounts else 0}[call.function]
        return [
            ({"fund": "Funded", "repay": "Repaid"}[call.function], {"loanId": loan_key, "opId": op_id, "seq": sequence})
        ]

    def _publish(self, call: Call) -> list[tuple[str, dict[str, Any]]]:
        subject, score = call.arguments[:2]
        if self.scores.get(subject) == score:
            raise refusal("AlreadyPublished", subject)
        self.scores[subject] = score
        return [("ScorePublished", {"subject": subject, **score})]

    def _marginCall(self, call: Call) -> list[tuple[str, dict[str, Any]]]:  # noqa: N802 - as the contract spells it
        (loan_key,) = call.arguments
        if cure_by := self.margin_calls.get(loan_key):
            raise refusal("MarginCallRunning", loan_key, cure_by)
        self.margin_calls[loan_key] = 1_000
        return [("MarginCalled", {"loanId": loan_key, "cureBy": 1_000})]

    def _clearMarginCall(self, call: Call) -> list[tuple[str, dict[str, Any]]]:  # noqa: N802 - as the contract spells it
        (loan_key,) = call.arguments
        if not self.margin_calls.pop(loan_key, None):
            raise refusal("NoMarginCall", loan_key)
        return [("MarginCallCured", {"loanId": loan_key})]

    def _release(self, call: Call) -> list[tuple[str, dict[str, Any]]]:
        (loan_key,) = call.arguments
        if loan_key not in self.pledged:
            raise refusal("NothingToRelease", loan_key)
        self.pledged.remove(loan_key)
        return [("Released", {"loanId": loan_key})]

    def _returnCredit(self, call: Call) -> list[tuple[str, dict[str, Any]]]:  # noqa: N802 - as the contract spells it
        raise refusal("NothingToReturn", call.arguments[0])

    def answer(self, call: Call) -> Any:
        """What a view function says."""
        subject = call.arguments[0]
        none: dict[str, Any] = {"seq": 0, "termsHash": key(0), "outstanding": 0}
        views: dict[str, Callable[[], Any]] = {
            "loan": lambda: self.loans.get(subject, none),
            "termsHash": lambda: hash_of(subject),
            "latest": lambda: self.scores.get(subject, {"score": 0, "issuedAt": 0}),
            "marginCallOf": lambda: self.margin_calls.get(subject, 0),
            "hasCollateral": lambda: subject in self.pledged,
            "creditOf": lambda: 0,
        }
        view = views.get(call.function)
        return view() if view else self.apply(call)


def hash_of(terms: Any) -> str:
    return f"0x{hashlib.sha256(json.dumps(terms, sort_keys=True).encode()).hexdigest()}"


def refusal(error: str, *values: Any) -> ContractRefused:
    return ContractRefused(f"the contract refuses: {error}{values}", error=error, values=values)


class FakeNode:
    """A node. Blocks come as soon as something is sent, unless `mines` is off."""

    def __init__(self) -> None:
        self.mines = True
        self.base_fee = GWEI
        self.blocks: list[list[Transaction]] = [[]]
        self.forks: list[int] = [0]
        self.pool: dict[tuple[str, int], Transaction] = {}
        self.sent: list[str] = []
        self.pledged: set[str] = set()
        self.down_for: dict[str, int] = {}
        """How many calls of a method fail before it answers again; `after_send` takes the transaction and fails."""
        self.before_mining: list[Transaction] = []
        """What somebody else gets into the next block first."""
        self.refuses_gaps = False

    # -------------------------------------------------------- what a test does to it

    def mine(self, blocks: int = 1) -> None:
        """Put everything that is ready and pays enough into a block."""
        for _ in range(blocks):
            nonces = dict(self.world.nonces)
            block, self.before_mining = list(self.before_mining), []
            for (signer, nonce), transaction in sorted(self.pool.items(), key=lambda item: item[0]):
                if nonce == nonces.get(signer, 0) and transaction.slot.fees.max_fee >= self.base_fee:
                    block.append(transaction)
                    nonces[signer] = nonce + 1
            self.blocks.append(block)
            self.forks.append(self.forks[-1])
            self.pool = {at: each for at, each in self.pool.items() if at[1] >= self.world.nonces.get(at[0], 0)}

    def lose_pool(self) -> None:
        self.pool.clear()

    def reorganize(self, depth: int) -> None:
        """The last blocks are replaced by empty ones."""
        fork = max(self.forks) + 1
        self.blocks[-depth:] = [[] for _ in range(depth)]
        self.forks[-depth:] = [fork] * depth

    def nonce_used_by_stranger(self, signer: str) -> None:
        """Somebody with the same key, who keeps no record of ours."""
        nonce = self.world.nonces.get(signer, 0)
        call = Call(AGGREGATOR, "originate", (key(900 + nonce), {"by": "stranger"}))
        self.blocks.append([Transaction(call, Slot(signer, nonce, 1, Fees(GWEI, GWEI)))])
        self.forks.append(self.forks[-1])

    @property
    def world(self) -> World:
        return self.world_at(len(self.blocks) - 1)

    @property
    def mined(self) -> list[Transaction]:
        return [transaction for block in self.blocks for transaction in block]

    def world_at(self, last: int) -> World:
        world = World(pledged=set(self.pledged))
        for number, block in enumerate(self.blocks[: last + 1]):
            for transaction in block:
                slot = transaction.slot
                world.nonces[slot.signer] = slot.nonce + 1
                try:
                    said = world.apply(transaction.call)
                except ContractRefused:
                    said = None
                events = [self._event(number, transaction, *each) for each in said or ()]
                world.events += events
                world.receipts[transaction.hash] = Receipt(
                    transaction.hash, number, self._hash(number), said is not None, 50_000, tuple(events)
                )
        return world

    # -------------------------------------------------------- ChainNode

    async def chain_id(self) -> int:
        return CHAIN_ID

    async def head(self) -> Block:
        block = await self.block(len(self.blocks) - 1)
        assert block
        return block

    async def block(self, number: int) -> Block | None:
        if number >= len(self.blocks):
            return None
        return Block(number, self._hash(number), self._hash(number - 1), 1_000 + number)

    async def events(self, first: int, last: int, *, loan_key: str | None = None) -> Sequence[ContractEvent]:
        return [
            each
            for each in self.world.events
            if first <= each.block_number <= last
            and loan_key in {None, each.arguments.get("loanId"), each.arguments.get("subject")}
        ]

    async def read(self, call: Call, *, block: int | None = None) -> Any:
        return self.world_at(len(self.blocks) - 1 if block is None else block).answer(call)

    async def estimate(self, call: Call, *, sender: str) -> int:
        self._maybe_fail("estimate")
        assert sender in {ALICE, BOB}
        self.world.apply(call)
        return 50_000

    async def fees(self) -> Fees:
        return Fees(2 * self.base_fee + GWEI, GWEI)

    async def next_nonce(self, signer: str) -> int:
        nonce = self.world.nonces.get(signer, 0)
        while (signer, nonce) in self.pool:
            nonce += 1
        return nonce

    async def balance(self, signer: str) -> int:
        return {ALICE: 3, BOB: 2}[signer] * 10**18

    def signed(self, call: Call, slot: Slot) -> SignedTransaction:
        transaction = Transaction(replace(call, arguments=tuple(call.arguments)), slot)
        return SignedTransaction(transaction.raw, transaction.hash)

    async def send(self, raw: str) -> Sent:
        self._maybe_fail("send")
        self.sent.append(raw)
        transaction = Transaction.of(raw)
        answer = self._taken(transaction)
        self._maybe_fail("after_send")
        return answer

    async def receipt(self, tx_hash: str) -> Receipt | None:
        self._maybe_fail("receipt")
        return self.world.receipts.get(tx_hash)

    def _taken(self, transaction: Transaction) -> Sent:
        slot, at = transaction.slot, (transaction.slot.signer, transaction.slot.nonce)
        known, mined = self.pool.get(at), self.world.nonces.get(slot.signer, 0)
        if slot.nonce < mined:
            return Sent.NONCE_TOO_LOW
        if known and known.hash == transaction.hash:
            return Sent.ALREADY_KNOWN
        if known and slot.fees.max_fee * 10 < known.slot.fees.max_fee * 11:
            return Sent.UNDERPRICED
        if self.refuses_gaps and slot.nonce > mined:
            return Sent.NONCE_TOO_HIGH
        self.pool[at] = transaction
        if self.mines:
            self.mine()
        return Sent.ACCEPTED

    def _event(self, number: int, transaction: Transaction, name: str, arguments: dict[str, Any]) -> ContractEvent:
        return ContractEvent(
            contract=transaction.call.contract,
            address="0x" + "cc" * 20,
            name=name,
            arguments=arguments,
            block_number=number,
            block_hash=self._hash(number),
            tx_hash=transaction.hash,
            log_index=0,
        )

    def _hash(self, number: int) -> str:
        return f"0x{self.forks[max(number, 0)]:032x}{max(number, 0):032x}"

    def _maybe_fail(self, method: str) -> None:
        if left := self.down_for.get(method, 0):
            self.down_for[method] = left - 1
            raise NodeDown(method)
