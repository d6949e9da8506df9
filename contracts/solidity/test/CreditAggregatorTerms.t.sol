// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CreditAggregator} from "../CreditAggregator.sol";
import {ICollateralManager} from "../interfaces/ICollateralManager.sol";
import {ICreditAggregator} from "../interfaces/ICreditAggregator.sol";
import {ICreditScoringOracle} from "../interfaces/ICreditScoringOracle.sol";
import {MockERC20} from "../mocks/MockERC20.sol";
import {ContractWallet} from "./ContractWallet.sol";
import {LoanCase} from "./LoanCase.sol";
import {vm} from "./Vm.sol";

/// @title Terms, and who must have signed them, when a loan is originated or restructured
contract CreditAggregatorTermsTest is LoanCase {
    // -------------------------------------------------------------------------------------------------- what is kept

    function test_a_loan_over_a_rail_keeps_its_numbers_and_no_address() public {
        ICreditAggregator.Terms memory terms = _railTerms();

        _originate(LOAN, terms);

        ICreditAggregator.Loan memory loan = aggregator.loan(LOAN);
        vm.assertEq(loan.termsHash, aggregator.termsHash(terms));
        vm.assertEq(loan.borrower, address(0));
        vm.assertEq(loan.lender, address(0));
        vm.assertEq(loan.asset, address(0));
        vm.assertEq(loan.principal, PRINCIPAL);
        vm.assertEq(loan.outstanding, 0);
        vm.assertEq(loan.interestPaid, 0);
        vm.assertEq(loan.seq, 0);
        vm.assertEq(loan.aprBps, terms.aprBps);
        vm.assertEq(loan.interestCapBps, terms.interestCapBps);
        vm.assertEq(loan.maturity, terms.maturity);
        vm.assertTrue(loan.state == ICreditAggregator.State.Originated);
        vm.assertFalse(loan.onChainFunds);
        vm.assertFalse(loan.secured);
    }

    function test_a_loan_in_tokens_keeps_borrower_lender_and_asset() public {
        _originate(LOAN, _tokenTerms());

        ICreditAggregator.Loan memory loan = aggregator.loan(LOAN);
        vm.assertEq(loan.borrower, borrower);
        vm.assertEq(loan.lender, lender);
        vm.assertEq(loan.asset, address(token));
        vm.assertTrue(loan.onChainFunds);
    }

    function test_a_secured_loan_keeps_its_asset() public {
        _originate(LOAN, _securedTerms());

        vm.assertEq(aggregator.loan(LOAN).asset, address(token));
        vm.assertTrue(aggregator.loan(LOAN).secured);
    }

    function test_an_origination_says_what_was_agreed_and_how_many_approved() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        bytes[] memory approvals = _approvals(LOAN, terms, 3);
        bytes32 hash = aggregator.termsHash(terms);

        vm.expectEmit(address(aggregator));
        emit ICreditAggregator.Originated(
            LOAN, hash, terms.agreementHash, USD, PRINCIPAL, terms.aprBps, terms.maturity, 3
        );
        aggregator.originate(LOAN, terms, "", approvals);
    }

    // ----------------------------------------------------------------------------------------------------- once only

    function test_AlreadyApplied_when_the_same_terms_come_again() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        _originate(LOAN, terms);
        bytes memory refusal = abi.encodeWithSelector(ICreditAggregator.AlreadyApplied.selector, LOAN);

        _refuses(_originating(terms), refusal);
        vm.prank(PAUSER);
        aggregator.pause();
        _refuses(_originating(terms), refusal);
    }

    function test_TermsConflict_when_other_terms_come() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        _originate(LOAN, terms);
        bytes32 known = aggregator.termsHash(terms);
        terms.principal += 1;

        _refuses(_originating(terms), abi.encodeWithSelector(ICreditAggregator.TermsConflict.selector, LOAN, known));
    }

    // ---------------------------------------------------------------------------------------------------------- fields

    function test_BadTerms_names_the_field() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        terms.agreementHash = 0;
        _refusesField(terms, "agreementHash");

        terms = _railTerms();
        terms.principal = 0;
        _refusesField(terms, "principal");

        terms = _railTerms();
        terms.maturity = 0;
        _refusesField(terms, "maturity");

        terms = _railTerms();
        terms.interestCapBps = 0;
        _refusesField(terms, "interestCapBps");

        terms = _railTerms();
        terms.asset = address(0);
        _refusesField(terms, "asset");
    }

    function test_BadTerms_when_tokens_would_move_between_nobody() public {
        ICreditAggregator.Terms memory terms = _tokenTerms();
        terms.lender = address(0);
        _refusesField(terms, "lender");

        terms = _tokenTerms();
        terms.borrower = address(0);
        _refusesField(terms, "borrower");

        terms = _securedTerms();
        terms.borrower = address(0);
        _refusesField(terms, "borrower");
    }

    function test_BadTerms_when_tokens_would_move_in_a_currency_without_one() public {
        ICreditAggregator.Terms memory terms = _tokenTerms();
        terms.asset = USD;
        _refusesField(terms, "asset");

        terms = _securedTerms();
        terms.asset = USD;
        _refusesField(terms, "asset");
    }

    function test_a_loan_without_interest_needs_no_cap() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        terms.aprBps = 0;
        terms.interestCapBps = 0;

        _originate(LOAN, terms);

        vm.assertTrue(aggregator.stateOf(LOAN) == ICreditAggregator.State.Originated);
    }

    function test_AssetNotSupported_when_the_asset_is_unknown_or_switched_off() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        terms.asset = address(978);
        _refuses(
            _originating(terms), abi.encodeWithSelector(ICreditAggregator.AssetNotSupported.selector, address(978))
        );

        aggregator.setAsset(USD, ICreditAggregator.AssetConfig(SECOND, THIRD, false));
        _refuses(_originating(_railTerms()), abi.encodeWithSelector(ICreditAggregator.AssetNotSupported.selector, USD));
    }

    function test_SignatureExpired_one_second_after_the_last() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        vm.warp(uint256(terms.signedUntil) + 1);
        _refuses(
            _originating(terms), abi.encodeWithSelector(ICreditAggregator.SignatureExpired.selector, terms.signedUntil)
        );

        vm.warp(terms.signedUntil);
        _originate(LOAN, terms);
    }

    // ------------------------------------------------------------------------------------------------------- approvals

    function test_approvals_are_needed_by_size() public view {
        vm.assertEq(aggregator.approvalsNeeded(USD, SECOND - 1), 1);
        vm.assertEq(aggregator.approvalsNeeded(USD, SECOND), 2);
        vm.assertEq(aggregator.approvalsNeeded(USD, THIRD - 1), 2);
        vm.assertEq(aggregator.approvalsNeeded(USD, THIRD), 3);
    }

    function test_ApprovalsMissing_when_too_few_approve() public {
        uint128[3] memory principals = [uint128(1), SECOND, THIRD];
        for (uint256 i = 0; i < 3; ++i) {
            ICreditAggregator.Terms memory terms = _railTerms();
            terms.principal = principals[i];
            bytes[] memory approvals = _approvals(LOAN, terms, i);
            _refuses(
                abi.encodeCall(aggregator.originate, (LOAN, terms, "", approvals)),
                abi.encodeWithSelector(ICreditAggregator.ApprovalsMissing.selector, i, i + 1)
            );
        }
    }

    function test_ApprovalsNotSorted_when_one_underwriter_approves_twice() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        bytes[] memory approvals = _approvals(LOAN, terms, 2);
        approvals[1] = approvals[0];

        _refuses(
            abi.encodeCall(aggregator.originate, (LOAN, terms, "", approvals)),
            abi.encodeWithSelector(ICreditAggregator.ApprovalsNotSorted.selector, vm.addr(underwriterKeys[0]))
        );
    }

    function test_NotUnderwriter_when_somebody_else_approves() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        bytes[] memory approvals = new bytes[](1);
        approvals[0] = _signed(LENDER_KEY, _approvalDigest(LOAN, terms));

        _refuses(
            abi.encodeCall(aggregator.originate, (LOAN, terms, "", approvals)),
            abi.encodeWithSelector(ICreditAggregator.NotUnderwriter.selector, lender)
        );
    }

    function test_ApproverIsOperator_when_who_writes_loans_approves_one() public {
        address underwriter = vm.addr(underwriterKeys[0]);
        aggregator.grantRole(aggregator.OPERATOR_ROLE(), underwriter);

        _refuses(
            _originating(_railTerms()),
            abi.encodeWithSelector(ICreditAggregator.ApproverIsOperator.selector, underwriter)
        );
    }

    function test_BadSignature_when_an_approval_is_no_signature() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        bytes[] memory approvals = new bytes[](1);
        approvals[0] = hex"1234";

        _refuses(
            abi.encodeCall(aggregator.originate, (LOAN, terms, "", approvals)),
            abi.encodeWithSelector(ICreditAggregator.BadSignature.selector, address(0))
        );
    }

    function test_an_approval_of_other_terms_or_another_loan_does_not_count() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        bytes[] memory approvals = _approvals(keccak256("another loan"), terms, 1);
        (bool succeeded, bytes memory answer) =
            address(aggregator).call(abi.encodeCall(aggregator.originate, (LOAN, terms, "", approvals)));
        vm.assertFalse(succeeded);
        vm.assertEq(bytes32(bytes4(answer)), bytes32(ICreditAggregator.NotUnderwriter.selector));

        approvals = _approvals(LOAN, terms, 1);
        terms.aprBps += 1;
        (succeeded, answer) =
            address(aggregator).call(abi.encodeCall(aggregator.originate, (LOAN, terms, "", approvals)));
        vm.assertFalse(succeeded);
        vm.assertEq(bytes32(bytes4(answer)), bytes32(ICreditAggregator.NotUnderwriter.selector));
    }

    /// @dev Three picks of three underwriters, in any order and with repetitions: good when they rise.
    function testFuzz_only_distinct_underwriters_in_order_approve(uint8 first, uint8 second, uint8 third) public {
        ICreditAggregator.Terms memory terms = _railTerms();
        terms.principal = THIRD;
        uint256[3] memory picks = [uint256(first % 3), second % 3, third % 3];
        bytes[] memory approvals = new bytes[](3);
        for (uint256 i = 0; i < 3; ++i) {
            approvals[i] = _signed(underwriterKeys[picks[i]], _approvalDigest(LOAN, terms));
        }

        (bool succeeded,) = address(aggregator).call(abi.encodeCall(aggregator.originate, (LOAN, terms, "", approvals)));

        vm.assertEq(succeeded, picks[0] < picks[1] && picks[1] < picks[2]);
    }

    // ----------------------------------------------------------------------------------------------- lender and score

    function test_BadSignature_when_the_lender_did_not_sign() public {
        ICreditAggregator.Terms memory terms = _tokenTerms();
        bytes[] memory approvals = _approvals(LOAN, terms, 1);
        bytes memory forged = _signed(BORROWER_KEY, _offerDigest(LOAN, terms));

        _refuses(
            abi.encodeCall(aggregator.originate, (LOAN, terms, forged, approvals)),
            abi.encodeWithSelector(ICreditAggregator.BadSignature.selector, lender)
        );
    }

    function test_a_lender_over_a_rail_signs_as_well() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        terms.lender = lender;
        bytes[] memory approvals = _approvals(LOAN, terms, 1);

        _refuses(
            abi.encodeCall(aggregator.originate, (LOAN, terms, "", approvals)),
            abi.encodeWithSelector(ICreditAggregator.BadSignature.selector, lender)
        );
        _originate(LOAN, terms);
        vm.assertEq(aggregator.loan(LOAN).lender, lender);
    }

    function test_a_contract_lends_by_its_own_rule() public {
        ContractWallet wallet = new ContractWallet(lender);
        ICreditAggregator.Terms memory terms = _tokenTerms();
        terms.lender = address(wallet);
        bytes[] memory approvals = _approvals(LOAN, terms, 1);

        _refuses(
            abi.encodeCall(
                aggregator.originate, (LOAN, terms, _signed(BORROWER_KEY, _offerDigest(LOAN, terms)), approvals)
            ),
            abi.encodeWithSelector(ICreditAggregator.BadSignature.selector, address(wallet))
        );
        _originate(LOAN, terms);
        vm.assertEq(aggregator.loan(LOAN).lender, address(wallet));
    }

    function test_ScoreTooLow_when_the_score_is_below_what_the_terms_ask() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        terms.minScore = 651;
        _publish(650);
        _refuses(
            _originating(terms),
            abi.encodeWithSelector(ICreditAggregator.ScoreTooLow.selector, uint16(650), uint16(651))
        );

        terms.minScore = 650;
        _originate(LOAN, terms);
    }

    function test_the_oracle_speaks_for_itself_when_there_is_no_score() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        terms.minScore = 650;

        _refuses(_originating(terms), abi.encodeWithSelector(ICreditScoringOracle.ScoreMissing.selector, SUBJECT));
    }

    function test_the_oracle_speaks_for_itself_when_the_score_has_expired() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        terms.minScore = 650;
        _publish(700);
        vm.warp(NOW + 31 days);
        terms.signedUntil = uint40(NOW + 60 days);

        _refuses(
            _originating(terms),
            abi.encodeWithSelector(ICreditScoringOracle.ScoreExpired.selector, uint40(NOW + 30 days))
        );
    }

    // ---------------------------------------------------------------------------------------------------- typed data

    /// @dev The same document as a wallet shows it (eth_signTypedData_v4), hashed by forge.
    function test_an_offer_is_what_a_wallet_signs() public view {
        ICreditAggregator.Terms memory terms = _tokenTerms();

        bytes32 shown = vm.eip712HashTypedData(_document("Offer", _termsFields(terms)));

        vm.assertEq(_offerDigest(LOAN, terms), shown);
    }

    function test_an_approval_is_what_a_wallet_signs() public view {
        ICreditAggregator.Terms memory terms = _securedTerms();

        bytes32 shown = vm.eip712HashTypedData(_document("Approval", _termsFields(terms)));

        vm.assertEq(_approvalDigest(LOAN, terms), shown);
    }

    /// @dev The contract agrees with the document, or it would not take a signature of it.
    function testFuzz_what_a_wallet_signs_is_what_the_contract_takes(
        bytes32 loanId,
        bytes32 agreementHash,
        bytes32 subject,
        uint96 principal,
        uint16 aprBps,
        uint40 maturity
    ) public {
        ICreditAggregator.Terms memory terms = _tokenTerms();
        terms.agreementHash = keccak256(abi.encode(agreementHash));
        terms.subject = subject;
        terms.principal = 1 + uint128(principal) % (SECOND - 1);
        terms.aprBps = aprBps;
        terms.maturity = maturity == 0 ? 1 : maturity;
        bytes[] memory approvals = new bytes[](1);
        approvals[0] =
            _signed(underwriterKeys[0], vm.eip712HashTypedData(_documentOf(loanId, "Approval", _termsFields(terms))));
        bytes memory offer =
            _signed(LENDER_KEY, vm.eip712HashTypedData(_documentOf(loanId, "Offer", _termsFields(terms))));

        aggregator.originate(loanId, terms, offer, approvals);

        vm.assertTrue(aggregator.stateOf(loanId) == ICreditAggregator.State.Originated);
    }

    function test_a_restructuring_is_what_a_wallet_signs() public view {
        ICreditAggregator.NewTerms memory newTerms = _newTerms();
        string memory message =
            string.concat('{"loanId":"', vm.toString(LOAN), '","seq":"2","newTerms":', _newTermsFields(newTerms), "}");
        string memory types =
            '"Restructuring":[{"name":"loanId","type":"bytes32"},{"name":"seq","type":"uint24"},{"name":"newTerms","type":"NewTerms"}],"NewTerms":[{"name":"agreementHash","type":"bytes32"},{"name":"capitalized","type":"uint128"},{"name":"aprBps","type":"uint16"},{"name":"interestCapBps","type":"uint16"},{"name":"maturity","type":"uint40"},{"name":"signedUntil","type":"uint40"}]';

        bytes32 shown = vm.eip712HashTypedData(_typed("Restructuring", types, message));

        vm.assertEq(_restructuringDigest(LOAN, 2, newTerms), shown);
    }

    function test_a_signature_for_another_chain_does_not_count() public {
        ICreditAggregator.Terms memory terms = _tokenTerms();
        bytes memory offer = _offer(LOAN, terms);
        vm.chainId(1);
        bytes[] memory approvals = _approvals(LOAN, terms, 1);

        _refuses(
            abi.encodeCall(aggregator.originate, (LOAN, terms, offer, approvals)),
            abi.encodeWithSelector(ICreditAggregator.BadSignature.selector, lender)
        );
    }

    // --------------------------------------------------------------------------------------------------- restructuring

    function test_a_restructuring_changes_what_it_names_and_capitalizes() public {
        _start(LOAN, _railTerms());
        aggregator.repay(LOAN, OP, 2, 40_000, 0);
        ICreditAggregator.NewTerms memory newTerms = _newTerms();

        vm.expectEmit(address(aggregator));
        emit ICreditAggregator.Restructured(LOAN, OP, 3, newTerms.agreementHash, 1_000, 61_000);
        aggregator.restructure(LOAN, OP, 3, newTerms, "", "");

        ICreditAggregator.Loan memory loan = aggregator.loan(LOAN);
        vm.assertEq(loan.principal, PRINCIPAL + 1_000);
        vm.assertEq(loan.outstanding, 61_000);
        vm.assertEq(loan.aprBps, 900);
        vm.assertEq(loan.interestCapBps, 6_000);
        vm.assertEq(loan.maturity, newTerms.maturity);
        vm.assertEq(loan.seq, 3);
    }

    function test_both_sides_of_a_loan_in_tokens_sign_its_restructuring() public {
        _start(LOAN, _tokenTerms());
        ICreditAggregator.NewTerms memory newTerms = _newTerms();
        bytes memory byBorrower = _signed(BORROWER_KEY, _restructuringDigest(LOAN, 2, newTerms));
        bytes memory byLender = _signed(LENDER_KEY, _restructuringDigest(LOAN, 2, newTerms));

        _refuses(
            abi.encodeCall(aggregator.restructure, (LOAN, OP, 2, newTerms, byBorrower, byBorrower)),
            abi.encodeWithSelector(ICreditAggregator.BadSignature.selector, lender)
        );
        _refuses(
            abi.encodeCall(aggregator.restructure, (LOAN, OP, 2, newTerms, byLender, byLender)),
            abi.encodeWithSelector(ICreditAggregator.BadSignature.selector, borrower)
        );
        aggregator.restructure(LOAN, OP, 2, newTerms, byBorrower, byLender);
        vm.assertEq(_outstanding(LOAN), PRINCIPAL + 1_000);
    }

    function test_a_consent_counts_for_one_write_alone() public {
        _start(LOAN, _tokenTerms());
        ICreditAggregator.NewTerms memory newTerms = _newTerms();
        bytes memory byBorrower = _signed(BORROWER_KEY, _restructuringDigest(LOAN, 2, newTerms));
        bytes memory byLender = _signed(LENDER_KEY, _restructuringDigest(LOAN, 2, newTerms));
        aggregator.restructure(LOAN, OP, 2, newTerms, byBorrower, byLender);

        _refuses(
            abi.encodeCall(aggregator.restructure, (LOAN, OP, 3, newTerms, byBorrower, byLender)),
            abi.encodeWithSelector(ICreditAggregator.BadSignature.selector, lender)
        );
    }

    function test_a_lender_over_a_rail_consents_alone() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        terms.lender = lender;
        _start(LOAN, terms);
        ICreditAggregator.NewTerms memory newTerms = _newTerms();

        aggregator.restructure(LOAN, OP, 2, newTerms, "", _signed(LENDER_KEY, _restructuringDigest(LOAN, 2, newTerms)));

        vm.assertEq(_outstanding(LOAN), PRINCIPAL + 1_000);
    }

    function test_SignatureExpired_when_a_consent_is_too_old() public {
        _start(LOAN, _tokenTerms());
        ICreditAggregator.NewTerms memory newTerms = _newTerms();
        bytes memory byBorrower = _signed(BORROWER_KEY, _restructuringDigest(LOAN, 2, newTerms));
        bytes memory byLender = _signed(LENDER_KEY, _restructuringDigest(LOAN, 2, newTerms));
        vm.warp(uint256(newTerms.signedUntil) + 1);

        _refuses(
            abi.encodeCall(aggregator.restructure, (LOAN, OP, 2, newTerms, byBorrower, byLender)),
            abi.encodeWithSelector(ICreditAggregator.SignatureExpired.selector, newTerms.signedUntil)
        );
    }

    function test_a_consent_counts_in_its_last_second() public {
        _start(LOAN, _tokenTerms());
        ICreditAggregator.NewTerms memory newTerms = _newTerms();
        bytes memory byBorrower = _signed(BORROWER_KEY, _restructuringDigest(LOAN, 2, newTerms));
        bytes memory byLender = _signed(LENDER_KEY, _restructuringDigest(LOAN, 2, newTerms));
        vm.warp(newTerms.signedUntil);

        aggregator.restructure(LOAN, OP, 2, newTerms, byBorrower, byLender);

        vm.assertEq(aggregator.loan(LOAN).seq, 2);
    }

    function test_BadTerms_names_the_field_of_a_restructuring() public {
        _start(LOAN, _railTerms());

        ICreditAggregator.NewTerms memory newTerms = _newTerms();
        newTerms.agreementHash = 0;
        _refusesNewField(newTerms, "agreementHash");

        newTerms = _newTerms();
        newTerms.maturity = 0;
        _refusesNewField(newTerms, "maturity");

        newTerms = _newTerms();
        newTerms.interestCapBps = 0;
        _refusesNewField(newTerms, "interestCapBps");

        newTerms = _newTerms();
        newTerms.capitalized = type(uint128).max;
        _refusesNewField(newTerms, "capitalized");
    }

    function test_a_restructuring_without_interest_needs_no_cap() public {
        _start(LOAN, _railTerms());
        ICreditAggregator.NewTerms memory newTerms = _newTerms();
        newTerms.aprBps = 0;
        newTerms.interestCapBps = 0;

        aggregator.restructure(LOAN, OP, 2, newTerms, "", "");

        vm.assertEq(aggregator.loan(LOAN).interestCapBps, 0);
    }

    // ------------------------------------------------------------------------------------------------------ deployment

    function test_ZeroAddress_when_something_is_deployed_for_nobody() public {
        address[] memory none = new address[](0);
        address[] memory nobody = new address[](1);
        _refusesDeployment(ICreditScoringOracle(address(0)), address(collateral), TREASURY, none);
        _refusesDeployment(oracle, address(0), TREASURY, none);
        _refusesDeployment(oracle, address(collateral), address(0), none);
        _refusesDeployment(oracle, address(collateral), TREASURY, nobody);
    }

    function test_ZeroAddress_when_an_asset_is_nothing() public {
        _refuses(
            abi.encodeCall(aggregator.setAsset, (address(0), ICreditAggregator.AssetConfig(1, 2, true))),
            abi.encodeWithSelector(ICreditAggregator.ZeroAddress.selector)
        );
    }

    function test_an_asset_is_configured_by_the_admin_alone() public {
        ICreditAggregator.AssetConfig memory config = ICreditAggregator.AssetConfig(5, 7, true);
        bytes memory call = abi.encodeCall(aggregator.setAsset, (USD, config));

        _refusesFrom(STRANGER, call, _unauthorized(STRANGER, aggregator.DEFAULT_ADMIN_ROLE()));
        vm.expectEmit(address(aggregator));
        emit ICreditAggregator.AssetConfigured(USD, 5, 7, true);
        aggregator.setAsset(USD, config);

        vm.assertEq(aggregator.assetConfig(USD).second, 5);
        vm.assertEq(aggregator.assetConfig(USD).third, 7);
        vm.assertTrue(aggregator.assetConfig(USD).enabled);
    }

    function test_a_loan_keeps_its_asset_when_assets_are_added_and_configured_anew() public {
        MockERC20 other = new MockERC20("Euro Coin", "EURC", 6);
        aggregator.setAsset(address(other), ICreditAggregator.AssetConfig(SECOND, THIRD, true));
        ICreditAggregator.Terms memory terms = _tokenTerms();
        _originate(LOAN, terms);
        terms.asset = address(other);
        _originate(keccak256("other loan"), terms);

        aggregator.setAsset(address(token), ICreditAggregator.AssetConfig(5, 7, false));

        vm.assertEq(aggregator.loan(LOAN).asset, address(token));
        vm.assertEq(aggregator.loan(keccak256("other loan")).asset, address(other));
    }

    function test_it_knows_whom_it_was_deployed_for() public view {
        vm.assertEq(aggregator.version(), "1");
        vm.assertEq(address(aggregator.oracle()), address(oracle));
        vm.assertEq(address(aggregator.collateral()), address(collateral));
        vm.assertEq(aggregator.treasury(), TREASURY);
        vm.assertTrue(aggregator.hasRole(keccak256("OPERATOR_ROLE"), address(this)));
        vm.assertTrue(aggregator.hasRole(keccak256("PAUSER_ROLE"), PAUSER));
        vm.assertTrue(aggregator.hasRole(keccak256("UNDERWRITER_ROLE"), vm.addr(underwriterKeys[2])));
        vm.assertEq(aggregator.defaultAdmin(), address(this));
    }

    // --------------------------------------------------------------------------------------------------------- phrases

    function _originating(ICreditAggregator.Terms memory terms) private view returns (bytes memory) {
        return abi.encodeCall(aggregator.originate, (LOAN, terms, _offer(LOAN, terms), _approvals(LOAN, terms, 1)));
    }

    function _refusesField(ICreditAggregator.Terms memory terms, string memory field) private {
        _refuses(_originating(terms), abi.encodeWithSelector(ICreditAggregator.BadTerms.selector, LOAN, field));
    }

    function _refusesNewField(ICreditAggregator.NewTerms memory newTerms, string memory field) private {
        _refuses(
            abi.encodeCall(aggregator.restructure, (LOAN, OP, 2, newTerms, "", "")),
            abi.encodeWithSelector(ICreditAggregator.BadTerms.selector, LOAN, field)
        );
    }

    function _refusesDeployment(
        ICreditScoringOracle oracle_,
        address collateral_,
        address treasury,
        address[] memory operators
    ) private {
        address[] memory none = new address[](0);
        try new CreditAggregator(
            0, address(this), oracle_, ICollateralManager(collateral_), treasury, operators, none, none
        ) {
            vm.assertTrue(false, "was not refused");
        } catch (bytes memory answer) {
            vm.assertEq(answer, abi.encodeWithSelector(ICreditAggregator.ZeroAddress.selector));
        }
    }

    function _document(string memory primary, string memory fields) private view returns (string memory) {
        return _documentOf(LOAN, primary, fields);
    }

    function _documentOf(bytes32 loanId, string memory primary, string memory fields)
        private
        view
        returns (string memory)
    {
        string memory types = string.concat(
            '"',
            primary,
            '":[{"name":"loanId","type":"bytes32"},{"name":"terms","type":"Terms"}],"Terms":[{"name":"agreementHash","type":"bytes32"},{"name":"subject","type":"bytes32"},{"name":"borrower","type":"address"},{"name":"lender","type":"address"},{"name":"asset","type":"address"},{"name":"principal","type":"uint128"},{"name":"aprBps","type":"uint16"},{"name":"interestCapBps","type":"uint16"},{"name":"minScore","type":"uint16"},{"name":"maturity","type":"uint40"},{"name":"signedUntil","type":"uint40"},{"name":"onChainFunds","type":"bool"},{"name":"secured","type":"bool"}]'
        );
        return _typed(primary, types, string.concat('{"loanId":"', vm.toString(loanId), '","terms":', fields, "}"));
    }

    function _typed(string memory primary, string memory types, string memory message)
        private
        view
        returns (string memory)
    {
        string memory domain = string.concat(
            '{"name":"CreditAggregator","version":"1","chainId":',
            vm.toString(block.chainid),
            ',"verifyingContract":"',
            vm.toString(address(aggregator)),
            '"}'
        );
        return string.concat(
            '{"types":{"EIP712Domain":[{"name":"name","type":"string"},{"name":"version","type":"string"},{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],',
            types,
            '},"primaryType":"',
            primary,
            '","domain":',
            domain,
            ',"message":',
            message,
            "}"
        );
    }

    function _termsFields(ICreditAggregator.Terms memory terms) private pure returns (string memory) {
        string memory parties = string.concat(
            _field("agreementHash", vm.toString(terms.agreementHash)),
            _field("subject", vm.toString(terms.subject)),
            _field("borrower", vm.toString(terms.borrower)),
            _field("lender", vm.toString(terms.lender)),
            _field("asset", vm.toString(terms.asset))
        );
        string memory numbers = string.concat(
            _field("principal", vm.toString(uint256(terms.principal))),
            _field("aprBps", vm.toString(uint256(terms.aprBps))),
            _field("interestCapBps", vm.toString(uint256(terms.interestCapBps))),
            _field("minScore", vm.toString(uint256(terms.minScore))),
            _field("maturity", vm.toString(uint256(terms.maturity))),
            _field("signedUntil", vm.toString(uint256(terms.signedUntil)))
        );
        return string.concat(
            "{",
            parties,
            numbers,
            '"onChainFunds":',
            vm.toString(terms.onChainFunds),
            ',"secured":',
            vm.toString(terms.secured),
            "}"
        );
    }

    function _newTermsFields(ICreditAggregator.NewTerms memory newTerms) private pure returns (string memory) {
        return string.concat(
            "{",
            _field("agreementHash", vm.toString(newTerms.agreementHash)),
            _field("capitalized", vm.toString(uint256(newTerms.capitalized))),
            _field("aprBps", vm.toString(uint256(newTerms.aprBps))),
            _field("interestCapBps", vm.toString(uint256(newTerms.interestCapBps))),
            _field("maturity", vm.toString(uint256(newTerms.maturity))),
            '"signedUntil":"',
            vm.toString(uint256(newTerms.signedUntil)),
            '"}'
        );
    }

    function _field(string memory name, string memory value) private pure returns (string memory) {
        return string.concat('"', name, '":"', value, '",');
    }
}
