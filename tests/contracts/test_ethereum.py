"""The engine's node on a real chain with the real contracts: calls, refusals, signing, events, and typed data."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from pydantic import SecretStr

from contracts.addresses import AddressBook, AnotherChain
from contracts.connect import ChainNotConfigured, KeyInvalid, connect, node_at
from contracts.deployment import ensure_dev_deployed
from contracts.dev_accounts import DevAccounts
from contracts.dev_keys import OPERATOR_KEY
from contracts.devnode.process import dev_chain
from contracts.ethereum import GWEI, Ethereum
from contracts.node import Fees, Receipt, Sent, SignedTransaction, Slot
from contracts.node_errors import NodeError
from contracts.settings import ChainSettings
from contracts.typed_data import (
    SigningDomain,
    sign_approval,
    sign_offer,
    sign_restructuring,
    sign_score,
    signer_of,
    terms_hash,
    typed_data,
)
from contracts.words import BadArgument
from models.chain import Call, ContractRefused
from tests.contracts.nodes import serving

ACCOUNTS = DevAccounts()
AGGREGATOR, ORACLE = "CreditAggregator", "CreditScoringOracle"
FEES = Fees(10 * GWEI, GWEI)


def word(number: int) -> str:
    return f"0x{number:064x}"


def key_of(account: Any) -> str:
    return f"0x{bytes(account.key).hex()}"


@dataclass
class Chain:
    """The node, and the numbers that are used up on it."""

    node: Ethereum
    book: AddressBook
    url: str
    path: Path
    last_loan: int = 0

    @property
    def operator(self) -> str:
        return self.node.signers[0]

    def domain(self, contract: str) -> SigningDomain:
        return SigningDomain(contract, self.book.chain_id, self.book.contracts[contract])

    def new_loan(self) -> str:
        self.last_loan += 1
        return word(self.last_loan)

    def terms(self, **changes: Any) -> dict[str, Any]:
        return {
            "agreementHash": word(77),
            "subject": word(88),
            "borrower": ACCOUNTS.borrower.address,
            "lender": ACCOUNTS.lender.address,
            "asset": self.book.assets["USD"],
            "principal": 1_000_00,
            "aprBps": 1200,
            "interestCapBps": 5000,
            "minScore": 0,
            "maturity": 2_000_000_000,
            "signedUntil": 4_000_000_000,
            "onChainFunds": False,
            "secured": False,
        } | changes

    def origination(self, loan_key: str, terms: dict[str, Any]) -> Call:
        domain = self.domain(AGGREGATOR)
        approval = sign_approval(key_of(ACCOUNTS.underwriters[0]), domain, loan_key, terms)
        offer = sign_offer(key_of(ACCOUNTS.lender), domain, loan_key, terms)
        return Call(AGGREGATOR, "originate", (loan_key, terms, offer, [approval]))

    async def signed(self, call: Call, **changes: Any) -> SignedTransaction:
        slot = Slot(self.operator, await self.node.next_nonce(self.operator), 500_000, FEES)
        return self.node.signed(call, replace(slot, **changes))

    async def written(self, call: Call) -> Receipt:
        signed = await self.signed(call)
        assert await self.node.send(signed.raw) is Sent.ACCEPTED
        receipt = await self.node.receipt(signed.hash)
        assert receipt
        return receipt

    async def funded(self) -> str:
        loan_key = self.new_loan()
        await self.written(self.origination(loan_key, self.terms()))
        await self.written(Call(AGGREGATOR, "fund", (loan_key, word(500), 1)))
        return loan_key


@pytest.fixture(scope="module")
async def chain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    path = tmp_path_factory.mktemp("chain") / "addresses.json"
    async with serving(dev_chain(time.time)) as served:
        book = await ensure_dev_deployed(served.url, path)
        node = node_at(Ethereum, served.url, book, [OPERATOR_KEY])
        yield Chain(node, book, served.url, path)
        await node.close()


async def test_a_write_is_signed_sent_and_found_with_what_it_said(chain: Chain) -> None:
    loan_key, terms = chain.new_loan(), chain.terms()
    call = chain.origination(loan_key, terms)
    gas = await chain.node.estimate(call, sender=chain.operator)
    signed = await chain.signed(call, gas=gas)

    sent = await chain.node.send(signed.raw)

    receipt = await chain.node.receipt(signed.hash)
    assert sent is Sent.ACCEPTED
    assert receipt
    assert receipt.succeeded
    assert receipt.gas_used <= gas
    (event,) = receipt.events
    assert (event.contract, event.name, event.tx_hash) == (AGGREGATOR, "Originated", signed.hash)
    assert event.arguments["loanId"] == loan_key
    assert event.arguments["termsHash"] == terms_hash(terms)
    assert event.arguments["principal"] == 1_000_00
    assert (await chain.node.block(receipt.block_number)) == await chain.node.head()


async def test_the_hash_of_terms_is_the_contracts(chain: Chain) -> None:
    for terms in (chain.terms(), chain.terms(secured=True, principal=2**128 - 1, minScore=850)):
        assert await chain.node.read(Call(AGGREGATOR, "termsHash", (terms,))) == terms_hash(terms)


async def test_a_struct_comes_back_as_an_object(chain: Chain) -> None:
    loan_key = await chain.funded()

    loan = await chain.node.read(Call(AGGREGATOR, "loan", (loan_key,)))

    assert (loan["seq"], loan["outstanding"], loan["state"]) == (1, 1_000_00, 2)
    assert loan["lender"] == ACCOUNTS.lender.address
    assert await chain.node.read(Call(AGGREGATOR, "debtOf", (loan_key,))) == {
        "asset": loan["asset"],
        "amount": 1_000_00,
    }


async def test_an_old_block_answers_as_it_was(chain: Chain) -> None:
    before = (await chain.node.head()).number
    loan_key = await chain.funded()

    assert await chain.node.read(Call(AGGREGATOR, "stateOf", (loan_key,)), block=before) == 0
    assert await chain.node.read(Call(AGGREGATOR, "stateOf", (loan_key,))) == 2


async def test_events_of_one_loan_are_found_among_those_of_all(chain: Chain) -> None:
    first = (await chain.node.head()).number + 1
    loan_key, other = await chain.funded(), await chain.funded()
    last = (await chain.node.head()).number

    of_one = await chain.node.events(first, last, loan_key=loan_key)
    of_all = await chain.node.events(first, last)

    assert [each.name for each in of_one] == ["Originated", "Funded", "StateChanged"]
    assert of_one[1].arguments == {"loanId": loan_key, "opId": word(500), "seq": 1, "principal": 1_000_00}
    assert {each.arguments["loanId"] for each in of_all} == {loan_key, other}
    assert list(of_all) == sorted(of_all, key=lambda each: (each.block_number, each.log_index))


async def test_estimates_and_reads_say_what_the_contract_says_no_with(chain: Chain) -> None:
    loan_key = await chain.funded()
    late = Call(AGGREGATOR, "repay", (loan_key, word(501), 1, 10, 0))

    with pytest.raises(ContractRefused) as estimated:
        await chain.node.estimate(late, sender=chain.operator)
    with pytest.raises(ContractRefused) as tried:
        await chain.node.read(late)

    assert (estimated.value.error, estimated.value.values) == ("BadSequence", (loan_key, 1, 1))
    assert (tried.value.error, tried.value.values) == ("BadSequence", (loan_key, 1, 1))


async def test_who_may_not_write_is_told_so_by_openzeppelins_error(chain: Chain) -> None:
    call = chain.origination(chain.new_loan(), chain.terms())

    with pytest.raises(ContractRefused) as refused:
        await chain.node.estimate(call, sender=ACCOUNTS.borrower.address)

    assert refused.value.error == "AccessControlUnauthorizedAccount"
    assert refused.value.values[0] == ACCOUNTS.borrower.address


async def test_a_refused_write_is_mined_and_the_same_call_at_its_block_says_why(chain: Chain) -> None:
    loan_key = await chain.funded()
    call = Call(AGGREGATOR, "repay", (loan_key, word(502), 2, 9_000_00, 0))

    receipt = await chain.written(call)

    assert not receipt.succeeded
    with pytest.raises(ContractRefused) as refused:
        await chain.node.read(call, block=receipt.block_number)
    assert refused.value.error == "AmountExceedsOutstanding"


async def test_the_nodes_answers_to_transactions_are_told_apart(chain: Chain) -> None:
    call = chain.origination(chain.new_loan(), chain.terms())
    nonce = await chain.node.next_nonce(chain.operator)
    ahead = await chain.signed(call, nonce=nonce + 1)
    rival = await chain.signed(call, nonce=nonce + 1, fees=Fees(10 * GWEI + 1, GWEI))
    now = await chain.signed(call, nonce=nonce)

    answers = [await chain.node.send(each.raw) for each in (ahead, ahead, rival, now, now)]

    assert answers == [
        Sent.ACCEPTED,
        Sent.ALREADY_KNOWN,
        Sent.UNDERPRICED,
        Sent.ACCEPTED,
        Sent.NONCE_TOO_LOW,
    ]
    assert await chain.node.receipt(rival.hash) is None
    assert (await chain.node.next_nonce(chain.operator)) == nonce + 2


async def test_what_a_signer_cannot_pay_is_an_outage(chain: Chain) -> None:
    poor = Account.create()
    node = node_at(Ethereum, chain.url, chain.book, [key_of(poor)])
    signed = node.signed(Call("USDC", "mint", (poor.address, 1)), Slot(poor.address, 0, 100_000, FEES))

    with pytest.raises(NodeError, match="insufficient funds"):
        await node.send(signed.raw)

    assert await node.balance(poor.address) == 0
    await node.close()


async def test_tokens_go_by_their_symbols(chain: Chain) -> None:
    holds = await chain.node.read(Call("USDC", "balanceOf", (ACCOUNTS.lender.address,)))

    assert holds == 10_000_000 * 10**6


async def test_fees_have_room_for_the_base_fee_and_a_tip_of_a_gwei(chain: Chain) -> None:
    fees = await chain.node.fees()

    assert fees.priority_fee >= GWEI
    assert fees.max_fee > fees.priority_fee


async def test_a_score_is_published_under_its_signature(chain: Chain) -> None:
    now = (await chain.node.head()).timestamp
    score = {"score": 712, "issuedAt": now, "expiresAt": now + 1_000, "modelVersion": 3}
    signature = sign_score(key_of(ACCOUNTS.score_signer), chain.domain(ORACLE), word(900), score)
    publish = Call(ORACLE, "publish", (word(900), score, [signature]))

    receipt = await chain.written(publish)

    assert receipt.succeeded
    assert await chain.node.read(Call(ORACLE, "latest", (word(900),))) == score
    with pytest.raises(ContractRefused) as again:
        await chain.node.estimate(publish, sender=chain.operator)
    assert again.value.error == "AlreadyPublished"


async def test_a_restructuring_is_taken_under_both_signatures(chain: Chain) -> None:
    loan_key = await chain.funded()
    new_terms = {
        "agreementHash": word(78),
        "capitalized": 50_00,
        "aprBps": 900,
        "interestCapBps": 5000,
        "maturity": 2_100_000_000,
        "signedUntil": 4_000_000_000,
    }
    signatures = [
        sign_restructuring(key_of(who), chain.domain(AGGREGATOR), loan_key, 2, new_terms)
        for who in (ACCOUNTS.borrower, ACCOUNTS.lender)
    ]

    receipt = await chain.written(Call(AGGREGATOR, "restructure", (loan_key, word(503), 2, new_terms, *signatures)))

    assert receipt.succeeded
    assert (await chain.node.read(Call(AGGREGATOR, "loan", (loan_key,))))["outstanding"] == 1_050_00


async def test_the_signer_of_a_document_is_known_by_its_signature(chain: Chain) -> None:
    loan_key, terms, domain = word(1), chain.terms(), chain.domain(AGGREGATOR)
    document = typed_data(domain, "Offer", {"loanId": loan_key, "terms": terms})
    signature = sign_offer(key_of(ACCOUNTS.lender), domain, loan_key, terms)

    assert signer_of(document, signature) == ACCOUNTS.lender.address
    assert document["message"]["terms"]["principal"] == "100000"  # wallets count in doubles
    other = typed_data(domain, "Approval", {"loanId": loan_key, "terms": terms})
    assert signer_of(other, signature) != ACCOUNTS.lender.address


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        ("0x12", "must be 65 bytes, not 1"),
        ("0xzz", "must be 0x hex"),
        ("0x" + "11" * 64 + "00", "must end in 1b or 1c, not 00"),
        ("0x" + "11" * 32 + "f1" * 32 + "1b", "upper half of the curve"),
        ("0x" + "00" * 64 + "1b", "nobody can have made it"),
    ],
)
async def test_a_signature_that_contracts_would_not_take_is_refused(chain: Chain, signature: str, reason: str) -> None:
    document = typed_data(chain.domain(AGGREGATOR), "Offer", {"loanId": word(1), "terms": chain.terms()})

    with pytest.raises(BadArgument, match=reason) as refused:
        signer_of(document, signature)

    assert refused.value.field == "signature"


async def test_a_document_that_lacks_something_is_refused_by_its_name(chain: Chain) -> None:
    terms = chain.terms()
    del terms["lender"]

    with pytest.raises(BadArgument, match=r"Offer.terms.lender is missing"):
        typed_data(chain.domain(AGGREGATOR), "Offer", {"loanId": word(1), "terms": terms})


async def test_the_settings_lead_to_the_node(chain: Chain) -> None:
    settings = ChainSettings(rpc_url=chain.url, addresses=chain.path, operator_keys=SecretStr(OPERATOR_KEY))

    node = await connect(settings)

    assert node.signers == (ACCOUNTS.operator.address,)
    assert node.first_block == chain.book.first_block
    assert (await node.head()).number > 0
    assert OPERATOR_KEY[2:] not in repr(node) + repr(settings)
    await node.close()


async def test_another_chain_is_not_written_to(chain: Chain) -> None:
    node = node_at(Ethereum, chain.url, replace(chain.book, genesis=word(5)), [OPERATOR_KEY])

    with pytest.raises(AnotherChain):
        await node.next_nonce(chain.operator)

    await node.close()


async def test_a_key_that_is_none_is_named_by_its_place_alone(chain: Chain) -> None:
    settings = ChainSettings(
        rpc_url=chain.url, addresses=chain.path, operator_keys=SecretStr(f"{OPERATOR_KEY},0xsecret")
    )

    with pytest.raises(KeyInvalid, match=r"CAAS_CHAIN_OPERATOR_KEYS: entry 2 is no private key") as invalid:
        await connect(settings)

    assert "secret" not in str(invalid.value)
    assert invalid.value.__cause__ is None


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (ChainSettings(rpc_url=""), "CAAS_CHAIN_RPC_URL is empty"),
        (ChainSettings(rpc_url="http://127.0.0.1:1", addresses=None), "CAAS_CHAIN_ADDRESSES is empty"),
    ],
    ids=["no node", "no contracts"],
)
async def test_a_chain_that_is_not_configured_is_said_to_be_missing(settings: ChainSettings, reason: str) -> None:
    with pytest.raises(ChainNotConfigured, match=reason):
        await connect(settings)


async def test_a_signer_without_a_key_cannot_sign(chain: Chain) -> None:
    slot = Slot(ACCOUNTS.borrower.address, 0, 1, FEES)

    with pytest.raises(BadArgument, match=f"no key for {ACCOUNTS.borrower.address}"):
        chain.node.signed(Call("USDC", "mint", (ACCOUNTS.borrower.address, 1)), slot)
    with pytest.raises(BadArgument, match="no contract Nowhere in the address book"):
        chain.node.address("Nowhere")
