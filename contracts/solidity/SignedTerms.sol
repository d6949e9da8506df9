// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {Assets} from "./Assets.sol";
import {ICreditAggregator} from "./interfaces/ICreditAggregator.sol";
import {TypedData} from "./libraries/TypedData.sol";

/// @title What a loan's terms must say, and who must have signed them
/// @notice Underwriters sign with keys of their own (ECDSA, 65 bytes); lenders and borrowers may be contracts.
abstract contract SignedTerms is Assets, EIP712 {
    /// @inheritdoc ICreditAggregator
    function termsHash(Terms memory terms) external pure returns (bytes32) {
        return TypedData.ofTerms(terms);
    }

    function _requireTerms(bytes32 loanId, Terms memory terms) internal view {
        if (terms.agreementHash == bytes32(0)) _badTerms(loanId, "agreementHash");
        if (terms.principal == 0) _badTerms(loanId, "principal");
        if (terms.maturity == 0) _badTerms(loanId, "maturity");
        if (terms.aprBps > 0 && terms.interestCapBps == 0) _badTerms(loanId, "interestCapBps");
        if (terms.asset == address(0)) _badTerms(loanId, "asset");
        if (terms.onChainFunds && terms.lender == address(0)) _badTerms(loanId, "lender");
        if (terms.onChainFunds || terms.secured) {
            if (terms.borrower == address(0)) _badTerms(loanId, "borrower");
            // A currency by its number is no token.
            if (terms.asset.code.length == 0) _badTerms(loanId, "asset");
        }
    }

    function _requireNewTerms(bytes32 loanId, NewTerms memory newTerms, uint128 principal) internal pure {
        if (newTerms.agreementHash == bytes32(0)) _badTerms(loanId, "agreementHash");
        if (newTerms.maturity == 0) _badTerms(loanId, "maturity");
        if (newTerms.aprBps > 0 && newTerms.interestCapBps == 0) _badTerms(loanId, "interestCapBps");
        if (newTerms.capitalized > type(uint128).max - principal) _badTerms(loanId, "capitalized");
    }

    /// @dev Sorted by address, so that one underwriter counts once; who writes loans does not approve them.
    function _requireApprovals(bytes32 loanId, bytes32 hash, Terms memory terms, bytes[] calldata approvals)
        internal
        view
    {
        uint256 needed = approvalsNeeded(terms.asset, terms.principal);
        if (approvals.length < needed) revert ApprovalsMissing(approvals.length, needed);
        bytes32 digest = _hashTypedDataV4(TypedData.ofApproval(loanId, hash));
        address last = address(0);
        for (uint256 i = 0; i < approvals.length; ++i) {
            // What is wrong with a signature that nobody can have made does not matter.
            // slither-disable-next-line unused-return
            (address signer,,) = ECDSA.tryRecoverCalldata(digest, approvals[i]);
            if (signer == address(0)) revert BadSignature(signer);
            if (!hasRole(UNDERWRITER_ROLE, signer)) revert NotUnderwriter(signer);
            if (hasRole(OPERATOR_ROLE, signer)) revert ApproverIsOperator(signer);
            if (signer <= last) revert ApprovalsNotSorted(signer);
            last = signer;
        }
    }

    /// @dev Lender and borrower may be contracts (ERC-1271).
    function _requireSignature(address signer, bytes32 structHash, bytes calldata signature) internal view {
        if (!SignatureChecker.isValidSignatureNowCalldata(signer, _hashTypedDataV4(structHash), signature)) {
            revert BadSignature(signer);
        }
    }

    /// @dev In one place, because each would carry code of its own.
    function _badTerms(bytes32 loanId, string memory field) private pure {
        revert BadTerms(loanId, field);
    }
}
