// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CreditAggregator} from "../CreditAggregator.sol";
import {CreditScoringOracle} from "../CreditScoringOracle.sol";
import {ICollateralManager} from "../interfaces/ICollateralManager.sol";
import {ICreditAggregator} from "../interfaces/ICreditAggregator.sol";
import {ICreditScoringOracle} from "../interfaces/ICreditScoringOracle.sol";
import {MockERC20} from "../mocks/MockERC20.sol";
import {FakeCollateral} from "./FakeCollateral.sol";
import {vm} from "./Vm.sol";

/// @title An aggregator with an oracle and a fake collateral manager; the test is admin and operator
abstract contract LoanCase {
    uint256 internal constant SIGNER_KEY = 0x5C0;
    uint256 internal constant LENDER_KEY = 0x1E4;
    uint256 internal constant BORROWER_KEY = 0xB02;
    uint256 internal constant NOW = 1_800_000_000;
    uint128 internal constant PRINCIPAL = 100_000;
    uint128 internal constant SECOND = 25_000_00;
    uint128 internal constant THIRD = 250_000_00;
    address internal constant USD = address(840);
    address internal constant TREASURY = address(0x74EA);
    address internal constant PAUSER = address(0x9A5);
    address internal constant STRANGER = address(0x574);
    bytes32 internal constant LOAN = keccak256("loan");
    bytes32 internal constant SUBJECT = keccak256("subject");
    bytes32 internal constant OP = keccak256("operation");
    bytes32 internal constant REASON = "reason";

    CreditScoringOracle internal oracle;
    CreditAggregator internal aggregator;
    FakeCollateral internal collateral;
    MockERC20 internal token;
    address internal lender;
    address internal borrower;
    uint256[3] internal underwriterKeys; // sorted by address

    function setUp() public virtual {
        vm.warp(NOW);
        lender = vm.addr(LENDER_KEY);
        borrower = vm.addr(BORROWER_KEY);
        underwriterKeys = _sorted([uint256(0x0DD), 0x0DE, 0x0DF]);
        collateral = new FakeCollateral();
        oracle = new CreditScoringOracle(0, address(this), 1, 2, 150, _one(vm.addr(SIGNER_KEY)));
        address[] memory underwriters = new address[](3);
        for (uint256 i = 0; i < 3; ++i) {
            underwriters[i] = vm.addr(underwriterKeys[i]);
        }
        aggregator = new CreditAggregator(
            0,
            address(this),
            oracle,
            ICollateralManager(address(collateral)),
            TREASURY,
            _one(address(this)),
            underwriters,
            _one(PAUSER)
        );
        token = new MockERC20("USD Coin", "USDC", 6);
        aggregator.setAsset(USD, ICreditAggregator.AssetConfig(SECOND, THIRD, true));
        aggregator.setAsset(address(token), ICreditAggregator.AssetConfig(SECOND, THIRD, true));
        token.approve(address(aggregator), type(uint256).max);
    }

    // ---------------------------------------------------------------------------------------------------------- terms

    function _railTerms() internal pure returns (ICreditAggregator.Terms memory) {
        return ICreditAggregator.Terms({
            agreementHash: keccak256("agreement"),
            subject: SUBJECT,
            borrower: address(0),
            lender: address(0),
            asset: USD,
            principal: PRINCIPAL,
            aprBps: 1200,
            interestCapBps: 5000,
            minScore: 0,
            maturity: uint40(NOW + 365 days),
            signedUntil: uint40(NOW + 1 days),
            onChainFunds: false,
            secured: false
        });
    }

    function _tokenTerms() internal view returns (ICreditAggregator.Terms memory terms) {
        terms = _railTerms();
        terms.borrower = borrower;
        terms.lender = lender;
        terms.asset = address(token);
        terms.onChainFunds = true;
    }

    /// @dev Paid out over a rail, with collateral on chain: the kind that reaches every state.
    function _securedTerms() internal view returns (ICreditAggregator.Terms memory terms) {
        terms = _railTerms();
        terms.borrower = borrower;
        terms.asset = address(token);
        terms.secured = true;
    }

    function _newTerms() internal pure returns (ICreditAggregator.NewTerms memory) {
        return ICreditAggregator.NewTerms({
            agreementHash: keccak256("new agreement"),
            capitalized: 1_000,
            aprBps: 900,
            interestCapBps: 6000,
            maturity: uint40(NOW + 730 days),
            signedUntil: uint40(NOW + 1 days)
        });
    }

    // ----------------------------------------------------------------------------------------------------------- life

    function _originate(bytes32 loanId, ICreditAggregator.Terms memory terms) internal {
        aggregator.originate(loanId, terms, _offer(loanId, terms), _approvals(loanId, terms, 1));
    }

    /// @dev Originated and funded; a loan in tokens from an escrow that is filled for it.
    function _start(bytes32 loanId, ICreditAggregator.Terms memory terms) internal {
        _originate(loanId, terms);
        if (terms.onChainFunds) _fillEscrow(terms.principal);
        aggregator.fund(loanId, OP, 1);
    }

    function _fillEscrow(uint256 amount) internal {
        token.mint(lender, amount);
        vm.startPrank(lender);
        token.approve(address(aggregator), amount);
        aggregator.depositEscrow(address(token), amount);
        vm.stopPrank();
    }

    function _seq(bytes32 loanId) internal view returns (uint24) {
        return aggregator.loan(loanId).seq + 1;
    }

    function _outstanding(bytes32 loanId) internal view returns (uint128) {
        return aggregator.loan(loanId).outstanding;
    }

    function _publish(uint16 score) internal {
        ICreditScoringOracle.Score memory published =
            ICreditScoringOracle.Score(score, uint40(block.timestamp), uint40(block.timestamp + 30 days), 7);
        bytes[] memory signatures = new bytes[](1);
        signatures[0] =
            _signed(SIGNER_KEY, _digest(address(oracle), "CreditScoringOracle", _scoreHash(SUBJECT, published)));
        oracle.publish(SUBJECT, published, signatures);
    }

    // ----------------------------------------------------------------------------------------------------- signatures

    function _offer(bytes32 loanId, ICreditAggregator.Terms memory terms) internal view returns (bytes memory) {
        if (terms.lender == address(0)) return "";
        return _signed(LENDER_KEY, _offerDigest(loanId, terms));
    }

    function _approvals(bytes32 loanId, ICreditAggregator.Terms memory terms, uint256 count)
        internal
        view
        returns (bytes[] memory approvals)
    {
        approvals = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            approvals[i] = _signed(underwriterKeys[i], _approvalDigest(loanId, terms));
        }
    }

    function _signed(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _offerDigest(bytes32 loanId, ICreditAggregator.Terms memory terms) internal view returns (bytes32) {
        return _ofAggregator(keccak256(abi.encode(_type("Offer(bytes32 loanId,Terms terms)"), loanId, _hash(terms))));
    }

    function _approvalDigest(bytes32 loanId, ICreditAggregator.Terms memory terms) internal view returns (bytes32) {
        return _ofAggregator(keccak256(abi.encode(_type("Approval(bytes32 loanId,Terms terms)"), loanId, _hash(terms))));
    }

    function _restructuringDigest(bytes32 loanId, uint24 seq, ICreditAggregator.NewTerms memory newTerms)
        internal
        view
        returns (bytes32)
    {
        string memory inner =
            "NewTerms(bytes32 agreementHash,uint128 capitalized,uint16 aprBps,uint16 interestCapBps,uint40 maturity,uint40 signedUntil)";
        bytes32 outer = keccak256(abi.encodePacked("Restructuring(bytes32 loanId,uint24 seq,NewTerms newTerms)", inner));
        bytes32 hash = keccak256(abi.encode(keccak256(bytes(inner)), newTerms));
        return _ofAggregator(keccak256(abi.encode(outer, loanId, seq, hash)));
    }

    function _scoreHash(bytes32 subject, ICreditScoringOracle.Score memory score) internal pure returns (bytes32) {
        bytes32 kind =
            keccak256("Score(bytes32 subject,uint16 score,uint40 issuedAt,uint40 expiresAt,uint32 modelVersion)");
        return keccak256(abi.encode(kind, subject, score));
    }

    function _digest(address verifier, string memory name, bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256("1"),
                block.chainid,
                verifier
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function _ofAggregator(bytes32 structHash) private view returns (bytes32) {
        return _digest(address(aggregator), "CreditAggregator", structHash);
    }

    function _type(string memory outer) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(outer, _termsType()));
    }

    function _hash(ICreditAggregator.Terms memory terms) private pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(bytes(_termsType())), terms));
    }

    function _termsType() private pure returns (string memory) {
        return "Terms(bytes32 agreementHash,bytes32 subject,address borrower,address lender,address asset,uint128 principal,uint16 aprBps,uint16 interestCapBps,uint16 minScore,uint40 maturity,uint40 signedUntil,bool onChainFunds,bool secured)";
    }

    // -------------------------------------------------------------------------------------------------------- refusals

    /// @dev The aggregator refuses the call with exactly this error.
    function _refuses(bytes memory call, bytes memory refusal) internal {
        _refuses(address(aggregator), call, refusal);
    }

    function _refuses(address target, bytes memory call, bytes memory refusal) internal {
        (bool succeeded, bytes memory answer) = target.call(call);
        vm.assertFalse(succeeded, "was not refused");
        vm.assertEq(answer, refusal);
    }

    function _refusesFrom(address sender, bytes memory call, bytes memory refusal) internal {
        vm.prank(sender);
        _refuses(address(aggregator), call, refusal);
    }

    function _unauthorized(address account, bytes32 role) internal pure returns (bytes memory) {
        return abi.encodeWithSignature("AccessControlUnauthorizedAccount(address,bytes32)", account, role);
    }

    // ---------------------------------------------------------------------------------------------------------- lists

    function _one(address account) internal pure returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = account;
    }

    function _sorted(uint256[3] memory keys) internal pure returns (uint256[3] memory) {
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 j = i + 1; j < 3; ++j) {
                if (vm.addr(keys[j]) < vm.addr(keys[i])) (keys[i], keys[j]) = (keys[j], keys[i]);
            }
        }
        return keys;
    }
}
