// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {RateLimiter} from "@openzeppelin/contracts/utils/RateLimiter.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ICollateralManager} from "./interfaces/ICollateralManager.sol";
import {ICreditAggregator} from "./interfaces/ICreditAggregator.sol";
import {ICreditScoringOracle} from "./interfaces/ICreditScoringOracle.sol";
import {LoanMath} from "./libraries/LoanMath.sol";
import {LoanStates} from "./libraries/LoanStates.sol";
import {TypedData} from "./libraries/TypedData.sol";

/// @title The life of a loan on chain, and the escrow of its lenders
/// @notice Pausing stops what puts money at risk (`originate`, `fund`, `startLiquidation`, `withdrawEscrow`). Paying in
/// and the ledger's bookkeeping stay open, so that a pause forces nobody into default.
/// @dev Money moves last. Tokens are pulled from the caller alone; everything else moves between balances held here,
/// whose sum the contract owns: escrow of lenders and treasury, and credit of loans.
contract CreditAggregator is
    ICreditAggregator,
    AccessControlDefaultAdminRules,
    Pausable,
    ReentrancyGuardTransient,
    EIP712
{
    using RateLimiter for RateLimiter.RefillingBucket;
    using SafeERC20 for IERC20;

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
    }

    /// @dev Borrower and lender are stored when they are not zero; the asset when tokens move here or in the collateral
    /// manager. So an unsecured loan over a rail is three slots.
    struct Record {
        Balance balance;
        Agreed agreed;
        bytes32 termsHash;
        address borrower;
        address lender;
        address asset;
        uint96 interestDue; // while an auction runs
        uint128 credit; // paid and not yet allocated
        uint128 forgiven; // principal
    }

    /// @notice Writes the loans.
    bytes32 public constant OPERATOR_ROLE = keccak256("OPERATOR_ROLE");
    /// @notice Approves loans by signature.
    bytes32 public constant UNDERWRITER_ROLE = keccak256("UNDERWRITER_ROLE");
    /// @notice Pauses; only the admin ends a pause.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    /// @notice The treasury's share of an auction's proceeds, in basis points.
    uint16 public constant LIQUIDATION_FEE_BPS = 500;

    /// @notice Where scores are read.
    ICreditScoringOracle public immutable oracle;
    /// @notice Who holds the collateral and runs the auctions.
    ICollateralManager public immutable collateral;
    /// @notice Whose escrow receives fees, and proceeds of loans without a lender.
    address public immutable treasury;

    mapping(bytes32 loanId => Record) private _loans;
    mapping(address lender => mapping(address asset => uint256)) private _escrow;
    mapping(address asset => AssetConfig) private _assets;
    mapping(address asset => RateLimiter.RefillingBucket) private _outflow;

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

    // ------------------------------------------------------------------------------------------------ the loan's life

    /// @inheritdoc ICreditAggregator
    function originate(bytes32 loanId, Terms calldata terms, bytes calldata lenderSignature, bytes[] calldata approvals)
        external
        onlyRole(OPERATOR_ROLE)
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
    function fund(bytes32 loanId, bytes32 opId, uint24 seq) external onlyRole(OPERATOR_ROLE) nonReentrant {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        _requireNotPaused();
        if (balance.state != State.Originated) revert BadState(loanId, balance.state);
        Agreed memory agreed = record.agreed;
        if (agreed.secured) _requireCovered(loanId, record.asset, agreed.principal);

        balance.outstanding = agreed.principal;
        emit Funded(loanId, opId, seq, agreed.principal);
        _save(record, balance, loanId, opId, State.Active, "funded");
        if (agreed.onChainFunds) {
            _takeEscrow(record.lender, record.asset, agreed.principal);
            IERC20(record.asset).safeTransfer(record.borrower, agreed.principal);
        }
    }

    /// @inheritdoc ICreditAggregator
    function repay(bytes32 loanId, bytes32 opId, uint24 seq, uint128 principal, uint96 interest)
        external
        onlyRole(OPERATOR_ROLE)
        nonReentrant
    {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        if (principal == 0 && interest == 0) revert AmountZero();
        // Interest may come after the last of the principal; nothing else may come to a closed loan.
        bool late = balance.state == State.Closed && principal == 0;
        if (!late && !LoanStates.isServiced(balance.state)) revert BadState(loanId, balance.state);
        if (principal > balance.outstanding) {
            revert AmountExceedsOutstanding(loanId, principal, balance.outstanding);
        }
        Agreed memory agreed = record.agreed;
        _requireBelowCap(loanId, agreed, uint256(balance.interestPaid) + interest);

        balance.outstanding -= principal;
        balance.interestPaid += interest;
        emit Repaid(loanId, opId, seq, principal, interest, balance.outstanding);
        _save(record, balance, loanId, opId, balance.outstanding == 0 ? State.Closed : balance.state, "repaid");
        if (agreed.onChainFunds) _collect(record, uint256(principal) + interest);
    }

    /// @inheritdoc ICreditAggregator
    function reverseRepayment(bytes32 loanId, bytes32 opId, uint24 seq, uint128 principal, uint96 interest)
        external
        onlyRole(OPERATOR_ROLE)
    {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        if (principal == 0 && interest == 0) revert AmountZero();
        Agreed memory agreed = record.agreed;
        if (agreed.onChainFunds) revert MoneyMovedOnChain(loanId);
        if (!LoanStates.isServiced(balance.state) && balance.state != State.Closed && balance.state != State.WrittenOff)
        revert BadState(loanId, balance.state);
        uint128 repaid = agreed.principal - balance.outstanding - record.forgiven;
        if (principal > repaid) revert AmountExceedsRepaid(loanId, principal, repaid);
        if (interest > balance.interestPaid) revert AmountExceedsRepaid(loanId, interest, balance.interestPaid);

        balance.outstanding += principal;
        balance.interestPaid -= interest;
        emit RepaymentReversed(loanId, opId, seq, principal, interest, balance.outstanding);
        _save(record, balance, loanId, opId, balance.state == State.Closed ? State.Active : balance.state, "reversed");
    }

    /// @inheritdoc ICreditAggregator
    function forgive(bytes32 loanId, bytes32 opId, uint24 seq, uint128 principal, bytes32 reason)
        external
        onlyRole(OPERATOR_ROLE)
    {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        if (principal == 0) revert AmountZero();
        if (!LoanStates.isServiced(balance.state)) revert BadState(loanId, balance.state);
        if (principal > balance.outstanding) {
            revert AmountExceedsOutstanding(loanId, principal, balance.outstanding);
        }

        balance.outstanding -= principal;
        record.forgiven += principal;
        emit Forgiven(loanId, opId, seq, principal, balance.outstanding, reason);
        _save(record, balance, loanId, opId, balance.outstanding == 0 ? State.Closed : balance.state, "forgiven");
    }

    /// @inheritdoc ICreditAggregator
    function transition(bytes32 loanId, bytes32 opId, uint24 seq, State to, bytes32 reason)
        external
        onlyRole(OPERATOR_ROLE)
    {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        if (!LoanStates.mayFollow(balance.state, to)) revert BadTransition(loanId, balance.state, to);
        if (to == State.Cancelled && balance.state != State.Originated) {
            // The payout came back whole, so it was never a loan. Tokens that left do not come back by word.
            Agreed memory agreed = record.agreed;
            if (agreed.onChainFunds) revert MoneyMovedOnChain(loanId);
            if (balance.outstanding != agreed.principal || balance.interestPaid != 0) {
                revert BadTransition(loanId, balance.state, to);
            }
            balance.outstanding = 0;
        }
        _save(record, balance, loanId, opId, to, reason);
    }

    /// @inheritdoc ICreditAggregator
    function writeOff(bytes32 loanId, bytes32 opId, uint24 seq, bytes32 reason)
        external
        onlyRole(OPERATOR_ROLE)
        nonReentrant
    {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        bool auctioned = balance.state == State.Liquidating;
        if (!auctioned && !LoanStates.isServiced(balance.state)) revert BadState(loanId, balance.state);
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
        NewTerms calldata newTerms,
        bytes calldata borrowerSignature,
        bytes calldata lenderSignature
    ) external onlyRole(OPERATOR_ROLE) nonReentrant {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        if (!LoanStates.isServiced(balance.state)) revert BadState(loanId, balance.state);
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
        record.balance = balance;
        emit Restructured(loanId, opId, seq, newTerms.agreementHash, newTerms.capitalized, balance.outstanding);
    }

    // ---------------------------------------------------------------------------------------------------- liquidation

    /// @inheritdoc ICreditAggregator
    function startLiquidation(bytes32 loanId, bytes32 opId, uint24 seq, uint96 interestDue)
        external
        onlyRole(OPERATOR_ROLE)
        nonReentrant
    {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        _requireNotPaused();
        Agreed memory agreed = record.agreed;
        if (!agreed.secured) revert NotSecured(loanId);
        if (!LoanStates.isServiced(balance.state)) revert BadState(loanId, balance.state);
        if (balance.state != State.Defaulted && !collateral.isLiquidatable(loanId)) {
            revert LiquidationNotAllowed(loanId);
        }
        _requireBelowCap(loanId, agreed, uint256(balance.interestPaid) + interestDue);

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
        Balance memory balance = record.balance;
        if (balance.state != State.Liquidating) revert BadState(loanId, balance.state);
        LoanMath.Split memory parts =
            LoanMath.split(amount, LIQUIDATION_FEE_BPS, record.interestDue, balance.outstanding);

        balance.outstanding -= parts.principal;
        balance.interestPaid += parts.interest;
        record.balance = balance;
        record.interestDue -= parts.interest;
        if (parts.surplus > 0) record.credit += parts.surplus;
        _shareProceeds(record, parts);
        emit LiquidationProceeds(loanId, parts.fee, parts.interest, parts.principal, parts.surplus);
    }

    /// @inheritdoc ICreditAggregator
    function settleLiquidation(bytes32 loanId, bytes32 opId, uint24 seq) external onlyRole(OPERATOR_ROLE) nonReentrant {
        (Record storage record, Balance memory balance) = _next(loanId, seq);
        if (balance.state != State.Liquidating) revert BadState(loanId, balance.state);
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

    // ---------------------------------------------------------------------------------------------------- anyone's money

    /// @inheritdoc ICreditAggregator
    function pay(bytes32 loanId, uint128 amount) external nonReentrant {
        Record storage record = _loans[loanId];
        State state = record.balance.state;
        if (state == State.None) revert LoanUnknown(loanId);
        if (!record.agreed.onChainFunds) revert NotOnChainFunds(loanId);
        if (amount == 0) revert AmountZero();
        if (!LoanStates.isServiced(state) && state != State.Liquidating && state != State.WrittenOff) {
            revert BadState(loanId, state);
        }
        uint128 credit = record.credit + amount;
        record.credit = credit;
        emit Paid(loanId, msg.sender, amount, credit);
        _pull(record.asset, amount);
    }

    /// @inheritdoc ICreditAggregator
    function returnCredit(bytes32 loanId) external nonReentrant {
        Record storage record = _loans[loanId];
        State state = record.balance.state;
        if (state == State.None) revert LoanUnknown(loanId);
        if (state != State.Closed) revert BadState(loanId, state);
        uint128 credit = record.credit;
        if (credit == 0) revert NothingToReturn(loanId);
        address borrower = record.borrower;
        record.credit = 0;
        emit CreditReturned(loanId, borrower, credit);
        IERC20(record.asset).safeTransfer(borrower, credit);
    }

    /// @inheritdoc ICreditAggregator
    function depositEscrow(address asset, uint256 amount) external nonReentrant {
        if (!_assets[asset].enabled) revert AssetNotSupported(asset);
        if (amount == 0) revert AmountZero();
        _escrow[msg.sender][asset] += amount;
        emit EscrowDeposited(msg.sender, asset, amount);
        _pull(asset, amount);
    }

    /// @inheritdoc ICreditAggregator
    function withdrawEscrow(address asset, uint256 amount, address to) external whenNotPaused nonReentrant {
        if (to == address(0)) revert ZeroAddress();
        if (amount == 0) revert AmountZero();
        _takeEscrow(msg.sender, asset, amount);
        emit EscrowWithdrawn(msg.sender, asset, to, amount);
        IERC20(asset).safeTransfer(to, amount);
    }

    // -------------------------------------------------------------------------------------------------------- the admin

    /// @notice Say whether loans may be made in an asset, and from which principal (base units) they need a second and a
    /// third approval; only the admin. Loans that exist go on.
    /// @param asset a token, or a currency by its ISO 4217 number
    function setAsset(address asset, AssetConfig calldata config) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (asset == address(0)) revert ZeroAddress();
        _assets[asset] = config;
        emit AssetConfigured(asset, config.second, config.third, config.enabled);
    }

    /// @notice Limit what leaves escrow, by withdrawal or to borrowers; only the admin.
    /// @param asset the token
    /// @param capacity base units that may leave at once; they refill evenly
    /// @param window seconds in which an empty allowance is full again; 0 lifts the limit
    function limitOutflow(address asset, uint208 capacity, uint48 window) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _outflow[asset].sync(bytes32(0));
        _outflow[asset].updateSettings(window, capacity);
        emit OutflowLimited(asset, capacity, window);
    }

    /// @notice Stop originations, payouts, liquidations and withdrawals at once.
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @notice End a pause; only the admin.
    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _unpause();
    }

    // ------------------------------------------------------------------------------------------------------- the reader

    /// @inheritdoc ICreditAggregator
    function loan(bytes32 loanId) external view returns (Loan memory) {
        Record storage record = _loans[loanId];
        Balance memory balance = record.balance;
        Agreed memory agreed = record.agreed;
        return Loan({
            termsHash: record.termsHash,
            borrower: record.borrower,
            lender: record.lender,
            asset: record.asset,
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
        return (record.asset, uint256(record.balance.outstanding) + record.interestDue);
    }

    /// @inheritdoc ICreditAggregator
    function creditOf(bytes32 loanId) external view returns (uint128) {
        return _loans[loanId].credit;
    }

    /// @inheritdoc ICreditAggregator
    function escrowOf(address lender, address asset) external view returns (uint256) {
        return _escrow[lender][asset];
    }

    /// @inheritdoc ICreditAggregator
    function approvalsNeeded(address asset, uint128 principal) public view returns (uint256) {
        AssetConfig memory config = _assets[asset];
        if (!config.enabled) revert AssetNotSupported(asset);
        if (principal >= config.third) return 3;
        return principal >= config.second ? 2 : 1;
    }

    /// @notice How an asset is configured; zeros when it never was.
    function assetConfig(address asset) external view returns (AssetConfig memory) {
        return _assets[asset];
    }

    /// @notice Base units of an asset that may leave escrow now; the greatest number when nothing limits it.
    function outflowAvailable(address asset) external view returns (uint256) {
        return _isLimited(asset) ? _outflow[asset].available(bytes32(0)) : type(uint256).max;
    }

    /// @inheritdoc ICreditAggregator
    function termsHash(Terms calldata terms) external pure returns (bytes32) {
        return TypedData.ofTerms(terms);
    }

    /// @notice The version of this contract and of the domain that is signed for.
    function version() external pure returns (string memory) {
        return "1";
    }

    // ------------------------------------------------------------------------------------------------------ one write

    /// @dev The loan and its balance as the write with this number finds them, the number taken.
    function _next(bytes32 loanId, uint24 seq) private view returns (Record storage record, Balance memory balance) {
        record = _loans[loanId];
        balance = record.balance;
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
    ) private {
        State from = balance.state;
        balance.state = to;
        record.balance = balance;
        if (from != to) emit StateChanged(loanId, opId, balance.seq, from, to, reason);
    }

    function _record(bytes32 loanId, Terms calldata terms, bytes32 hash) private {
        Record storage record = _loans[loanId];
        record.balance.state = State.Originated;
        record.agreed = Agreed({
            principal: terms.principal,
            maturity: terms.maturity,
            aprBps: terms.aprBps,
            interestCapBps: terms.interestCapBps,
            onChainFunds: terms.onChainFunds,
            secured: terms.secured
        });
        record.termsHash = hash;
        if (terms.borrower != address(0)) record.borrower = terms.borrower;
        if (terms.lender != address(0)) record.lender = terms.lender;
        if (terms.onChainFunds || terms.secured) record.asset = terms.asset;
    }

    function _apply(Agreed storage agreed, NewTerms calldata newTerms) private {
        agreed.principal += newTerms.capitalized;
        agreed.aprBps = newTerms.aprBps;
        agreed.interestCapBps = newTerms.interestCapBps;
        agreed.maturity = newTerms.maturity;
    }

    // ---------------------------------------------------------------------------------------------------------- money

    /// @dev What a repayment costs becomes the lender's escrow: first from the loan's credit, then from the caller.
    function _collect(Record storage record, uint256 amount) private {
        address asset = record.asset;
        uint256 fromCredit = Math.min(record.credit, amount);
        if (fromCredit > 0) record.credit -= uint128(fromCredit);
        _escrow[record.lender][asset] += amount;
        if (amount > fromCredit) _pull(asset, amount - fromCredit);
    }

    function _shareProceeds(Record storage record, LoanMath.Split memory parts) private {
        address asset = record.asset;
        address lender = record.lender == address(0) ? treasury : record.lender;
        _escrow[treasury][asset] += parts.fee;
        _escrow[lender][asset] += uint256(parts.interest) + parts.principal;
    }

    function _takeEscrow(address lender, address asset, uint256 amount) private {
        uint256 available = _escrow[lender][asset];
        if (amount > available) revert EscrowTooLow(lender, asset, amount, available);
        _escrow[lender][asset] = available - amount;
        if (_isLimited(asset)) _outflow[asset].consume(bytes32(0), amount);
    }

    /// @dev From the caller, last of all. A token that keeps a part for itself would leave balances here uncovered.
    function _pull(address asset, uint256 amount) private {
        uint256 before = IERC20(asset).balanceOf(address(this));
        IERC20(asset).safeTransferFrom(msg.sender, address(this), amount);
        if (IERC20(asset).balanceOf(address(this)) != before + amount) revert AssetNotSupported(asset);
    }

    function _isLimited(address asset) private view returns (bool) {
        return _outflow[asset]._window != 0;
    }

    // --------------------------------------------------------------------------------------------------- requirements

    function _requireNew(bytes32 loanId, bytes32 hash) private view {
        bytes32 known = _loans[loanId].termsHash;
        if (known == hash) revert AlreadyApplied(loanId);
        if (known != bytes32(0)) revert TermsConflict(loanId, known);
    }

    function _requireTerms(bytes32 loanId, Terms calldata terms) private view {
        if (terms.agreementHash == bytes32(0)) revert BadTerms(loanId, "agreementHash");
        if (terms.principal == 0) revert BadTerms(loanId, "principal");
        if (terms.maturity == 0) revert BadTerms(loanId, "maturity");
        if (terms.aprBps > 0 && terms.interestCapBps == 0) revert BadTerms(loanId, "interestCapBps");
        if (terms.asset == address(0)) revert BadTerms(loanId, "asset");
        if (terms.onChainFunds && terms.lender == address(0)) revert BadTerms(loanId, "lender");
        if (terms.onChainFunds || terms.secured) {
            if (terms.borrower == address(0)) revert BadTerms(loanId, "borrower");
            // A currency by its number is no token.
            if (terms.asset.code.length == 0) revert BadTerms(loanId, "asset");
        }
    }

    function _requireNewTerms(bytes32 loanId, NewTerms calldata newTerms, uint128 principal) private pure {
        if (newTerms.agreementHash == bytes32(0)) revert BadTerms(loanId, "agreementHash");
        if (newTerms.maturity == 0) revert BadTerms(loanId, "maturity");
        if (newTerms.aprBps > 0 && newTerms.interestCapBps == 0) revert BadTerms(loanId, "interestCapBps");
        if (newTerms.capitalized > type(uint128).max - principal) revert BadTerms(loanId, "capitalized");
    }

    /// @dev Sorted by address, so that one underwriter counts once; who writes loans does not approve them.
    function _requireApprovals(bytes32 loanId, bytes32 hash, Terms calldata terms, bytes[] calldata approvals)
        private
        view
    {
        uint256 needed = approvalsNeeded(terms.asset, terms.principal);
        if (approvals.length < needed) revert ApprovalsMissing(approvals.length, needed);
        bytes32 digest = _hashTypedDataV4(TypedData.ofApproval(loanId, hash));
        address last = address(0);
        for (uint256 i = 0; i < approvals.length; ++i) {
            (address signer,,) = ECDSA.tryRecoverCalldata(digest, approvals[i]);
            if (signer == address(0)) revert BadSignature(signer);
            if (!hasRole(UNDERWRITER_ROLE, signer)) revert NotUnderwriter(signer);
            if (hasRole(OPERATOR_ROLE, signer)) revert ApproverIsOperator(signer);
            if (signer <= last) revert ApprovalsNotSorted(signer);
            last = signer;
        }
    }

    /// @dev Lender and borrower may be contracts (ERC-1271).
    function _requireSignature(address signer, bytes32 structHash, bytes calldata signature) private view {
        if (!SignatureChecker.isValidSignatureNowCalldata(signer, _hashTypedDataV4(structHash), signature)) {
            revert BadSignature(signer);
        }
    }

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

    function _requireScore(Terms calldata terms) private view {
        if (terms.minScore == 0) return;
        (uint16 score,) = oracle.scoreOf(terms.subject);
        if (score < terms.minScore) revert ScoreTooLow(score, terms.minScore);
    }

    function _requireCovered(bytes32 loanId, address asset, uint128 principal) private view {
        (bool covered, uint256 needed, uint256 available) = collateral.covers(loanId, asset, principal);
        if (!covered) revert CollateralTooLow(loanId, needed, available);
    }

    function _requireBelowCap(bytes32 loanId, Agreed memory agreed, uint256 interest) private pure {
        uint256 cap = LoanMath.interestCap(agreed.principal, agreed.interestCapBps);
        if (interest > cap) revert InterestAboveCap(loanId, interest, cap);
    }

    function _requireAuctionOver(bytes32 loanId) private view {
        (, uint40 endsAt) = collateral.auctionOf(loanId);
        if (block.timestamp < endsAt) revert AuctionRunning(loanId);
    }

    function _grantRoles(bytes32 role, address[] memory accounts) private {
        for (uint256 i = 0; i < accounts.length; ++i) {
            if (accounts[i] == address(0)) revert ZeroAddress();
            _grantRole(role, accounts[i]);
        }
    }
}
