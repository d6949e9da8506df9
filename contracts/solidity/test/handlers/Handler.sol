// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {CollateralManager} from "../../CollateralManager.sol";
import {CreditAggregator} from "../../CreditAggregator.sol";
import {CreditScoringOracle} from "../../CreditScoringOracle.sol";
import {ICollateralManager} from "../../interfaces/ICollateralManager.sol";
import {ICreditAggregator} from "../../interfaces/ICreditAggregator.sol";
import {MockERC20} from "../../mocks/MockERC20.sol";
import {vm} from "../Vm.sol";
import {Securing} from "./Securing.sol";

/// @notice Everything that people do to the three contracts, and some of what they must not. An action that cannot be
/// done now does not count (`vm.assume`); one that can must not fail.
contract Handler is Securing {
    function setUp() public override {
        super.setUp();
        lenderEscrow = aggregator.escrowOf(lender, address(usdc));
    }

    function deployed() external view returns (CreditAggregator, CollateralManager, CreditScoringOracle) {
        return (aggregator, manager, oracle);
    }

    function owners() external view returns (address, address) {
        return (lender, treasury);
    }

    /// @notice What the campaign draws from; some more often, for others need what they make.
    function actions() external pure returns (bytes4[] memory drawn) {
        drawn = new bytes4[](40);
        drawn[0] = this.originateLoan.selector;
        drawn[1] = this.fundLoan.selector;
        drawn[2] = this.depositCollateral.selector;
        drawn[3] = this.repayLoan.selector;
        drawn[4] = this.reverseLoan.selector;
        drawn[5] = this.forgiveLoan.selector;
        drawn[6] = this.moveLoan.selector;
        drawn[7] = this.writeOffLoan.selector;
        drawn[8] = this.restructureLoan.selector;
        drawn[9] = this.payLoan.selector;
        drawn[10] = this.returnCredit.selector;
        drawn[11] = this.depositEscrow.selector;
        drawn[12] = this.withdrawEscrow.selector;
        drawn[13] = this.publishScore.selector;
        drawn[14] = this.withdrawExcess.selector;
        drawn[15] = this.releaseCollateral.selector;
        drawn[16] = this.movePrices.selector;
        drawn[17] = this.callMargin.selector;
        drawn[18] = this.clearMargin.selector;
        drawn[19] = this.startAuction.selector;
        drawn[20] = this.takeLot.selector;
        drawn[21] = this.settleAuction.selector;
        drawn[22] = this.letTimePass.selector;
        drawn[23] = this.pauseAll.selector;
        drawn[24] = this.repeatWrite.selector;
        drawn[25] = this.stray.selector;
        drawn[26] = this.intrude.selector;
        drawn[27] = this.overdraw.selector;
        drawn[28] = this.originateLoan.selector;
        drawn[29] = this.fundLoan.selector;
        drawn[30] = this.fundLoan.selector;
        drawn[31] = this.depositCollateral.selector;
        drawn[32] = this.depositCollateral.selector;
        drawn[33] = this.movePrices.selector;
        drawn[34] = this.movePrices.selector;
        drawn[35] = this.startAuction.selector;
        drawn[36] = this.takeLot.selector;
        drawn[37] = this.callMargin.selector;
        drawn[38] = this.returnCredit.selector;
        drawn[39] = this.settleAuction.selector;
    }

    function letTimePass(uint256 elapsed) external {
        _begin();
        later(1 minutes + elapsed % 5 hours);
    }

    /// @dev What a pause forbids is tried at once; what it allows happens until `_awake`.
    function pauseAll() external {
        _begin();
        if (aggregator.paused()) vm.assume(false);
        vm.startPrank(pauser);
        aggregator.pause();
        manager.pause();
        vm.stopPrank();

        bytes4 paused = Pausable.EnforcedPause.selector;
        bytes memory draw = abi.encodeCall(ICreditAggregator.withdrawEscrow, (address(usdc), 1, lender));
        _refused(address(aggregator), lender, draw, paused);
        for (uint256 i = 0; i < ids.length; ++i) {
            bytes32 id = ids[i];
            _refused(address(manager), stranger, abi.encodeCall(ICollateralManager.marginCall, (id)), paused);
            bytes memory bid = abi.encodeCall(ICollateralManager.take, (id, address(weth), 1, 1));
            _refused(address(manager), buyer, bid, paused);
            bytes memory draw_ = abi.encodeCall(ICollateralManager.withdrawExcess, (id, address(weth), 1));
            _refused(address(manager), borrower, draw_, paused);
            bytes memory payout = abi.encodeCall(ICreditAggregator.fund, (id, OP, _books[id].writes + 1));
            _refused(address(aggregator), operator, payout, paused);
            bytes memory sale = abi.encodeCall(ICreditAggregator.startLiquidation, (id, OP, _books[id].writes + 1, 0));
            _refused(address(aggregator), operator, sale, paused);
        }
    }

    /// @dev A write that was applied, or that is ahead of its turn, is not applied.
    function repeatWrite(uint256 pick, uint256 gap) external {
        _begin();
        bytes32 loanId = _choose(pick, _isAny);
        uint24 seq = _books[loanId].writes + (gap % 2 == 0 ? 0 : 2);
        bytes4 wrong = ICreditAggregator.BadSequence.selector;
        _refused(
            address(aggregator), operator, abi.encodeCall(ICreditAggregator.repay, (loanId, OP, seq, 1, 0)), wrong
        );
        _refused(address(aggregator), operator, abi.encodeCall(ICreditAggregator.fund, (loanId, OP, seq)), wrong);
    }

    /// @dev By word a loan goes only where the table lets it.
    function stray(uint256 pick, uint256 to) external {
        _begin();
        bytes32 loanId = _choose(pick, _isAny);
        ICreditAggregator.State from = _books[loanId].state;
        ICreditAggregator.State next_ = ICreditAggregator.State(to % 9);
        if (mayFollow(from, next_) && _isByWord(from, next_)) vm.assume(false);
        bytes memory word =
            abi.encodeCall(ICreditAggregator.transition, (loanId, OP, _books[loanId].writes + 1, next_, REASON));
        _refused(address(aggregator), operator, word, ICreditAggregator.BadTransition.selector);
    }

    /// @dev Neither a stranger nor the borrower, the lender or the admin writes to a loan.
    function intrude(uint256 pick, uint256 who) external {
        _begin();
        bytes32 loanId = _choose(pick, _isAny);
        address caller = [stranger, borrower, lender, admin][who % 4];
        uint24 seq = _books[loanId].writes + 1;
        bytes4 role = IAccessControl.AccessControlUnauthorizedAccount.selector;
        _refused(address(aggregator), caller, abi.encodeCall(ICreditAggregator.fund, (loanId, OP, seq)), role);
        bytes memory gift = abi.encodeCall(ICreditAggregator.forgive, (loanId, OP, seq, 1, REASON));
        _refused(address(aggregator), caller, gift, role);
        bytes memory bid = abi.encodeCall(ICreditAggregator.auctionProceeds, (loanId, 1));
        _refused(address(aggregator), caller, bid, ICreditAggregator.NotCollateralManager.selector);
        bytes memory close = abi.encodeCall(ICollateralManager.closeAuction, (loanId));
        _refused(address(manager), caller, close, ICollateralManager.NotAggregator.selector);
    }

    /// @dev Nobody draws more escrow than he has, and a borrower no collateral that his loan needs.
    function overdraw(uint256 pick, uint256 which) external {
        _begin();
        _awake();
        bytes memory draw =
            abi.encodeCall(ICreditAggregator.withdrawEscrow, (address(usdc), lenderEscrow + 1, lender));
        _refused(address(aggregator), lender, draw, ICreditAggregator.EscrowTooLow.selector);
        bytes32 loanId = _choose(pick, _isEncumbered);
        MockERC20 token = _pledgedToken(loanId, which);
        bytes memory all = abi.encodeCall(
            ICollateralManager.withdrawExcess, (loanId, address(token), pledged[loanId][address(token)])
        );
        if (_coveredWithout(loanId, token)) vm.assume(false);
        _refused(address(manager), borrower, all, ICollateralManager.HealthTooLow.selector);
    }

    // --------------------------------------------------------------------------------------------------------- refusing

    function _refused(address target, address caller, bytes memory call, bytes4 error_) private {
        vm.prank(caller);
        (bool accepted, bytes memory answer) = target.call(call);
        vm.assertFalse(accepted, "a forbidden call was accepted");
        vm.assertEq(bytes32(bytes4(answer)), bytes32(error_), "refused for another reason");
    }

    /// @dev Of the edges of the table, those that `transition` may take.
    function _isByWord(ICreditAggregator.State from, ICreditAggregator.State to) private pure returns (bool) {
        if (to == ICreditAggregator.State.Active) {
            return from != ICreditAggregator.State.Originated && from != ICreditAggregator.State.Closed;
        }
        if (to == ICreditAggregator.State.Defaulted) return from != ICreditAggregator.State.Liquidating;
        return to == ICreditAggregator.State.Delinquent || to == ICreditAggregator.State.Cancelled;
    }

    function _isEncumbered(bytes32 loanId) private view returns (bool) {
        return _books[loanId].state == ICreditAggregator.State.Active && _hasPledge(loanId) && _outstanding(loanId) > 0;
    }

    function _coveredWithout(bytes32 loanId, MockERC20 token) private view returns (bool) {
        (, uint256 borrowable) = manager.quote(address(token), pledged[loanId][address(token)]);
        return manager.maxBorrow(loanId) - borrowable >= manager.debtValue(loanId);
    }
}
