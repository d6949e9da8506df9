// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {RateLimiter} from "@openzeppelin/contracts/utils/RateLimiter.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {ICollateralManager} from "./interfaces/ICollateralManager.sol";
import {ICreditAggregator} from "./interfaces/ICreditAggregator.sol";
import {DutchAuction} from "./libraries/DutchAuction.sol";
import {LoanStates} from "./libraries/LoanStates.sol";
import {CollateralLedger} from "./CollateralLedger.sol";

/// @title Holds the collateral of loans, and sells it when it has to
/// @notice A pause stops what takes collateral away from a running loan (withdrawal, margin call, auction) and nothing
/// that helps its borrower: top-ups, clearing a margin call, and the release of what a loan without debt left here.
/// Tokens that change balances on their own are not to be configured; tokens that arrive without a deposit stay.
contract CollateralManager is CollateralLedger, ReentrancyGuardTransient, Pausable {
    using DutchAuction for DutchAuction.Sale;
    using SafeERC20 for IERC20;

    /// @dev One slot. `auctionStartedAt` is zero without an auction, `cureBy` without a margin call.
    struct Watch {
        uint64 depositBlock;
        uint40 cureBy;
        uint40 auctionStartedAt;
    }

    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    uint256 public constant MARGIN_CALL_FACTOR = 1.1e18;
    uint256 public constant LIQUIDATION_FACTOR = 1e18;
    uint256 public constant IMMEDIATE_LIQUIDATION_FACTOR = 0.95e18;
    uint40 public constant CURE_WINDOW = 24 hours;
    uint256 public constant MIN_LOT_VALUE = 100e8;
    uint256 public constant LIQUIDATION_FEE_BPS = 500; // of the proceeds; the aggregator takes it

    ICreditAggregator public immutable aggregator;

    mapping(bytes32 loanId => Watch) private _watches;

    modifier onlyAggregator() {
        if (msg.sender != address(aggregator)) revert NotAggregator(msg.sender);
        _;
    }

    constructor(uint48 adminDelay, address admin, ICreditAggregator aggregator_, address[] memory pausers)
        AccessControlDefaultAdminRules(adminDelay, admin)
    {
        if (address(aggregator_) == address(0)) revert ZeroAddress();
        aggregator = aggregator_;
        for (uint256 i = 0; i < pausers.length; ++i) {
            if (pausers[i] == address(0)) revert ZeroAddress();
            _grantRole(PAUSER_ROLE, pausers[i]);
        }
    }

    function version() external pure returns (string memory) {
        return "1";
    }

    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _unpause();
    }

    /// @inheritdoc ICollateralManager
    /// @dev A deposit stops payout and withdrawal for a block, and a new token takes one of few places and needs a price
    /// from then on. So a token's first deposit has to be worth something, and so has every one that a stranger makes.
    function deposit(bytes32 loanId, address token, uint256 amount) external nonReentrant {
        if (amount == 0) revert AmountZero();
        ICreditAggregator.Loan memory loan = aggregator.loan(loanId);
        if (!loan.secured) revert NotSecured(loanId);
        if (!_takesDeposits(loan.state)) revert BadState(loanId);
        _accepted(token);
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        // slither-disable-next-line incorrect-equality -- nothing has arrived: there is no other zero
        if (received == 0) revert AmountZero();
        if (msg.sender != loan.borrower || balanceOf(loanId, token) == 0) _requireLot(token, received);
        _credit(loanId, token, received);
        _watches[loanId].depositBlock = uint64(block.number);
        emit Deposited(loanId, token, msg.sender, received);
    }

    /// @inheritdoc ICollateralManager
    function withdrawExcess(bytes32 loanId, address token, uint256 amount) external nonReentrant whenNotPaused {
        if (amount == 0) revert AmountZero();
        ICreditAggregator.Loan memory loan = aggregator.loan(loanId);
        if (msg.sender != loan.borrower) revert NotBorrower(msg.sender);
        if (_isAuctioned(loanId)) revert AuctionRunning(loanId);
        if (loan.state != ICreditAggregator.State.Originated && loan.state != ICreditAggregator.State.Active) {
            revert BadState(loanId);
        }
        if (_watches[loanId].depositBlock >= block.number) revert SameBlock(loanId);
        _debit(loanId, token, amount);
        _consumeOutflow(token, amount);
        if (debtValue(loanId) > maxBorrow(loanId)) revert HealthTooLow(loanId, healthFactor(loanId));
        emit Withdrawn(loanId, token, msg.sender, amount);
        IERC20(token).safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc ICollateralManager
    /// @dev Nothing may hold a release for ever: the outflow limit lets go what fits into it and a later call fetches
    /// the rest, and a token that refuses the borrower stays and does not hold up the others.
    function release(bytes32 loanId) external nonReentrant {
        ICreditAggregator.Loan memory loan = aggregator.loan(loanId);
        if (loan.state != ICreditAggregator.State.Closed && loan.state != ICreditAggregator.State.Cancelled) {
            revert BadState(loanId);
        }
        address[] memory tokens = tokensOf(loanId);
        if (tokens.length == 0) revert NothingToRelease(loanId);
        bool some = false;
        for (uint256 i = 0; i < tokens.length; ++i) {
            if (_releaseToken(loanId, tokens[i], loan.borrower)) some = true;
        }
        if (!some) revert RateLimiter.RateLimitExceeded();
    }

    /// @inheritdoc ICollateralManager
    function marginCall(bytes32 loanId) external whenNotPaused {
        ICreditAggregator.Loan memory loan = aggregator.loan(loanId);
        if (!loan.secured) revert NotSecured(loanId);
        if (!LoanStates.isServiced(loan.state)) revert BadState(loanId);
        uint40 running = _watches[loanId].cureBy;
        if (running != 0) revert MarginCallRunning(loanId, running);
        uint256 factor = healthFactor(loanId);
        if (factor >= MARGIN_CALL_FACTOR) revert Healthy(loanId, factor);
        uint40 cureBy = uint40(block.timestamp) + CURE_WINDOW;
        _watches[loanId].cureBy = cureBy;
        emit MarginCalled(loanId, factor, cureBy);
    }

    /// @notice The loan is healthy again; anyone may say so. A call that nobody clears goes on running.
    function clearMarginCall(bytes32 loanId) external {
        if (_watches[loanId].cureBy == 0) revert NoMarginCall(loanId);
        uint256 factor = healthFactor(loanId);
        if (factor < MARGIN_CALL_FACTOR) revert HealthTooLow(loanId, factor);
        _watches[loanId].cureBy = 0;
        emit MarginCallCured(loanId, factor);
    }

    /// @notice Offer the collateral for six hours, at a falling share of its price; it ends a margin call.
    function startAuction(bytes32 loanId) external onlyAggregator whenNotPaused {
        if (_isAuctioned(loanId)) revert AuctionRunning(loanId);
        uint40 startedAt = uint40(block.timestamp);
        _watches[loanId].auctionStartedAt = startedAt;
        _watches[loanId].cureBy = 0;
        emit AuctionStarted(loanId, startedAt, startedAt + DutchAuction.DURATION);
    }

    function closeAuction(bytes32 loanId) external onlyAggregator {
        if (!_isAuctioned(loanId)) revert NoAuction(loanId);
        _watches[loanId].auctionStartedAt = 0;
        emit AuctionClosed(loanId);
    }

    /// @inheritdoc ICollateralManager
    /// @dev Nothing is sold beyond what is owed: an amount that costs more than the debt and the fee on it is cut to
    /// what costs them, up to a base unit of the token. `maxPay` is held against the whole amount, so it is a
    /// limit of the unit price as well.
    function take(bytes32 loanId, address token, uint256 amount, uint256 maxPay)
        external
        nonReentrant
        whenNotPaused
        returns (uint256 paid)
    {
        if (amount == 0) revert AmountZero();
        DutchAuction.Sale memory sale = _saleOf(loanId, token);
        paid = sale.costOf(amount);
        if (paid > maxPay) revert PriceAboveLimit(paid, maxPay);
        uint256 left = balanceOf(loanId, token);
        if (amount > left) revert BalanceTooLow(loanId, token, amount, left);
        if (paid < sale.owed) {
            if (amount < left) _requireLot(token, Math.min(amount, left - amount));
        } else {
            amount = Math.min(amount, sale.amountFor(sale.owed));
            paid = sale.costOf(amount);
        }
        _debit(loanId, token, amount);
        emit Taken(loanId, token, msg.sender, amount, paid);
        _payOver(loanId, sale.asset, paid);
        IERC20(token).safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc ICollateralManager
    function covers(bytes32 loanId, address asset, uint256 principal)
        external
        view
        returns (bool covered, uint256 needed, uint256 available)
    {
        if (_watches[loanId].depositBlock >= block.number) revert SameBlock(loanId);
        needed = _debtValue(asset, principal);
        available = maxBorrow(loanId);
        covered = needed <= available;
    }

    /// @inheritdoc ICollateralManager
    function isLiquidatable(bytes32 loanId) external view returns (bool) {
        ICreditAggregator.Loan memory loan = aggregator.loan(loanId);
        if (!loan.secured || !LoanStates.isServiced(loan.state)) return false;
        uint256 factor = healthFactor(loanId);
        if (factor < IMMEDIATE_LIQUIDATION_FACTOR) return true;
        uint40 cureBy = _watches[loanId].cureBy;
        return factor < LIQUIDATION_FACTOR && cureBy != 0 && block.timestamp > cureBy;
    }

    function marginCallOf(bytes32 loanId) external view returns (uint40 cureBy) {
        return _watches[loanId].cureBy;
    }

    function auctionOf(bytes32 loanId) external view returns (uint40 startedAt, uint40 endsAt) {
        startedAt = _watches[loanId].auctionStartedAt;
        if (startedAt != 0) endsAt = startedAt + DutchAuction.DURATION;
    }

    /// @notice What an amount would cost now, in the loan's asset.
    function auctionPrice(bytes32 loanId, address token, uint256 amount) external view returns (uint256) {
        return _saleOf(loanId, token).costOf(amount);
    }

    function collateralValue(bytes32 loanId) public view returns (uint256 sum) {
        address[] memory tokens = tokensOf(loanId);
        for (uint256 i = 0; i < tokens.length; ++i) {
            sum += _valueIn(loanId, tokens[i], _known(tokens[i]));
        }
    }

    /// @notice What is owed in the base currency; before funding the principal counts as owed.
    function debtValue(bytes32 loanId) public view returns (uint256) {
        if (aggregator.stateOf(loanId) == ICreditAggregator.State.Originated) {
            ICreditAggregator.Loan memory loan = aggregator.loan(loanId);
            return _debtValue(loan.asset, loan.principal);
        }
        (address asset, uint256 amount) = aggregator.debtOf(loanId);
        return _debtValue(asset, amount);
    }

    /// @notice What the collateral lets one borrow in the base currency; tokens that are disabled do not count.
    function maxBorrow(bytes32 loanId) public view returns (uint256 sum) {
        address[] memory tokens = tokensOf(loanId);
        for (uint256 i = 0; i < tokens.length; ++i) {
            TokenConfig memory config = _known(tokens[i]);
            if (config.enabled) sum += _share(_valueIn(loanId, tokens[i], config), config.ltvBps);
        }
    }

    /// @notice Collateral at its liquidation thresholds over debt; the greatest number there is without debt.
    function healthFactor(bytes32 loanId) public view returns (uint256) {
        uint256 debt = debtValue(loanId);
        // slither-disable-next-line incorrect-equality -- no debt at all; the least debt has a factor
        if (debt == 0) return type(uint256).max;
        address[] memory tokens = tokensOf(loanId);
        uint256 secured = 0;
        for (uint256 i = 0; i < tokens.length; ++i) {
            TokenConfig memory config = _known(tokens[i]);
            secured += _share(_valueIn(loanId, tokens[i], config), config.liquidationThresholdBps);
        }
        return Math.mulDiv(secured, WAD, debt);
    }

    function _releaseToken(bytes32 loanId, address token, address to) private returns (bool) {
        uint256 amount = Math.min(balanceOf(loanId, token), outflowAvailable(token));
        if (amount == 0) return false;
        _debit(loanId, token, amount);
        if (!IERC20(token).trySafeTransfer(to, amount)) {
            _credit(loanId, token, amount);
            return false;
        }
        _consumeOutflow(token, amount);
        emit Released(loanId, token, to, amount);
        return true;
    }

    function _payOver(bytes32 loanId, IERC20 asset, uint256 paid) private {
        uint256 before = asset.balanceOf(address(aggregator));
        asset.safeTransferFrom(msg.sender, address(aggregator), paid);
        uint256 received = asset.balanceOf(address(aggregator)) - before;
        aggregator.auctionProceeds(loanId, SafeCast.toUint128(received));
    }

    function _saleOf(bytes32 loanId, address token) private view returns (DutchAuction.Sale memory sale) {
        uint256 elapsed = _elapsed(loanId);
        (address asset, uint256 debt) = aggregator.debtOf(loanId);
        if (debt == 0) revert AuctionOver(loanId);
        TokenConfig memory sold = _known(token);
        TokenConfig memory due = _known(asset);
        sale.asset = IERC20(asset);
        sale.owed = DutchAuction.withFee(debt, LIQUIDATION_FEE_BPS);
        sale.tokenPrice = _price(token, sold) * DutchAuction.shareBps(elapsed);
        sale.tokenUnit = 10 ** sold.decimals * BPS;
        sale.assetPrice = _price(asset, due);
        sale.assetUnit = 10 ** due.decimals;
    }

    function _elapsed(bytes32 loanId) private view returns (uint256 elapsed) {
        uint256 startedAt = _watches[loanId].auctionStartedAt;
        if (startedAt == 0) revert NoAuction(loanId);
        elapsed = block.timestamp - startedAt;
        if (elapsed > DutchAuction.DURATION) revert AuctionOver(loanId);
    }

    /// @dev A small lot, or a small rest of a token, would cost a buyer more gas than it is worth and never be sold.
    /// The last of a token may be taken however small it is.
    function _requireLot(address token, uint256 amount) private view {
        TokenConfig memory config = _known(token);
        uint256 value = _value(amount, _price(token, config), config.decimals, Math.Rounding.Floor);
        if (value < MIN_LOT_VALUE) revert LotTooSmall(value, MIN_LOT_VALUE);
    }

    function _valueIn(bytes32 loanId, address token, TokenConfig memory config) private view returns (uint256) {
        return _value(balanceOf(loanId, token), _price(token, config), config.decimals, Math.Rounding.Floor);
    }

    function _debtValue(address asset, uint256 amount) private view returns (uint256) {
        if (amount == 0) return 0;
        TokenConfig memory config = _known(asset);
        return _value(amount, _price(asset, config), config.decimals, Math.Rounding.Ceil);
    }

    function _isAuctioned(bytes32 loanId) private view returns (bool) {
        return _watches[loanId].auctionStartedAt != 0;
    }

    function _takesDeposits(ICreditAggregator.State state) private pure returns (bool) {
        return state == ICreditAggregator.State.Originated || LoanStates.isServiced(state);
    }
}
