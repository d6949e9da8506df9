// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CollateralManager} from "../CollateralManager.sol";
import {CreditAggregator} from "../CreditAggregator.sol";
import {CreditScoringOracle} from "../CreditScoringOracle.sol";
import {ICollateralManager} from "../interfaces/ICollateralManager.sol";
import {ICreditAggregator} from "../interfaces/ICreditAggregator.sol";
import {ICreditScoringOracle} from "../interfaces/ICreditScoringOracle.sol";
import {TypedData} from "../libraries/TypedData.sol";
import {MockERC20} from "../mocks/MockERC20.sol";
import {MockPriceFeed} from "../mocks/MockPriceFeed.sol";
import {vm} from "./Vm.sol";

/// @notice Everything deployed, configured and paid for, with people to act. A whole ETH costs 2,000, a whole USDC 1.
/// The usual loan is 10,000 USDC on chain against 10 ETH: it may borrow 14,000, and its health factor is 1.6.
abstract contract Fixture {
    uint256 internal constant OPERATOR_KEY = 0x0a01;
    uint256 internal constant SCORE_KEY = 0x0a02;
    uint256 internal constant LENDER_KEY = 0x0a06;
    uint256 internal constant BORROWER_KEY = 0x0a07;

    bytes32 internal constant LOAN = keccak256("a loan");
    bytes32 internal constant OP = keccak256("an operation");
    bytes32 internal constant REASON = "reason";
    uint128 internal constant PRINCIPAL = 10_000e6;
    uint256 internal constant COLLATERAL = 10e18;
    address internal constant USD = address(840);

    address internal immutable operator = vm.addr(OPERATOR_KEY);
    address internal immutable lender = vm.addr(LENDER_KEY);
    address internal immutable borrower = vm.addr(BORROWER_KEY);
    address internal immutable admin = address(0xad1);
    address internal immutable pauser = address(0xad2);
    address internal immutable treasury = address(0xad3);
    address internal immutable buyer = address(0xad4);
    address internal immutable stranger = address(0xad5);
    uint256[3] internal underwriterKeys = [uint256(0x0b01), 0x0b02, 0x0b03];

    CreditScoringOracle internal oracle;
    CreditAggregator internal aggregator;
    CollateralManager internal manager;

    MockERC20 internal usdc;
    MockERC20 internal dai;
    MockERC20 internal weth;
    MockERC20 internal wbtc;
    MockPriceFeed internal usdcFeed;
    MockPriceFeed internal daiFeed;
    MockPriceFeed internal wethFeed;
    MockPriceFeed internal wbtcFeed;

    function setUp() public virtual {
        vm.warp(1_790_000_000);
        vm.roll(20_000_000);
        sortUnderwriters();
        deploy(admin, 0);
        makeTokens();
        vm.startPrank(admin);
        configure();
        vm.stopPrank();
        supply();
    }

    // ------------------------------------------------------------------------------------------------------ deploying

    function deploy(address admin_, uint48 adminDelay) internal {
        oracle = new CreditScoringOracle(adminDelay, admin_, 1, 1, 150, one(vm.addr(SCORE_KEY)));
        address manager_ = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        aggregator = new CreditAggregator(
            adminDelay,
            admin_,
            oracle,
            ICollateralManager(manager_),
            treasury,
            one(operator),
            underwriters(),
            one(pauser)
        );
        manager = new CollateralManager(adminDelay, admin_, aggregator, one(pauser));
        vm.assertEq(address(manager), manager_);
    }

    function makeTokens() internal {
        usdc = new MockERC20("USD Coin", "USDC", 6);
        dai = new MockERC20("Dai", "DAI", 18);
        weth = new MockERC20("Wrapped Ether", "WETH", 18);
        wbtc = new MockERC20("Wrapped Bitcoin", "WBTC", 8);
        usdcFeed = new MockPriceFeed(8, 1e8);
        daiFeed = new MockPriceFeed(18, 1e18);
        wethFeed = new MockPriceFeed(8, 2_000e8);
        wbtcFeed = new MockPriceFeed(8, 60_000e8);
    }

    function configure() internal {
        manager.setToken(address(usdc), tokenConfig(address(usdcFeed), 9_000, 9_500, 6, 8), address(0));
        manager.setToken(address(dai), tokenConfig(address(daiFeed), 9_000, 9_500, 18, 18), address(0));
        manager.setToken(address(weth), tokenConfig(address(wethFeed), 7_000, 8_000, 18, 8), address(0));
        manager.setToken(address(wbtc), tokenConfig(address(wbtcFeed), 7_000, 8_000, 8, 8), address(0));
        manager.setToken(USD, tokenConfig(address(0), 0, 0, 2, 8), address(0));
        aggregator.setAsset(address(usdc), ICreditAggregator.AssetConfig(25_000e6, 250_000e6, true));
        aggregator.setAsset(address(dai), ICreditAggregator.AssetConfig(25_000e18, 250_000e18, true));
        aggregator.setAsset(USD, ICreditAggregator.AssetConfig(25_000e2, 250_000e2, true));
    }

    function supply() internal {
        give(usdc, lender, 1_000_000e6, address(aggregator));
        give(dai, lender, 1_000_000e18, address(aggregator));
        vm.startPrank(lender);
        aggregator.depositEscrow(address(usdc), 1_000_000e6);
        aggregator.depositEscrow(address(dai), 1_000_000e18);
        vm.stopPrank();
        give(weth, borrower, 1_000e18, address(manager));
        give(wbtc, borrower, 100e8, address(manager));
        give(usdc, borrower, 1_000_000e6, address(manager));
        give(usdc, buyer, 1_000_000e6, address(manager));
        give(dai, buyer, 1_000_000e18, address(manager));
    }

    function give(MockERC20 token, address to, uint256 amount, address spender) internal {
        token.mint(to, amount);
        vm.prank(to);
        token.approve(spender, type(uint256).max);
    }

    function tokenConfig(address feed, uint16 ltvBps, uint16 thresholdBps, uint8 decimals, uint8 feedDecimals)
        internal
        pure
        returns (ICollateralManager.TokenConfig memory)
    {
        return ICollateralManager.TokenConfig(feed, 1 days, ltvBps, thresholdBps, decimals, feedDecimals, true);
    }

    // -------------------------------------------------------------------------------------------------------- signing

    function one(address account) internal pure returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = account;
    }

    function underwriters() internal view returns (address[] memory accounts) {
        accounts = new address[](underwriterKeys.length);
        for (uint256 i = 0; i < accounts.length; ++i) {
            accounts[i] = vm.addr(underwriterKeys[i]);
        }
    }

    function sortUnderwriters() private {
        for (uint256 i = 0; i < underwriterKeys.length; ++i) {
            for (uint256 j = i + 1; j < underwriterKeys.length; ++j) {
                if (vm.addr(underwriterKeys[j]) < vm.addr(underwriterKeys[i])) {
                    (underwriterKeys[i], underwriterKeys[j]) = (underwriterKeys[j], underwriterKeys[i]);
                }
            }
        }
    }

    function signed(uint256 key, string memory name, address verifier, bytes32 structHash)
        internal
        view
        returns (bytes memory)
    {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256("1"),
                block.chainid,
                verifier
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked("\x19\x01", domain, structHash)));
        return abi.encodePacked(r, s, v);
    }

    function offer(bytes32 loanId, ICreditAggregator.Terms memory terms) internal view returns (bytes memory) {
        bytes32 structHash = TypedData.ofOffer(loanId, aggregator.termsHash(terms));
        return signed(LENDER_KEY, "CreditAggregator", address(aggregator), structHash);
    }

    function approvals(bytes32 loanId, ICreditAggregator.Terms memory terms)
        internal
        view
        returns (bytes[] memory signatures)
    {
        bytes32 structHash = TypedData.ofApproval(loanId, aggregator.termsHash(terms));
        signatures = new bytes[](aggregator.approvalsNeeded(terms.asset, terms.principal));
        for (uint256 i = 0; i < signatures.length; ++i) {
            signatures[i] = signed(underwriterKeys[i], "CreditAggregator", address(aggregator), structHash);
        }
    }

    // ---------------------------------------------------------------------------------------------------- a loan's way

    function termsOf(address asset, uint128 principal, bool secured)
        internal
        view
        returns (ICreditAggregator.Terms memory)
    {
        return ICreditAggregator.Terms({
            agreementHash: keccak256("agreement"),
            subject: keccak256("subject"),
            borrower: borrower,
            lender: lender,
            asset: asset,
            principal: principal,
            aprBps: 1_200,
            interestCapBps: 5_000,
            minScore: 0,
            maturity: uint40(block.timestamp + 365 days),
            signedUntil: uint40(block.timestamp + 1 days),
            onChainFunds: true,
            secured: secured
        });
    }

    function next(bytes32 loanId) internal view returns (uint24) {
        return aggregator.loan(loanId).seq + 1;
    }

    function originate(bytes32 loanId, ICreditAggregator.Terms memory terms) internal {
        bytes memory lenderSignature = offer(loanId, terms);
        bytes[] memory signatures = approvals(loanId, terms);
        vm.prank(operator);
        aggregator.originate(loanId, terms, lenderSignature, signatures);
    }

    function originate() internal {
        originate(LOAN, termsOf(address(usdc), PRINCIPAL, true));
    }

    function deposit(bytes32 loanId, MockERC20 token, uint256 amount) internal {
        vm.prank(borrower);
        manager.deposit(loanId, address(token), amount);
    }

    function nextBlock() internal {
        vm.roll(vm.getBlockNumber() + 1);
        vm.warp(vm.getBlockTimestamp() + 12);
    }

    function later(uint256 elapsed) internal {
        vm.roll(vm.getBlockNumber() + 1);
        vm.warp(vm.getBlockTimestamp() + elapsed);
    }

    function fund(bytes32 loanId) internal {
        uint24 seq = next(loanId);
        vm.prank(operator);
        aggregator.fund(loanId, OP, seq);
    }

    /// @dev The usual loan, paid out.
    function lend() internal {
        originate();
        deposit(LOAN, weth, COLLATERAL);
        nextBlock();
        fund(LOAN);
    }

    function move(bytes32 loanId, ICreditAggregator.State to) internal {
        uint24 seq = next(loanId);
        vm.prank(operator);
        aggregator.transition(loanId, OP, seq, to, REASON);
    }

    /// @dev The operator pays from its own pocket: what a rail would bring.
    function repay(bytes32 loanId, MockERC20 asset, uint128 principal, uint96 interest) internal {
        give(asset, operator, uint256(principal) + interest, address(aggregator));
        uint24 seq = next(loanId);
        vm.prank(operator);
        aggregator.repay(loanId, OP, seq, principal, interest);
    }

    function liquidate(bytes32 loanId, uint96 interestDue) internal {
        uint24 seq = next(loanId);
        vm.prank(operator);
        aggregator.startLiquidation(loanId, OP, seq, interestDue);
    }

    function settle(bytes32 loanId) internal {
        uint24 seq = next(loanId);
        vm.prank(operator);
        aggregator.settleLiquidation(loanId, OP, seq);
    }

    function take(bytes32 loanId, MockERC20 token, uint256 amount) internal returns (uint256) {
        vm.prank(buyer);
        return manager.take(loanId, address(token), amount, type(uint256).max);
    }

    function assertState(bytes32 loanId, ICreditAggregator.State expected) internal view {
        vm.assertEq(uint256(aggregator.stateOf(loanId)), uint256(expected));
    }
}
