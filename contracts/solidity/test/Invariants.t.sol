// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CollateralManager} from "../CollateralManager.sol";
import {CreditAggregator} from "../CreditAggregator.sol";
import {CreditScoringOracle} from "../CreditScoringOracle.sol";
import {ICreditAggregator} from "../interfaces/ICreditAggregator.sol";
import {ICreditScoringOracle} from "../interfaces/ICreditScoringOracle.sol";
import {MockERC20} from "../mocks/MockERC20.sol";
import {vm} from "./Vm.sol";
import {Books} from "./handlers/Books.sol";
import {Handler} from "./handlers/Handler.sol";

/// @notice What holds after every action, whatever came before. One campaign asks all of it, because a campaign costs
/// far more than a question; the name of what failed is in the message.
contract InvariantsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    uint40 private constant AUCTION_SECONDS = 6 hours;
    uint256 private constant BPS = 10_000;

    Handler private handler;
    CreditAggregator private aggregator;
    CollateralManager private manager;
    CreditScoringOracle private oracle;
    MockERC20[3] private tokens;
    mapping(bytes32 subject => uint40) private issuedBefore;

    function setUp() external {
        handler = new Handler();
        handler.setUp();
        (aggregator, manager, oracle) = handler.deployed();
        tokens = handler.tokens();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), handler.actions());
    }

    /// @dev The loan that was acted on is looked at whole. Of the others one at a time: what has changed there unasked
    /// stays changed until it is its turn.
    function invariant_all_that_must_hold() external {
        bytes32 touched = handler.touched();
        if (touched != bytes32(0)) checkLoan(touched, handler.book(touched), aggregator.loan(touched));
        uint256 loans = handler.loans();
        if (loans > 0) a_write_touches_only_its_own_loan(handler.ids(block.number % loans));
        checkMoney();
        checkScore(keccak256(abi.encode("subject", block.number % 3)));
    }

    function checkLoan(bytes32 loanId, Books.Book memory book, ICreditAggregator.Loan memory loan) private view {
        principal_is_owed_repaid_or_forgiven(book, loan);
        interest_is_what_was_paid_less_what_was_taken_back(book, loan);
        interest_stays_below_its_cap(book, loan);
        the_sequence_counts_accepted_writes(book, loan);
        the_state_is_what_the_writes_say(book, loan);
        closed_means_nothing_is_owed(book, loan);
        nothing_is_owed_before_the_payout_or_after_a_cancellation(loan);
        what_was_agreed_changes_by_restructuring_alone(loanId, book);
        credit_is_paid_and_not_yet_used(loanId, book);
        debt_is_principal_and_interest_due(loanId, book, loan);
        interest_is_due_in_an_auction_alone(book);
        an_auction_runs_while_liquidating_and_only_then(loanId, loan);
        a_margin_call_gives_a_day_and_none_runs_in_an_auction(loanId, book, loan);
        an_auction_asks_between_105_and_80_percent(loanId, loan);
        collateral_is_listed_once_and_only_while_there(loanId);
        collateral_balances_are_what_came_less_what_went(loanId);
        collateral_is_worth_what_prices_say(loanId);
        one_may_borrow_less_than_collateral_is_worth(loanId);
        only_secured_loans_have_collateral(loanId, loan);
    }

    function checkMoney() private view {
        tokens_held_are_escrow_and_credit();
        escrow_of_lenders_is_conserved();
        the_treasury_earns_five_percent_of_auctions();
        proceeds_are_fee_debt_and_surplus();
        no_state_edge_outside_the_table();
        no_collateral_leaves_a_loan_uncovered();
        for (uint256 i = 0; i < tokens.length; ++i) {
            collateral_held_is_what_loans_have(tokens[i]);
            collateral_goes_to_borrowers_and_buyers_alone(tokens[i]);
        }
        the_aggregator_holds_no_collateral();
    }

    function checkScore(bytes32 subject) private {
        ICreditScoringOracle.Score memory score = oracle.latest(subject);
        a_score_is_in_range_or_absent(score);
        a_score_is_never_replaced_by_an_older_one(subject, score);
    }

    // -------------------------------------------------------------------------------------------------------- the loan

    function a_write_touches_only_its_own_loan(bytes32 loanId) private view {
        vm.assertEq(handler.digest(loanId), handler.seen(loanId), "a write touches only its own loan");
    }

    function principal_is_owed_repaid_or_forgiven(Books.Book memory book, ICreditAggregator.Loan memory loan)
        private
        pure
    {
        vm.assertEq(loan.principal, book.principal, "principal is what was lent and capitalized");
        vm.assertEq(
            uint256(loan.outstanding) + book.repaid + book.forgiven,
            book.principal,
            "principal is owed, repaid or forgiven"
        );
    }

    function interest_is_what_was_paid_less_what_was_taken_back(
        Books.Book memory book,
        ICreditAggregator.Loan memory loan
    ) private pure {
        vm.assertEq(loan.interestPaid, book.interest, "interest is what was paid less what was taken back");
    }

    function interest_stays_below_its_cap(Books.Book memory book, ICreditAggregator.Loan memory loan) private pure {
        uint256 cap = uint256(loan.principal) * loan.interestCapBps / BPS;
        vm.assertLe(loan.interestPaid + book.interestDue, cap, "interest stays below its cap");
    }

    function the_sequence_counts_accepted_writes(Books.Book memory book, ICreditAggregator.Loan memory loan)
        private
        pure
    {
        vm.assertEq(loan.seq, book.writes, "the sequence counts accepted writes");
    }

    function the_state_is_what_the_writes_say(Books.Book memory book, ICreditAggregator.Loan memory loan) private pure {
        vm.assertEq(uint256(loan.state), uint256(book.state), "the state is what the writes say");
    }

    function closed_means_nothing_is_owed(Books.Book memory book, ICreditAggregator.Loan memory loan) private pure {
        if (loan.state == ICreditAggregator.State.Closed) {
            vm.assertEq(loan.outstanding, 0, "closed means that nothing is owed");
        }
        bool serviced = loan.state == ICreditAggregator.State.Active || loan.state == ICreditAggregator.State.Delinquent
            || loan.state == ICreditAggregator.State.Defaulted;
        if (serviced && loan.outstanding == 0) {
            vm.assertTrue(book.reopened, "a loan that owes nothing is closed, or was reopened for its interest");
        }
    }

    function nothing_is_owed_before_the_payout_or_after_a_cancellation(ICreditAggregator.Loan memory loan) private pure {
        if (loan.state == ICreditAggregator.State.Originated || loan.state == ICreditAggregator.State.Cancelled) {
            vm.assertEq(
                uint256(loan.outstanding) + loan.interestPaid,
                0,
                "nothing is owed before the payout or after a cancellation"
            );
        }
    }

    function what_was_agreed_changes_by_restructuring_alone(bytes32 loanId, Books.Book memory book) private view {
        vm.assertEq(
            handler.identityOf(loanId), book.identity, "terms, parties, asset and kind of a loan never change"
        );
    }

    function credit_is_paid_and_not_yet_used(bytes32 loanId, Books.Book memory book) private view {
        vm.assertEq(aggregator.creditOf(loanId), book.credit, "credit is paid and not yet used");
    }

    function debt_is_principal_and_interest_due(
        bytes32 loanId,
        Books.Book memory book,
        ICreditAggregator.Loan memory loan
    ) private view {
        (, uint256 debt) = aggregator.debtOf(loanId);
        vm.assertEq(debt, loan.outstanding + book.interestDue, "debt is principal and interest due");
    }

    function interest_is_due_in_an_auction_alone(Books.Book memory book) private pure {
        if (book.state != ICreditAggregator.State.Liquidating) {
            vm.assertEq(book.interestDue, 0, "interest is due in an auction alone");
        }
    }

    // -------------------------------------------------------------------------------------------------- its collateral

    function an_auction_runs_while_liquidating_and_only_then(bytes32 loanId, ICreditAggregator.Loan memory loan)
        private
        view
    {
        (uint40 startedAt, uint40 endsAt) = manager.auctionOf(loanId);
        bool liquidating = loan.state == ICreditAggregator.State.Liquidating;
        vm.assertTrue((startedAt != 0) == liquidating, "an auction runs while liquidating, and only then");
        vm.assertEq(endsAt, liquidating ? startedAt + AUCTION_SECONDS : 0, "an auction lasts six hours");
    }

    function a_margin_call_gives_a_day_and_none_runs_in_an_auction(
        bytes32 loanId,
        Books.Book memory book,
        ICreditAggregator.Loan memory loan
    ) private view {
        uint40 cureBy = manager.marginCallOf(loanId);
        vm.assertEq(cureBy, book.cureBy, "a margin call gives a day");
        if (loan.state == ICreditAggregator.State.Liquidating) vm.assertEq(cureBy, 0, "no margin call in an auction");
    }

    function an_auction_asks_between_105_and_80_percent(bytes32 loanId, ICreditAggregator.Loan memory loan)
        private
        view
    {
        (, uint256 debt) = aggregator.debtOf(loanId);
        (, uint40 endsAt) = manager.auctionOf(loanId);
        address[] memory listed = manager.tokensOf(loanId);
        if (endsAt < block.timestamp || debt == 0 || listed.length == 0) return;
        uint256 unit = 10 ** MockERC20(listed[0]).decimals();
        uint256 asked = manager.auctionPrice(loanId, listed[0], unit);
        // In base units of an asset of six decimals, two fewer than those of a price.
        uint256 worth = manager.price(listed[0]) * 1e6 / manager.price(loan.asset);
        vm.assertLe(asked, worth * 10_500 / BPS + 2, "an auction asks at most 105 %");
        vm.assertLe(worth * 8_000 / BPS, asked + 2, "an auction asks at least 80 %");
    }

    function collateral_is_listed_once_and_only_while_there(bytes32 loanId) private view {
        address[] memory listed = manager.tokensOf(loanId);
        vm.assertTrue(manager.hasCollateral(loanId) == (listed.length > 0), "collateral is there when it is listed");
        uint256 there = 0;
        for (uint256 i = 0; i < tokens.length; ++i) {
            if (handler.pledged(loanId, address(tokens[i])) > 0) ++there;
        }
        vm.assertEq(listed.length, there, "collateral is listed while it is there");
        for (uint256 i = 0; i < listed.length; ++i) {
            vm.assertTrue(manager.balanceOf(loanId, listed[i]) > 0, "what is listed is there");
            for (uint256 j = 0; j < i; ++j) {
                vm.assertTrue(listed[i] != listed[j], "collateral is listed once");
            }
        }
    }

    function collateral_balances_are_what_came_less_what_went(bytes32 loanId) private view {
        for (uint256 i = 0; i < tokens.length; ++i) {
            address token = address(tokens[i]);
            vm.assertEq(
                manager.balanceOf(loanId, token),
                handler.pledged(loanId, token),
                "a balance is what came less what went"
            );
        }
    }

    function collateral_is_worth_what_prices_say(bytes32 loanId) private view {
        uint256 worth = 0;
        for (uint256 i = 0; i < tokens.length; ++i) {
            uint256 amount = handler.pledged(loanId, address(tokens[i]));
            if (amount > 0) worth += amount * manager.price(address(tokens[i])) / 10 ** tokens[i].decimals();
        }
        vm.assertEq(manager.collateralValue(loanId), worth, "collateral is worth what prices say, rounded down");
    }

    function one_may_borrow_less_than_collateral_is_worth(bytes32 loanId) private view {
        uint256 worth = manager.collateralValue(loanId);
        vm.assertLe(manager.maxBorrow(loanId), worth * 9_000 / BPS, "one may borrow less than collateral is worth");
    }

    function only_secured_loans_have_collateral(bytes32 loanId, ICreditAggregator.Loan memory loan) private view {
        if (!loan.secured) vm.assertFalse(manager.hasCollateral(loanId), "only secured loans have collateral");
    }

    // ------------------------------------------------------------------------------------------------------- all money

    function tokens_held_are_escrow_and_credit() private view {
        uint256 known = handler.lenderEscrow() + handler.treasuryEscrow() + handler.credits();
        vm.assertEq(tokens[2].balanceOf(address(aggregator)), known, "tokens held are escrow and credit");
    }

    function escrow_of_lenders_is_conserved() private view {
        (address lender,) = handler.owners();
        vm.assertEq(
            aggregator.escrowOf(lender, address(tokens[2])), handler.lenderEscrow(), "escrow of lenders is conserved"
        );
    }

    function the_treasury_earns_five_percent_of_auctions() private view {
        (, address treasury) = handler.owners();
        vm.assertEq(
            aggregator.escrowOf(treasury, address(tokens[2])),
            handler.treasuryEscrow(),
            "the treasury earns five percent of auctions, rounded down"
        );
        vm.assertLe(handler.fees(), handler.proceeds() * 500 / BPS, "fees are at most five percent");
    }

    function proceeds_are_fee_debt_and_surplus() private view {
        vm.assertEq(
            handler.fees() + handler.shared() + handler.surplus(),
            handler.proceeds(),
            "proceeds are fee, debt and surplus"
        );
    }

    function no_state_edge_outside_the_table() private view {
        vm.assertEq(handler.strayEdges(), 0, "no state edge outside the table");
    }

    function no_collateral_leaves_a_loan_uncovered() private view {
        vm.assertEq(handler.uncovered(), 0, "no collateral leaves a loan uncovered, except by auction");
    }

    function collateral_held_is_what_loans_have(MockERC20 token) private view {
        uint256 pledges = handler.pledges(address(token));
        vm.assertEq(token.balanceOf(address(manager)), pledges, "collateral held is what loans have");
        vm.assertEq(manager.totalOf(address(token)), pledges, "the total of a token is what loans have");
    }

    function collateral_goes_to_borrowers_and_buyers_alone(MockERC20 token) private view {
        uint256 pledges = handler.pledges(address(token));
        vm.assertEq(
            handler.brought(address(token)),
            pledges + handler.returned(address(token)) + handler.taken(address(token)),
            "collateral goes to borrowers and buyers alone"
        );
    }

    function the_aggregator_holds_no_collateral() private view {
        vm.assertEq(
            tokens[0].balanceOf(address(aggregator)) + tokens[1].balanceOf(address(aggregator)),
            0,
            "the aggregator holds no collateral"
        );
    }

    // ---------------------------------------------------------------------------------------------------------- scores

    function a_score_is_in_range_or_absent(ICreditScoringOracle.Score memory score) private view {
        if (score.issuedAt == 0) {
            vm.assertEq(score.score, 0, "a score that is absent is zero");
            return;
        }
        vm.assertTrue(score.score >= 300 && score.score <= 850, "a score is in range");
        vm.assertLe(score.issuedAt, block.timestamp, "a score is not from the future");
    }

    function a_score_is_never_replaced_by_an_older_one(bytes32 subject, ICreditScoringOracle.Score memory score)
        private
    {
        vm.assertLe(issuedBefore[subject], score.issuedAt, "a score is never replaced by an older one");
        issuedBefore[subject] = score.issuedAt;
    }
}
