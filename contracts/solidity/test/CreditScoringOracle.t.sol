// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CreditScoringOracle} from "../CreditScoringOracle.sol";
import {ICreditScoringOracle} from "../interfaces/ICreditScoringOracle.sol";
import {vm} from "./Vm.sol";

/// @title Scores, who signs them, and when they count
contract CreditScoringOracleTest {
    uint256 private constant NOW = 1_800_000_000;
    uint256 private constant STRANGER_KEY = 0x574;
    bytes32 private constant SUBJECT = keccak256("subject");

    CreditScoringOracle private oracle;
    uint256[3] private keys; // sorted by address

    function setUp() public {
        vm.warp(NOW);
        keys = [uint256(0x5C1), 0x5C2, 0x5C3];
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 j = i + 1; j < 3; ++j) {
                if (vm.addr(keys[j]) < vm.addr(keys[i])) (keys[i], keys[j]) = (keys[j], keys[i]);
            }
        }
        oracle = new CreditScoringOracle(0, address(this), 1, 2, 150, _signers());
    }

    // -------------------------------------------------------------------------------------------------- what is kept

    function test_a_published_score_is_there_to_read() public {
        ICreditScoringOracle.Score memory score = _score(700);

        vm.expectEmit(address(oracle));
        emit ICreditScoringOracle.ScorePublished(SUBJECT, 700, score.issuedAt, score.expiresAt, 7, 1);
        _publish(score, 1);

        (uint16 value, uint40 expiresAt) = oracle.scoreOf(SUBJECT);
        vm.assertEq(value, 700);
        vm.assertEq(expiresAt, score.expiresAt);
        ICreditScoringOracle.Score memory latest = oracle.latest(SUBJECT);
        vm.assertEq(keccak256(abi.encode(latest)), keccak256(abi.encode(score)));
    }

    function test_anybody_brings_a_score() public {
        ICreditScoringOracle.Score memory score = _score(700);
        bytes[] memory signatures = _signatures(score, 1);

        vm.prank(vm.addr(STRANGER_KEY));
        oracle.publish(SUBJECT, score, signatures);

        vm.assertEq(oracle.latest(SUBJECT).score, 700);
    }

    function test_nothing_published_is_all_zeros() public view {
        vm.assertEq(oracle.latest(SUBJECT).issuedAt, 0);
        vm.assertEq(oracle.latest(SUBJECT).score, 0);
    }

    function test_ScoreMissing_when_nothing_was_published() public {
        _refuses(
            abi.encodeCall(oracle.scoreOf, (SUBJECT)),
            abi.encodeWithSelector(ICreditScoringOracle.ScoreMissing.selector, SUBJECT)
        );
    }

    function test_ScoreExpired_one_second_after_the_last() public {
        ICreditScoringOracle.Score memory score = _score(700);
        _publish(score, 1);

        vm.warp(score.expiresAt);
        oracle.scoreOf(SUBJECT);
        vm.warp(uint256(score.expiresAt) + 1);
        _refuses(
            abi.encodeCall(oracle.scoreOf, (SUBJECT)),
            abi.encodeWithSelector(ICreditScoringOracle.ScoreExpired.selector, score.expiresAt)
        );
        vm.assertEq(oracle.latest(SUBJECT).score, 700);
    }

    // --------------------------------------------------------------------------------------------------- what is taken

    function test_ScoreOutOfRange_outside_of_300_to_850() public {
        uint16[4] memory outside = [0, 299, 851, type(uint16).max];
        for (uint256 i = 0; i < 4; ++i) {
            _refusesScore(
                _score(outside[i]), abi.encodeWithSelector(ICreditScoringOracle.ScoreOutOfRange.selector, outside[i])
            );
        }
        _publish(_score(300), 1);
        vm.warp(NOW + 1);
        ICreditScoringOracle.Score memory highest = _score(850);
        _publish(highest, 2);
        vm.assertEq(oracle.latest(SUBJECT).score, 850);
    }

    function test_ScoreFromFuture_when_it_is_issued_after_now() public {
        ICreditScoringOracle.Score memory score = _score(700);
        score.issuedAt = uint40(NOW + 1);

        _refusesScore(score, abi.encodeWithSelector(ICreditScoringOracle.ScoreFromFuture.selector, score.issuedAt));
    }

    function test_ScoreExpired_when_it_comes_too_late() public {
        ICreditScoringOracle.Score memory score = _score(700);
        score.expiresAt = uint40(NOW - 1);

        _refusesScore(score, abi.encodeWithSelector(ICreditScoringOracle.ScoreExpired.selector, score.expiresAt));
    }

    function test_ScoreNotNewer_when_one_is_known_of_that_time_or_later() public {
        ICreditScoringOracle.Score memory known = _score(700);
        _publish(known, 1);
        ICreditScoringOracle.Score memory other = _score(701);

        for (uint40 i = 0; i < 2; ++i) {
            other.issuedAt = known.issuedAt - i;
            _refusesScore(
                other,
                abi.encodeWithSelector(
                    ICreditScoringOracle.ScoreNotNewer.selector, SUBJECT, other.issuedAt, known.issuedAt
                )
            );
        }
    }

    function test_ScoreNotNewer_when_a_first_score_is_of_no_time() public {
        ICreditScoringOracle.Score memory score = _score(700);
        score.issuedAt = 0;

        _refusesScore(
            score, abi.encodeWithSelector(ICreditScoringOracle.ScoreNotNewer.selector, SUBJECT, uint40(0), uint40(0))
        );
    }

    function test_AlreadyPublished_when_the_same_score_comes_again_even_late() public {
        ICreditScoringOracle.Score memory score = _score(700);
        _publish(score, 1);
        bytes memory refusal = abi.encodeWithSelector(ICreditScoringOracle.AlreadyPublished.selector, SUBJECT);

        _refusesScore(score, refusal);
        vm.warp(uint256(score.expiresAt) + 1);
        _refusesScore(score, refusal);
    }

    function test_a_score_that_differs_in_one_field_is_not_the_same() public {
        ICreditScoringOracle.Score memory known = _score(700);
        _publish(known, 1);
        ICreditScoringOracle.Score[3] memory others = [_score(701), _score(700), _score(700)];
        others[1].expiresAt += 1;
        others[2].modelVersion += 1;

        for (uint256 i = 0; i < 3; ++i) {
            _refusesScore(
                others[i],
                abi.encodeWithSelector(
                    ICreditScoringOracle.ScoreNotNewer.selector, SUBJECT, known.issuedAt, known.issuedAt
                )
            );
        }
    }

    // --------------------------------------------------------------------------------------------------- who signs

    function test_SignaturesMissing_when_too_few_sign() public {
        oracle.setQuorum(2, 3, 150);

        _refuses(
            abi.encodeCall(oracle.publish, (SUBJECT, _score(700), _signatures(_score(700), 1))),
            abi.encodeWithSelector(ICreditScoringOracle.SignaturesMissing.selector, 1, 2)
        );
        _publish(_score(700), 2);
    }

    function test_SignaturesMissing_when_a_jump_has_the_ordinary_quorum() public {
        _publish(_score(600), 1);
        vm.warp(NOW + 1);

        ICreditScoringOracle.Score memory up = _score(751);
        _refusesScore(up, abi.encodeWithSelector(ICreditScoringOracle.SignaturesMissing.selector, 1, 2));
        ICreditScoringOracle.Score memory down = _score(449);
        _refusesScore(down, abi.encodeWithSelector(ICreditScoringOracle.SignaturesMissing.selector, 1, 2));

        _publish(down, 2);
        vm.assertEq(oracle.latest(SUBJECT).score, 449);
    }

    function test_a_move_of_the_greatest_ordinary_jump_needs_the_ordinary_quorum() public {
        _publish(_score(600), 1);
        vm.warp(NOW + 1);
        _publish(_score(750), 1);

        vm.assertEq(oracle.latest(SUBJECT).score, 750);
    }

    function test_a_move_from_a_score_in_its_last_second_is_still_a_jump() public {
        ICreditScoringOracle.Score memory known = _score(400);
        _publish(known, 1);
        vm.warp(known.expiresAt);

        _refusesScore(_score(800), abi.encodeWithSelector(ICreditScoringOracle.SignaturesMissing.selector, 1, 2));
    }

    function test_a_move_from_an_expired_score_is_no_jump() public {
        _publish(_score(400), 1);
        vm.warp(NOW + 31 days);
        _publish(_score(800), 1);

        vm.assertEq(oracle.latest(SUBJECT).score, 800);
    }

    function test_SignersNotSorted_when_one_signer_signs_twice() public {
        ICreditScoringOracle.Score memory score = _score(700);
        bytes[] memory signatures = _signatures(score, 2);
        signatures[1] = signatures[0];

        _refuses(
            abi.encodeCall(oracle.publish, (SUBJECT, score, signatures)),
            abi.encodeWithSelector(ICreditScoringOracle.SignersNotSorted.selector, vm.addr(keys[0]))
        );
    }

    function test_NotOracleSigner_when_somebody_else_signs() public {
        ICreditScoringOracle.Score memory score = _score(700);
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _signed(STRANGER_KEY, _digest(SUBJECT, score));

        _refuses(
            abi.encodeCall(oracle.publish, (SUBJECT, score, signatures)),
            abi.encodeWithSelector(ICreditScoringOracle.NotOracleSigner.selector, vm.addr(STRANGER_KEY))
        );
    }

    function test_NotOracleSigner_when_it_is_no_signature() public {
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = hex"00";

        _refuses(
            abi.encodeCall(oracle.publish, (SUBJECT, _score(700), signatures)),
            abi.encodeWithSelector(ICreditScoringOracle.NotOracleSigner.selector, address(0))
        );
    }

    function testFuzz_only_distinct_signers_in_order_count(uint8 first, uint8 second, uint8 third) public {
        oracle.setQuorum(3, 3, 150);
        ICreditScoringOracle.Score memory score = _score(700);
        uint256[3] memory picks = [uint256(first % 3), second % 3, third % 3];
        bytes[] memory signatures = new bytes[](3);
        for (uint256 i = 0; i < 3; ++i) {
            signatures[i] = _signed(keys[picks[i]], _digest(SUBJECT, score));
        }

        (bool succeeded,) = address(oracle).call(abi.encodeCall(oracle.publish, (SUBJECT, score, signatures)));

        vm.assertEq(succeeded, picks[0] < picks[1] && picks[1] < picks[2]);
    }

    function testFuzz_what_is_published_is_in_range_and_of_its_time(
        uint16 score,
        uint40 issuedAt,
        uint40 expiresAt,
        uint32 modelVersion
    ) public {
        issuedAt = uint40(NOW - 10 + issuedAt % 20);
        expiresAt = uint40(NOW - 10 + expiresAt % 20);
        score = score % 1_000;
        ICreditScoringOracle.Score memory given = ICreditScoringOracle.Score(score, issuedAt, expiresAt, modelVersion);

        (bool succeeded,) =
            address(oracle).call(abi.encodeCall(oracle.publish, (SUBJECT, given, _signatures(given, 1))));

        vm.assertEq(succeeded, score >= 300 && score <= 850 && issuedAt <= NOW && expiresAt >= NOW);
        vm.assertEq(oracle.latest(SUBJECT).score, succeeded ? score : 0);
    }

    /// @dev The same document as a wallet shows it (eth_signTypedData_v4), hashed by forge.
    function testFuzz_a_score_is_what_a_wallet_signs(bytes32 subject, uint32 modelVersion) public {
        ICreditScoringOracle.Score memory score = _score(700);
        score.modelVersion = modelVersion;
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _signed(keys[0], vm.eip712HashTypedData(_document(subject, score)));

        oracle.publish(subject, score, signatures);

        vm.assertEq(oracle.latest(subject).modelVersion, modelVersion);
    }

    // ------------------------------------------------------------------------------------------------------- the admin

    function test_BadQuorum_when_it_is_zero_or_a_jump_needs_less() public {
        _refuses(
            abi.encodeCall(oracle.setQuorum, (0, 1, 150)),
            abi.encodeWithSelector(ICreditScoringOracle.BadQuorum.selector, uint8(0), uint8(1))
        );
        _refuses(
            abi.encodeCall(oracle.setQuorum, (2, 1, 150)),
            abi.encodeWithSelector(ICreditScoringOracle.BadQuorum.selector, uint8(2), uint8(1))
        );
    }

    function test_a_quorum_is_changed_by_the_admin_alone() public {
        vm.expectEmit(address(oracle));
        emit ICreditScoringOracle.QuorumChanged(2, 3, 99);
        oracle.setQuorum(2, 3, 99);

        vm.assertEq(oracle.quorum(), 2);
        vm.assertEq(oracle.jumpQuorum(), 3);
        vm.assertEq(oracle.maxJump(), 99);
        bytes32 role = oracle.DEFAULT_ADMIN_ROLE();
        address stranger = vm.addr(STRANGER_KEY);
        bytes memory call = abi.encodeCall(oracle.setQuorum, (1, 1, 1));
        vm.prank(stranger);
        _refuses(call, abi.encodeWithSignature("AccessControlUnauthorizedAccount(address,bytes32)", stranger, role));
    }

    function test_ZeroAddress_when_a_signer_is_nobody() public {
        address[] memory nobody = new address[](1);
        try new CreditScoringOracle(0, address(this), 1, 1, 150, nobody) {
            vm.assertTrue(false, "was not refused");
        } catch (bytes memory answer) {
            vm.assertEq(answer, abi.encodeWithSelector(ICreditScoringOracle.ZeroAddress.selector));
        }
    }

    function test_it_knows_its_version_and_its_signers() public view {
        vm.assertEq(oracle.version(), "1");
        vm.assertTrue(oracle.hasRole(keccak256("ORACLE_SIGNER_ROLE"), vm.addr(keys[1])));
        vm.assertFalse(oracle.hasRole(keccak256("ORACLE_SIGNER_ROLE"), vm.addr(STRANGER_KEY)));
    }

    // --------------------------------------------------------------------------------------------------------- phrases

    function _score(uint16 score) private view returns (ICreditScoringOracle.Score memory) {
        return ICreditScoringOracle.Score(score, uint40(block.timestamp), uint40(block.timestamp + 30 days), 7);
    }

    function _publish(ICreditScoringOracle.Score memory score, uint256 count) private {
        oracle.publish(SUBJECT, score, _signatures(score, count));
    }

    function _signatures(ICreditScoringOracle.Score memory score, uint256 count)
        private
        view
        returns (bytes[] memory signatures)
    {
        signatures = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            signatures[i] = _signed(keys[i], _digest(SUBJECT, score));
        }
    }

    function _digest(bytes32 subject, ICreditScoringOracle.Score memory score) private view returns (bytes32) {
        return vm.eip712HashTypedData(_document(subject, score));
    }

    function _signed(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _refusesScore(ICreditScoringOracle.Score memory score, bytes memory refusal) private {
        _refuses(abi.encodeCall(oracle.publish, (SUBJECT, score, _signatures(score, 1))), refusal);
    }

    function _refuses(bytes memory call, bytes memory refusal) private {
        (bool succeeded, bytes memory answer) = address(oracle).call(call);
        vm.assertFalse(succeeded, "was not refused");
        vm.assertEq(answer, refusal);
    }

    function _signers() private view returns (address[] memory signers) {
        signers = new address[](3);
        for (uint256 i = 0; i < 3; ++i) {
            signers[i] = vm.addr(keys[i]);
        }
    }

    function _document(bytes32 subject, ICreditScoringOracle.Score memory score) private view returns (string memory) {
        string memory types =
            '{"types":{"EIP712Domain":[{"name":"name","type":"string"},{"name":"version","type":"string"},{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],"Score":[{"name":"subject","type":"bytes32"},{"name":"score","type":"uint16"},{"name":"issuedAt","type":"uint40"},{"name":"expiresAt","type":"uint40"},{"name":"modelVersion","type":"uint32"}]},"primaryType":"Score",';
        string memory domain = string.concat(
            '"domain":{"name":"CreditScoringOracle","version":"1","chainId":',
            vm.toString(block.chainid),
            ',"verifyingContract":"',
            vm.toString(address(oracle)),
            '"},'
        );
        string memory message = string.concat(
            '"message":{"subject":"',
            vm.toString(subject),
            '","score":',
            vm.toString(uint256(score.score)),
            ',"issuedAt":',
            vm.toString(uint256(score.issuedAt)),
            ',"expiresAt":',
            vm.toString(uint256(score.expiresAt)),
            ',"modelVersion":',
            vm.toString(uint256(score.modelVersion)),
            "}}"
        );
        return string.concat(types, domain, message);
    }
}
