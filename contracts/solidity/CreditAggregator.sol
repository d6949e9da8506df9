// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ICollateralManager} from "./interfaces/ICollateralManager.sol";
import {ICreditAggregator} from "./interfaces/ICreditAggregator.sol";
import {ICreditScoringOracle} from "./interfaces/ICreditScoringOracle.sol";
import {LoanMath} from "./libraries/LoanMath.sol";
import {LoanStates} from "./libraries/LoanStates.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {LenderEscrow} from "./LenderEscrow.sol";
import {LoanBook} from "./LoanBook.sol";
import {SignedTerms} from "./SignedTerms.sol";

/// @title The life of a loan on chain, and the escrow of its lenders
/// @notice Pausing stops what puts money at risk (`originate`, `fund`, `startLiquidation`, `withdrawEscrow`). Paying in
/// and the ledger's bookkeeping stay open, so that a pause forces nobody into default.
/// @dev Money moves last. Tokens are pulled from the caller alone; everything else moves between balances held here,
/// whose sum the contract owns: escrow of lenders and treasury, and credit of loans.
contract CreditAggregator is LoanBook, LenderEscrow, SignedTerms {
    using SafeERC20 for IERC20;

    /// @notice The treasury's share of an auction's proceeds, in basis points.
    uint16 public constant LIQUIDATION_FEE_BPS = 500;

    /// @notice Where scores are read.
    ICreditScoringOracle public immutable oracle;
    /// @notice Who holds the collateral and runs the auctions.
    ICollateralManager public immutable collateral;
    /// @notice Whose escrow receives fees, and proceeds of loans without a lender.
    address public immutable treasury;

    /// @param adminDelay seconds that a handover of the admin role takes
    /// @param admin who configures assets, limits and roles, and ends a pause: a timelock
    constructor(
        uint48 adminDelay,
        address admin,
        ICreditScoringOracle oracle_,
        ICollateralManager collateral_,
        address treasury_,
        address[] memory operators,
        address[] memory underwriters,
        address[] memory pausers
    ) AccessControlDefaultAdminRules(adminDelay, admin) EIP712("CreditAggregator", "1") {
        if (address(oracle_) == address(0) || address(collateral_) == address(0) || treasury_ == address(0)) {
            revert ZeroAddress();
        }
        oracle = oracle_;
        collateral = collateral_;
        treasury = treasury_;
        _grantRoles(OPERATOR_ROLE, operators);
        _grantRoles(UNDERWRITER_ROLE, underwriters);
        _grantRoles(PAUSER_ROLE, pausers);
    }

    // ------------------------------------------------------------------------------------------------- the loan's life

    /// @inheritdoc ICreditAggregator
    function originate(bytes32 loanId, Terms memory terms, bytes calldata lenderSignature, bytes[] calldata approvals)
        external
        onlyOperator
    {
        bytes32 hash = TypedData.ofTerms(terms);
        _requireNew(loanId, hash);
        _requireNotPaused();
        _requireTerms(loanId, terms);
        if (terms.signedUntil < block.timestamp) revert SignatureExpired(terms.signedUntil);
        _requireApprovals(loanId, hash, terms, approvals);
        if (terms.lender != address(0)) {
            _requireSignature(terms.lender, TypedData.ofOffer(loanId, hash), lenderSignature);
        }
        _requireScore(terms);

        _record(loanId, terms, hash);
        emit Originated(
            loanId,
            hash,
            terms.agreementHash,
            terms.asset,
            terms.principal,
            terms.aprBps,
            terms.maturity,
            uint8(Math.min(approvals.length, type(uint8).max))
        );
    }

    /// @inheritdoc ICreditAggregator
    function fund(bytes32 loanId, bytes32 opId, uint24 seq) external onlyOperator nonReentrant {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        _requireNotPaused();
        _requireState(loanId, balance.state, balance.state == State.Originated);
        Agreed memory agreed = _agreed(record);
        if (agreed.secured) _requireCovered(loanId, _assetOf(record), agreed.principal);

        balance.outstanding = agreed.principal;
        emit Funded(loanId, opId, seq, agreed.principal);
        _save(record, balance, loanId, opId, State.Active, "funded");
        if (agreed.onChainFunds) {
            address asset = _assetOf(record);
            _takeEscrow(record.lender, asset, agreed.principal);
            IERC20(asset).safeTransfer(record.borrower, agreed.principal);
        }
    }

    /// @inheritdoc ICreditAggregator
    function repay(bytes32 loanId, bytes32 opId, uint24 seq, uint128 principal, uint96 interest)
        external
        onlyOperator
        nonReentrant
    {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        if (principal == 0 && interest == 0) revert AmountZero();
        // Interest may come after the last of the principal; nothing else may come to a closed loan.
        bool late = balance.state == State.Closed && principal == 0;
        _requireState(loanId, balance.state, late || LoanStates.isServiced(balance.state));
        Agreed memory agreed = _agreed(record);
        _requireBelowCap(loanId, agreed, balance.interestPaid, interest);

        _lower(loanId, balance, principal);
        balance.interestPaid += interest;
        emit Repaid(loanId, opId, seq, principal, interest, balance.outstanding);
        _save(record, balance, loanId, opId, _closedIfPaid(balance), "repaid");
        if (agreed.onChainFunds) _collect(record, uint256(principal) + interest);
    }

    /// @inheritdoc ICreditAggregator
    function reverseRepayment(bytes32 loanId, bytes32 opId, uint24 seq, uint128 principal, uint96 interest)
        external
        onlyOperator
    {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        if (principal == 0 && interest == 0) revert AmountZero();
        Agreed memory agreed = _agreed(record);
        if (agreed.onChainFunds) revert MoneyMovedOnChain(loanId);
        _requireState(loanId, balance.state, LoanStates.isReversible(balance.state));
        _requireRepaid(loanId, principal, agreed.principal - balance.outstanding - record.forgiven);
        _requireRepaid(loanId, interest, balance.interestPaid);

        balance.outstanding += principal;
        balance.interestPaid -= interest;
        emit RepaymentReversed(loanId, opId, seq, principal, interest, balance.outstanding);
        _save(record, balance, loanId, opId, balance.state == State.Closed ? State.Active : balance.state, "reversed");
    }

    /// @inheritdoc ICreditAggregator
    function forgive(bytes32 loanId, bytes32 opId, uint24 seq, uint128 principal, bytes32 reason)
        external
        onlyOperator
    {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        if (principal == 0) revert AmountZero();
        _requireState(loanId, balance.state, LoanStates.isServiced(balance.state));

        _lower(loanId, balance, principal);
        record.forgiven += principal;
        emit Forgiven(loanId, opId, seq, principal, balance.outstanding, reason);
        _save(record, balance, loanId, opId, _closedIfPaid(balance), "forgiven");
    }

    /// @inheritdoc ICreditAggregator
    function transition(bytes32 loanId, bytes32 opId, uint24 seq, State to, bytes32 reason) external onlyOperator {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        if (!LoanStates.mayFollow(balance.state, to)) revert BadTransition(loanId, balance.state, to);
        if (to == State.Cancelled && balance.state != State.Originated) {
            // The payout came back whole, so it was never a loan. Tokens that left do not come back by word.
            Agreed memory agreed = _agreed(record);
            if (agreed.onChainFunds) revert MoneyMovedOnChain(loanId);
            if (balance.outstanding != agreed.principal || balance.interestPaid != 0) {
                revert BadTransition(loanId, balance.state, to);
            }
            balance.outstanding = 0;
        }
        _save(record, balance, loanId, opId, to, reason);
    }

    /// @inheritdoc ICreditAggregator
    function writeOff(bytes32 loanId, bytes32 opId, uint24 seq, bytes32 reason) external onlyOperator nonReentrant {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        bool auctioned = balance.state == State.Liquidating;
        _requireState(loanId, balance.state, auctioned || LoanStates.isServiced(balance.state));
        if (auctioned) {
            _requireAuctionOver(loanId);
            record.interestDue = 0;
        }
        _save(record, balance, loanId, opId, State.WrittenOff, reason);
        if (auctioned) collateral.closeAuction(loanId);
    }

    /// @inheritdoc ICreditAggregator
    function restructure(
        bytes32 loanId,
        bytes32 opId,
        uint24 seq,
        NewTerms memory newTerms,
        bytes calldata borrowerSignature,
        bytes calldata lenderSignature
    ) external onlyOperator nonReentrant {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        _requireState(loanId, balance.state, LoanStates.isServiced(balance.state));
        _requireNewTerms(loanId, newTerms, record.agreed.principal);
        _requireConsent(
            record,
            TypedData.ofRestructuring(loanId, seq, newTerms),
            newTerms.signedUntil,
            borrowerSignature,
            lenderSignature
        );

        _apply(record.agreed, newTerms);
        balance.outstanding += newTerms.capitalized;
        _save(record, balance, loanId, opId, balance.state, "");
        emit Restructured(loanId, opId, seq, newTerms.agreementHash, newTerms.capitalized, balance.outstanding);
    }

    // ----------------------------------------------------------------------------------------------------- liquidation

    /// @inheritdoc ICreditAggregator
    function startLiquidation(bytes32 loanId, bytes32 opId, uint24 seq, uint96 interestDue)
        external
        onlyOperator
        nonReentrant
    {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        _requireNotPaused();
        Agreed memory agreed = _agreed(record);
        if (!agreed.secured) revert NotSecured(loanId);
        _requireState(loanId, balance.state, LoanStates.isServiced(balance.state));
        if (balance.state != State.Defaulted && !collateral.isLiquidatable(loanId)) {
            revert LiquidationNotAllowed(loanId);
        }
        _requireBelowCap(loanId, agreed, balance.interestPaid, interestDue);

        record.interestDue = interestDue;
        emit LiquidationStarted(loanId, opId, seq, balance.outstanding + interestDue);
        _save(record, balance, loanId, opId, State.Liquidating, "liquidation");
        collateral.startAuction(loanId);
    }

    /// @inheritdoc ICreditAggregator
    function auctionProceeds(bytes32 loanId, uint128 amount) external nonReentrant {
        if (msg.sender != address(collateral)) revert NotCollateralManager(msg.sender);
        if (amount == 0) revert AmountZero();
        Record storage record = _loans[loanId];
        Balance memory balance = _balance(record);
        _requireState(loanId, balance.state, balance.state == State.Liquidating);
        LoanMath.Split memory parts =
            LoanMath.split(amount, LIQUIDATION_FEE_BPS, record.interestDue, balance.outstanding);

        balance.outstanding -= parts.principal;
        balance.interestPaid += parts.interest;
        _save(record, balance, loanId, 0, balance.state, "");
        record.interestDue -= parts.interest;
        if (parts.surplus > 0) record.credit += parts.surplus;
        _shareProceeds(record, parts);
        emit LiquidationProceeds(loanId, parts.fee, parts.interest, parts.principal, parts.surplus);
    }

    /// @inheritdoc ICreditAggregator
    function settleLiquidation(bytes32 loanId, bytes32 opId, uint24 seq) external onlyOperator nonReentrant {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        _requireState(loanId, balance.state, balance.state == State.Liquidating);
        uint128 deficit = balance.outstanding + record.interestDue;
        State to = State.Closed;
        if (deficit > 0) {
            to = collateral.hasCollateral(loanId) ? State.Defaulted : State.WrittenOff;
            if (to == State.Defaulted) _requireAuctionOver(loanId);
        }

        record.interestDue = 0;
        emit LiquidationSettled(loanId, opId, seq, deficit);
        _save(record, balance, loanId, opId, to, "settled");
        collateral.closeAuction(loanId);
    }

    // -------------------------------------------------------------------------------------------------- anyone's money

    /// @inheritdoc ICreditAggregator
    function pay(bytes32 loanId, uint128 amount) external nonReentrant {
        Record storage record = _loans[loanId];
        State state = record.balance.state;
        if (state == State.None) revert LoanUnknown(loanId);
        if (!record.agreed.onChainFunds) revert NotOnChainFunds(loanId);
        if (amount == 0) revert AmountZero();
        _requireState(loanId, state, LoanStates.isOwed(state));
        uint128 credit = record.credit + amount;
        record.credit = credit;
        emit Paid(loanId, msg.sender, amount, credit);
        _pull(_assetOf(record), amount);
    }

    /// @inheritdoc ICreditAggregator
    function returnCredit(bytes32 loanId) external nonReentrant {
        Record storage record = _loans[loanId];
        State state = record.balance.state;
        if (state == State.None) revert LoanUnknown(loanId);
        _requireState(loanId, state, state == State.Closed || state == State.Cancelled);
        uint128 credit = record.credit;
        if (credit == 0) revert NothingToReturn(loanId);
        address borrower = record.borrower;
        record.credit = 0;
        emit CreditReturned(loanId, borrower, credit);
        IERC20(_assetOf(record)).safeTransfer(borrower, credit);
    }

    /// @notice The version of this contract and of the domain that is signed for.
    function version() external pure returns (string memory) {
        return "1";
    }

    // ----------------------------------------------------------------------------------------------------------- money

    /// @dev What a repayment costs becomes the lender's escrow: first from the loan's credit, then from the caller.
    function _collect(Record storage record, uint256 amount) private {
        address asset = _assetOf(record);
        uint256 fromCredit = Math.min(record.credit, amount);
        if (fromCredit > 0) record.credit -= uint128(fromCredit);
        _giveEscrow(record.lender, asset, amount);
        if (amount > fromCredit) _pull(asset, amount - fromCredit);
    }

    function _shareProceeds(Record storage record, LoanMath.Split memory parts) private {
        address asset = _assetOf(record);
        address lender = record.lender == address(0) ? treasury : record.lender;
        _giveEscrow(treasury, asset, parts.fee);
        _giveEscrow(lender, asset, uint256(parts.interest) + parts.principal);
    }

    // ---------------------------------------------------------------------------------------------------- requirements

    /// @dev A loan over a rail without a lender on chain has nobody to ask here; its agreement is off chain.
    function _requireConsent(
        Record storage record,
        bytes32 structHash,
        uint40 signedUntil,
        bytes calldata borrowerSignature,
        bytes calldata lenderSignature
    ) private view {
        address lender = record.lender;
        if (lender == address(0)) return; // implies that no tokens moved here
        if (signedUntil < block.timestamp) revert SignatureExpired(signedUntil);
        _requireSignature(lender, structHash, lenderSignature);
        if (record.agreed.onChainFunds) _requireSignature(record.borrower, structHash, borrowerSignature);
    }

    function _requireScore(Terms memory terms) private view {
        if (terms.minScore == 0) return;
        // The oracle refuses a score that has expired, so its end says nothing more.
        // slither-disable-next-line unused-return
        (uint16 score,) = oracle.scoreOf(terms.subject);
        if (score < terms.minScore) revert ScoreTooLow(score, terms.minScore);
    }

    function _requireCovered(bytes32 loanId, address asset, uint128 principal) private view {
        (bool covered, uint256 needed, uint256 available) = collateral.covers(loanId, asset, principal);
        if (!covered) revert CollateralTooLow(loanId, needed, available);
    }

    /// @dev A restructuring may put the cap below what is paid: then no more interest, but principal still.
    function _requireBelowCap(bytes32 loanId, Agreed memory agreed, uint96 paid, uint96 more) private pure {
        if (more == 0) return;
        uint256 interest = uint256(paid) + more;
        uint256 cap = LoanMath.interestCap(agreed.principal, agreed.interestCapBps);
        if (interest > cap) revert InterestAboveCap(loanId, interest, cap);
    }

    /// @dev The last second of an auction is still a buyer's.
    function _requireAuctionOver(bytes32 loanId) private view {
        // slither-disable-next-line unused-return
        (, uint40 endsAt) = collateral.auctionOf(loanId);
        if (block.timestamp <= endsAt) revert AuctionRunning(loanId);
    }
}
