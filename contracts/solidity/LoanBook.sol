// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Assets} from "./Assets.sol";
import {ICreditAggregator} from "./interfaces/ICreditAggregator.sol";

/// @title The records of loans, and how one write changes one
/// @notice Packed so that a repayment changes one slot, and an unsecured loan over a rail fills three.
abstract contract LoanBook is Assets {
    /// @dev What every write changes: one slot.
    struct Balance {
        uint128 outstanding;
        uint96 interestPaid;
        uint24 seq;
        State state;
    }

    /// @dev What was agreed, one slot; only a restructuring changes it.
    struct Agreed {
        uint128 principal;
        uint40 maturity;
        uint16 aprBps;
        uint16 interestCapBps;
        bool onChainFunds;
        bool secured;
        uint40 assetNumber; // in `Assets`; 0 when no tokens move, neither here nor in the collateral manager
    }

    /// @dev Borrower and lender are stored when they are not zero. So an unsecured loan over a rail is three slots.
    struct Record {
        Balance balance;
        Agreed agreed;
        bytes32 termsHash;
        address borrower;
        address lender;
        uint96 interestDue; // while an auction runs
        uint128 credit; // paid and not yet allocated
        uint128 forgiven; // principal
    }

    mapping(bytes32 loanId => Record) internal _loans;

    /// @inheritdoc ICreditAggregator
    function loan(bytes32 loanId) external view returns (Loan memory) {
        Record storage record = _loans[loanId];
        Balance memory balance = _balance(record);
        Agreed memory agreed = _agreed(record);
        return Loan({
            termsHash: record.termsHash,
            borrower: record.borrower,
            lender: record.lender,
            asset: _assetNumbered(agreed.assetNumber),
            principal: agreed.principal,
            outstanding: balance.outstanding,
            interestPaid: balance.interestPaid,
            seq: balance.seq,
            aprBps: agreed.aprBps,
            interestCapBps: agreed.interestCapBps,
            maturity: agreed.maturity,
            state: balance.state,
            onChainFunds: agreed.onChainFunds,
            secured: agreed.secured
        });
    }

    /// @inheritdoc ICreditAggregator
    function stateOf(bytes32 loanId) external view returns (State) {
        return _loans[loanId].balance.state;
    }

    /// @inheritdoc ICreditAggregator
    function debtOf(bytes32 loanId) external view returns (address asset, uint256 amount) {
        Record storage record = _loans[loanId];
        return (_assetOf(record), uint256(record.balance.outstanding) + record.interestDue);
    }

    /// @inheritdoc ICreditAggregator
    function creditOf(bytes32 loanId) external view returns (uint128) {
        return _loans[loanId].credit;
    }

    function _requireNew(bytes32 loanId, bytes32 hash) internal view {
        bytes32 known = _loans[loanId].termsHash;
        if (known == hash) revert AlreadyApplied(loanId);
        if (known != bytes32(0)) revert TermsConflict(loanId, known);
    }

    /// @dev The loan and its balance as the write with this number finds them, the number taken.
    function _next(bytes32 loanId, uint24 seq) internal view returns (Record storage record, Balance memory balance) {
        record = _loans[loanId];
        balance = _balance(record);
        if (balance.state == State.None) revert LoanUnknown(loanId);
        if (seq != uint256(balance.seq) + 1) revert BadSequence(loanId, seq, balance.seq);
        balance.seq = seq;
    }

    /// @dev One write of the hot slot; a change of state is always an event.
    function _save(
        Record storage record,
        Balance memory balance,
        bytes32 loanId,
        bytes32 opId,
        State to,
        bytes32 reason
    ) internal {
        State from = balance.state;
        balance.state = to;
        record.balance = balance;
        if (from != to) emit StateChanged(loanId, opId, balance.seq, from, to, reason);
    }

    function _balance(Record storage record) internal view returns (Balance memory) {
        return record.balance;
    }

    function _closedIfPaid(Balance memory balance) internal pure returns (State) {
        return balance.outstanding == 0 ? State.Closed : balance.state;
    }

    function _agreed(Record storage record) internal view returns (Agreed memory) {
        return record.agreed;
    }

    function _assetOf(Record storage record) internal view returns (address) {
        return _assetNumbered(record.agreed.assetNumber);
    }

    function _lower(bytes32 loanId, Balance memory balance, uint128 principal) internal pure {
        if (principal > balance.outstanding) {
            revert AmountExceedsOutstanding(loanId, principal, balance.outstanding);
        }
        balance.outstanding -= principal;
    }

    function _requireRepaid(bytes32 loanId, uint128 amount, uint128 repaid) internal pure {
        if (amount > repaid) revert AmountExceedsRepaid(loanId, amount, repaid);
    }

    function _requireState(bytes32 loanId, State state, bool isRight) internal pure {
        if (!isRight) revert BadState(loanId, state);
    }

    function _record(bytes32 loanId, Terms memory terms, bytes32 hash) internal {
        _loans[loanId].termsHash = hash;
        Record storage record = _loans[loanId];
        record.balance.state = State.Originated;
        record.agreed = Agreed({
            principal: terms.principal,
            maturity: terms.maturity,
            aprBps: terms.aprBps,
            interestCapBps: terms.interestCapBps,
            onChainFunds: terms.onChainFunds,
            secured: terms.secured,
            assetNumber: terms.onChainFunds || terms.secured ? _numberOf(terms.asset) : 0
        });
        if (terms.borrower != address(0)) record.borrower = terms.borrower;
        if (terms.lender != address(0)) record.lender = terms.lender;
    }

    function _apply(Agreed storage agreed, NewTerms memory newTerms) internal {
        agreed.principal += newTerms.capitalized;
        agreed.aprBps = newTerms.aprBps;
        agreed.interestCapBps = newTerms.interestCapBps;
        agreed.maturity = newTerms.maturity;
    }
}
