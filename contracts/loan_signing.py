"""The signatures of one deployment: who has signed a loan's terms, and the engine's own under credit scores."""

from collections.abc import Mapping, Sequence
from typing import Any

from eth_account import Account

from contracts.typed_data import SigningDomain, sign_score, signer_of, terms_hash, typed_data
from models.chain_terms import ChainSite


class LoanSigning:
    """`activities.chain_originations.TermsSigning` for the contracts of a site."""

    def __init__(self, site: ChainSite, score_keys: Sequence[str] = ()) -> None:
        self._loans = SigningDomain("CreditAggregator", site.chain_id, site.aggregator)
        self._scores = SigningDomain("CreditScoringOracle", site.chain_id, site.oracle)
        # The oracle takes signatures in the order of their signers.
        self._score_keys = sorted(score_keys, key=lambda key: int(Account.from_key(key).address, 16))

    def terms_hash(self, terms: Mapping[str, Any]) -> str:
        """What the contract knows the terms by."""
        return terms_hash(terms)

    def approver(self, loan_key: str, terms: Mapping[str, Any], signature: str) -> str:
        """Who approves the loan with this signature."""
        return signer_of(typed_data(self._loans, "Approval", {"loanId": loan_key, "terms": terms}), signature)

    def lender(self, loan_key: str, terms: Mapping[str, Any], signature: str) -> str:
        """Who lends with this signature."""
        return signer_of(typed_data(self._loans, "Offer", {"loanId": loan_key, "terms": terms}), signature)

    def score_signatures(self, subject: str, score: Mapping[str, Any]) -> list[str]:
        """The engine's signatures under a score."""
        return [sign_score(key, self._scores, subject, score) for key in self._score_keys]
