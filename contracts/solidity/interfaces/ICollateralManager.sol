// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Collateral of loans, in several tokens
/// @notice Values are in the base currency with 8 decimals; health factors are 1e18. Collateral is rounded down, debt up.
/// Prices come from push feeds alone, each with its own greatest age; a second feed may have to agree.
interface ICollateralManager {
    struct TokenConfig {
        address feed; // zero: the base currency itself, for debt only
        uint32 maxAge; // seconds
        uint16 ltvBps; // 0: not taken as collateral
        uint16 liquidationThresholdBps;
        uint8 decimals;
        uint8 feedDecimals;
        bool enabled;
    }

    event TokenConfigured(address indexed token, TokenConfig config, address secondFeed);
    event OutflowLimited(address indexed token, uint208 capacity, uint48 window);
    event Deposited(bytes32 indexed loanId, address indexed token, address indexed from, uint256 amount);
    event Withdrawn(bytes32 indexed loanId, address indexed token, address indexed to, uint256 amount);
    event Released(bytes32 indexed loanId, address indexed token, address indexed to, uint256 amount);
    event MarginCalled(bytes32 indexed loanId, uint256 healthFactor, uint40 cureBy);
    event MarginCallCured(bytes32 indexed loanId, uint256 healthFactor);
    event AuctionStarted(bytes32 indexed loanId, uint40 startedAt, uint40 endsAt);
    event Taken(bytes32 indexed loanId, address indexed token, address indexed buyer, uint256 amount, uint256 paid);
    event AuctionClosed(bytes32 indexed loanId);

    error ZeroAddress();
    error NotAggregator(address caller);
    error NotBorrower(address caller);
    error BadConfig(address token, string field);
    error TokenNotSupported(address token);
    error TooManyTokens(bytes32 loanId);
    error AmountZero();
    error BadState(bytes32 loanId);
    error NotSecured(bytes32 loanId);
    error SameBlock(bytes32 loanId);
    error PriceStale(address token, uint256 updatedAt, uint256 maxAge);
    error PriceInvalid(address token, int256 answer);
    error PriceDeviates(address token, uint256 first, uint256 second);
    error BalanceTooLow(bytes32 loanId, address token, uint256 amount, uint256 balance);
    error HealthTooLow(bytes32 loanId, uint256 healthFactor);
    error Healthy(bytes32 loanId, uint256 healthFactor);
    error MarginCallRunning(bytes32 loanId, uint40 cureBy);
    error NoMarginCall(bytes32 loanId);
    error NoAuction(bytes32 loanId);
    error AuctionRunning(bytes32 loanId);
    error AuctionOver(bytes32 loanId);
    error PriceAboveLimit(uint256 price, uint256 maxPay);
    error LotTooSmall(uint256 value, uint256 minimum);
    error NothingToRelease(bytes32 loanId);

    /// @notice Post collateral for an originated loan; also while paused. What arrives is what counts.
    function deposit(bytes32 loanId, address token, uint256 amount) external;

    /// @notice The borrower takes back what the loan does not need.
    function withdrawExcess(bytes32 loanId, address token, uint256 amount) external;

    /// @notice All collateral of a closed or cancelled loan goes back to its borrower; anyone may call.
    function release(bytes32 loanId) external;

    /// @notice Call for more collateral below the margin call factor; anyone may call.
    function marginCall(bytes32 loanId) external;

    function clearMarginCall(bytes32 loanId) external;

    function startAuction(bytes32 loanId) external;

    function closeAuction(bytes32 loanId) external;

    /// @notice Buy collateral at the price of the moment; pays at most `maxPay` of the loan's asset for `amount`.
    /// @return paid base units of the loan's asset
    function take(bytes32 loanId, address token, uint256 amount, uint256 maxPay) external returns (uint256 paid);

    function price(address token) external view returns (uint256);

    function quote(address token, uint256 amount) external view returns (uint256 value, uint256 borrowable);

    function tokensOf(bytes32 loanId) external view returns (address[] memory);

    function balanceOf(bytes32 loanId, address token) external view returns (uint256);

    function totalOf(address token) external view returns (uint256);

    function collateralValue(bytes32 loanId) external view returns (uint256);

    function debtValue(bytes32 loanId) external view returns (uint256);

    function maxBorrow(bytes32 loanId) external view returns (uint256);

    function healthFactor(bytes32 loanId) external view returns (uint256);

    /// @notice Whether the collateral covers the principal at its loan-to-value, and none of it came in this block.
    function covers(bytes32 loanId, address asset, uint256 principal)
        external
        view
        returns (bool covered, uint256 needed, uint256 available);

    /// @notice Whether the thresholds allow an auction of a loan that is not in default.
    function isLiquidatable(bytes32 loanId) external view returns (bool);

    function hasCollateral(bytes32 loanId) external view returns (bool);

    /// @return cureBy when the margin call runs out, 0 without one
    function marginCallOf(bytes32 loanId) external view returns (uint40 cureBy);

    function auctionOf(bytes32 loanId) external view returns (uint40 startedAt, uint40 endsAt);

    function auctionPrice(bytes32 loanId, address token, uint256 amount) external view returns (uint256);
}
