// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICreditAggregator} from "../interfaces/ICreditAggregator.sol";
import {ICreditScoringOracle} from "../interfaces/ICreditScoringOracle.sol";

/// @title What people and machines sign for a loan (EIP-712)
/// @notice Struct hashes only; each contract adds its own domain (its name, version "1", chain id, address).
/// @dev All members are of one word, so `abi.encode` of a struct is its `encodeData`.
library TypedData {
    // Literals, because only of those the compiler knows the hash.
    bytes32 internal constant TERMS_TYPE = keccak256(
        "Terms(bytes32 agreementHash,bytes32 subject,address borrower,address lender,address asset,"
        "uint128 principal,uint16 aprBps,uint16 interestCapBps,uint16 minScore,"
        "uint40 maturity,uint40 signedUntil,bool onChainFunds,bool secured)"
    );
    bytes32 internal constant OFFER_TYPE = keccak256(
        "Offer(bytes32 loanId,Terms terms)"
        "Terms(bytes32 agreementHash,bytes32 subject,address borrower,address lender,address asset,"
        "uint128 principal,uint16 aprBps,uint16 interestCapBps,uint16 minScore,"
        "uint40 maturity,uint40 signedUntil,bool onChainFunds,bool secured)"
    );
    bytes32 internal constant APPROVAL_TYPE = keccak256(
        "Approval(bytes32 loanId,Terms terms)"
        "Terms(bytes32 agreementHash,bytes32 subject,address borrower,address lender,address asset,"
        "uint128 principal,uint16 aprBps,uint16 interestCapBps,uint16 minScore,"
        "uint40 maturity,uint40 signedUntil,bool onChainFunds,bool secured)"
    );
    bytes32 internal constant NEW_TERMS_TYPE = keccak256(
        "NewTerms(bytes32 agreementHash,uint128 capitalized,uint16 aprBps,uint16 interestCapBps,"
        "uint40 maturity,uint40 signedUntil)"
    );
    bytes32 internal constant RESTRUCTURING_TYPE = keccak256(
        "Restructuring(bytes32 loanId,uint24 seq,NewTerms newTerms)"
        "NewTerms(bytes32 agreementHash,uint128 capitalized,uint16 aprBps,uint16 interestCapBps,"
        "uint40 maturity,uint40 signedUntil)"
    );
    bytes32 internal constant SCORE_TYPE =
        keccak256("Score(bytes32 subject,uint16 score,uint40 issuedAt,uint40 expiresAt,uint32 modelVersion)");

    function ofTerms(ICreditAggregator.Terms memory terms) internal pure returns (bytes32) {
        return keccak256(abi.encode(TERMS_TYPE, terms));
    }

    /// @notice The lender lends this, on these terms.
    function ofOffer(bytes32 loanId, bytes32 termsHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(OFFER_TYPE, loanId, termsHash));
    }

    /// @notice An underwriter answers for this loan, on these terms.
    function ofApproval(bytes32 loanId, bytes32 termsHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(APPROVAL_TYPE, loanId, termsHash));
    }

    /// @notice Bound to the write that carries it, so that one consent changes a loan once.
    function ofRestructuring(bytes32 loanId, uint24 seq, ICreditAggregator.NewTerms memory newTerms)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(RESTRUCTURING_TYPE, loanId, seq, keccak256(abi.encode(NEW_TERMS_TYPE, newTerms))));
    }

    function ofScore(bytes32 subject, ICreditScoringOracle.Score calldata score) internal pure returns (bytes32) {
        return keccak256(abi.encode(SCORE_TYPE, subject, score));
    }
}
