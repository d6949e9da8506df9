// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICreditAggregator} from "../../interfaces/ICreditAggregator.sol";
import {MockERC20} from "../../mocks/MockERC20.sol";
import {vm} from "../Vm.sol";
import {Servicing} from "./Servicing.sol";

/// @notice Collateral in and out, prices, margin calls and auctions.
abstract contract Securing is Servicing {
    function depositCollateral(uint256 pick, uint256 which, uint256 amount) external {
        _begin();
        bytes32 loanId = _choose(pick, _isSecurable);
        MockERC20 token = tokens()[which % 3];
        // Up to the principal at a time, so that several are needed and prices can bring a loan under water.
        amount = _worth(token, 200 + amount % (_books[loanId].principal / 1e6));
        give(token, borrower, amount, address(manager));
        deposit(loanId, token, amount);

        _pledge(loanId, address(token), amount);
        brought[address(token)] += amount;
    }

    function withdrawExcess(uint256 pick, uint256 which, uint256 amount) external {
        _begin();
        _awake();
        bytes32 loanId = _choose(pick, _hasExcess);
        MockERC20 token = _pledgedToken(loanId, which);
        amount = 1 + amount % pledged[loanId][address(token)];
        // At most what the excess is worth at the value of the token: less than its loan-to-value would let go.
        uint256 excess = manager.maxBorrow(loanId) - manager.debtValue(loanId);
        uint256 value = amount * manager.price(address(token)) / 10 ** token.decimals();
        if (value >= excess) vm.assume(false);
        vm.prank(borrower);
        manager.withdrawExcess(loanId, address(token), amount);

        _giveBack(loanId, address(token), amount);
        if (manager.debtValue(loanId) > manager.maxBorrow(loanId)) ++uncovered;
    }

    function releaseCollateral(uint256 pick) external {
        _begin();
        bytes32 loanId = _choose(pick, _isReleasable);
        vm.prank(stranger);
        manager.release(loanId);

        for (uint256 i = 0; i < 3; ++i) {
            address token = address(tokens()[i]);
            _giveBack(loanId, token, pledged[loanId][token]);
        }
    }

    function movePrices(uint256 ether_, uint256 bitcoin, uint256 dollar) external {
        _begin();
        wethFeed.setAnswer(int192(int256(700e8 + ether_ % 2_000e8)));
        wbtcFeed.setAnswer(int192(int256(20_000e8 + bitcoin % 60_000e8)));
        usdcFeed.setAnswer(int192(int256(0.97e8 + dollar % 0.06e8)));
    }

    function callMargin(uint256 pick) external {
        _begin();
        _awake();
        bytes32 loanId = _choose(pick, _isCallable);
        vm.prank(stranger);
        manager.marginCall(loanId);
        _books[loanId].cureBy = uint40(block.timestamp) + 24 hours;
    }

    function clearMargin(uint256 pick) external {
        _begin();
        bytes32 loanId = _choose(pick, _isCured);
        vm.prank(stranger);
        manager.clearMarginCall(loanId);
        _books[loanId].cureBy = 0;
    }

    function startAuction(uint256 pick, uint256 interestDue) external {
        _begin();
        _awake();
        bytes32 loanId = _choose(pick, _isSellable);
        Book storage entry = _books[loanId];
        interestDue = interestDue % (_interestLeft(loanId) / 4 + 1);
        liquidate(loanId, uint96(interestDue));

        entry.interestDue = interestDue;
        entry.cureBy = 0;
        _write(loanId, ICreditAggregator.State.Liquidating);
    }

    function takeLot(uint256 pick, uint256 which, uint256 amount) external {
        _begin();
        _awake();
        bytes32 loanId = _choose(pick, _isOnSale);
        Book storage entry = _books[loanId];
        MockERC20 token = _pledgedToken(loanId, which);
        amount = _lot(loanId, token, amount);
        uint256 asked = manager.auctionPrice(loanId, address(token), amount);
        give(usdc, buyer, asked, address(manager));
        uint256 had = token.balanceOf(buyer);
        uint256 paid = take(loanId, token, amount);
        uint256 got = token.balanceOf(buyer) + (address(token) == entry.asset ? paid : 0) - had;
        vm.assertLe(paid, asked, "a buyer pays at most what was asked");
        vm.assertLe(got, amount, "a buyer gets at most what was asked for");

        _unpledge(loanId, address(token), got);
        taken[address(token)] += got;
        _share(loanId, paid);
    }

    function settleAuction(uint256 pick) external {
        _begin();
        bytes32 loanId = _choose(pick, _isSettleable);
        Book storage entry = _books[loanId];
        ICreditAggregator.State to = ICreditAggregator.State.Closed;
        if (_debt(loanId) > 0) {
            to = _hasPledge(loanId) ? ICreditAggregator.State.Defaulted : ICreditAggregator.State.WrittenOff;
        }
        settle(loanId);

        entry.interestDue = 0;
        _write(loanId, to);
    }

    // ---------------------------------------------------------------------------------------------------------- entering

    /// @dev Fee, interest, principal, and the borrower last; each rounded as the interface says, the fee down.
    function _share(bytes32 loanId, uint256 paid) private {
        Book storage entry = _books[loanId];
        uint256 fee = paid * 500 / 10_000;
        uint256 interest = paid - fee < entry.interestDue ? paid - fee : entry.interestDue;
        uint256 left = paid - fee - interest;
        uint256 principal = left < _outstanding(loanId) ? left : _outstanding(loanId);
        entry.interest += interest;
        entry.interestDue -= interest;
        entry.repaid += uint128(principal);
        _credit(loanId, left - principal);
        fees += fee;
        treasuryEscrow += fee;
        proceeds += paid;
        shared += interest + principal;
        surplus += left - principal;
        _earn(entry.lender, interest + principal);
        _enter(loanId, entry.state);
    }

    function _giveBack(bytes32 loanId, address token, uint256 amount) private {
        _unpledge(loanId, token, amount);
        returned[token] += amount;
    }

    // -------------------------------------------------------------------------------------------------------- deciding

    function _isSecurable(bytes32 loanId) private view returns (bool) {
        if (!_books[loanId].secured) return false;
        if (!_isServiced(loanId) && _books[loanId].state != ICreditAggregator.State.Originated) return false;
        return manager.maxBorrow(loanId) < manager.debtValue(loanId);
    }

    function _hasPledge(bytes32 loanId) internal view returns (bool) {
        return pledged[loanId][address(weth)] + pledged[loanId][address(wbtc)] + pledged[loanId][address(usdc)] > 0;
    }

    function _hasExcess(bytes32 loanId) private view returns (bool) {
        ICreditAggregator.State state = _books[loanId].state;
        if (state != ICreditAggregator.State.Originated && state != ICreditAggregator.State.Active) return false;
        return _hasPledge(loanId) && manager.debtValue(loanId) < manager.maxBorrow(loanId);
    }

    function _isReleasable(bytes32 loanId) private view returns (bool) {
        ICreditAggregator.State state = _books[loanId].state;
        return (state == ICreditAggregator.State.Closed || state == ICreditAggregator.State.Cancelled)
            && _hasPledge(loanId);
    }

    function _isCallable(bytes32 loanId) private view returns (bool) {
        Book storage entry = _books[loanId];
        return entry.secured && _isServiced(loanId) && entry.cureBy == 0 && manager.healthFactor(loanId) < 1.1e18;
    }

    function _isCured(bytes32 loanId) private view returns (bool) {
        return _books[loanId].cureBy != 0 && manager.healthFactor(loanId) >= 1.1e18;
    }

    /// @dev In default; or far under water; or under water when a margin call has run out.
    function _isSellable(bytes32 loanId) private view returns (bool) {
        Book storage entry = _books[loanId];
        if (!entry.secured || !_isServiced(loanId)) return false;
        if (entry.state == ICreditAggregator.State.Defaulted) return true;
        uint256 factor = manager.healthFactor(loanId);
        if (factor < 0.95e18) return true;
        return factor < 1e18 && entry.cureBy != 0 && block.timestamp > entry.cureBy;
    }

    function _isOnSale(bytes32 loanId) private view returns (bool) {
        if (!_isLiquidating(loanId) || _debt(loanId) == 0 || !_hasPledge(loanId)) return false;
        (, uint40 endsAt) = manager.auctionOf(loanId);
        return block.timestamp <= endsAt;
    }

    function _isSettleable(bytes32 loanId) private view returns (bool) {
        if (!_isLiquidating(loanId)) return false;
        (, uint40 endsAt) = manager.auctionOf(loanId);
        return _debt(loanId) == 0 || !_hasPledge(loanId) || block.timestamp > endsAt;
    }

    function _pledgedToken(bytes32 loanId, uint256 which) internal view returns (MockERC20 token) {
        for (uint256 i = 0; i < 3; ++i) {
            token = tokens()[(which % 3 + i) % 3];
            if (pledged[loanId][address(token)] > 0) return token;
        }
    }

    /// @dev All of a token, or a part of it that is no small lot and leaves none.
    function _lot(bytes32 loanId, MockERC20 token, uint256 amount) private view returns (uint256) {
        uint256 all = pledged[loanId][address(token)];
        uint256 least = _worth(token, 101);
        if (amount % 2 == 0 || all < 2 * least + 1) return all;
        return least + amount % (all - 2 * least);
    }

    /// @dev Base units of a token for so many whole dollars, at the price of now.
    function _worth(MockERC20 token, uint256 dollars) internal view returns (uint256) {
        return dollars * 1e8 * 10 ** token.decimals() / manager.price(address(token));
    }
}
