// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ICreditScoringOracle} from "./interfaces/ICreditScoringOracle.sol";
import {TypedData} from "./libraries/TypedData.sol";

/// @title Credit scores that enough signers stand behind
/// @notice A score is a fact that was signed off chain: anyone may bring it, nobody can alter it, and an older one
/// never replaces a newer. One storage slot per subject.
contract CreditScoringOracle is ICreditScoringOracle, AccessControlDefaultAdminRules, EIP712 {
    /// @notice Whose signatures count.
    bytes32 public constant ORACLE_SIGNER_ROLE = keccak256("ORACLE_SIGNER_ROLE");

    uint16 private constant LOWEST_SCORE = 300;
    uint16 private constant HIGHEST_SCORE = 850;

    /// @notice Signers that a score needs.
    uint8 public quorum;
    /// @notice Signers that a score needs when it moves more than `maxJump` points from one that is still good.
    uint8 public jumpQuorum;
    /// @notice Points that a score may move with the ordinary quorum.
    uint16 public maxJump;

    mapping(bytes32 subject => Score) private _scores;

    /// @param adminDelay seconds that a handover of the admin role takes
    /// @param admin who changes quorums and signers: a timelock
    constructor(
        uint48 adminDelay,
        address admin,
        uint8 initialQuorum,
        uint8 initialJumpQuorum,
        uint16 initialMaxJump,
        address[] memory signers
    ) AccessControlDefaultAdminRules(adminDelay, admin) EIP712("CreditScoringOracle", "1") {
        _setQuorum(initialQuorum, initialJumpQuorum, initialMaxJump);
        for (uint256 i = 0; i < signers.length; ++i) {
            if (signers[i] == address(0)) revert ZeroAddress();
            _grantRole(ORACLE_SIGNER_ROLE, signers[i]);
        }
    }

    /// @inheritdoc ICreditScoringOracle
    function publish(bytes32 subject, Score calldata score, bytes[] calldata signatures) external {
        Score memory known = _scores[subject];
        _requireNews(subject, score, known);
        uint256 needed = _signersNeeded(score.score, known);
        if (signatures.length < needed) revert SignaturesMissing(signatures.length, needed);
        _requireSigners(_hashTypedDataV4(TypedData.ofScore(subject, score)), signatures);

        _scores[subject] = score;
        uint8 signers = uint8(Math.min(signatures.length, type(uint8).max));
        emit ScorePublished(subject, score.score, score.issuedAt, score.expiresAt, score.modelVersion, signers);
    }

    /// @notice Change how many signers a score needs; only the admin.
    /// @param newQuorum signers for an ordinary score, at least 1
    /// @param newJumpQuorum signers for a score that moves more than `newMaxJump` points, at least `newQuorum`
    function setQuorum(uint8 newQuorum, uint8 newJumpQuorum, uint16 newMaxJump) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setQuorum(newQuorum, newJumpQuorum, newMaxJump);
    }

    /// @inheritdoc ICreditScoringOracle
    function scoreOf(bytes32 subject) external view returns (uint16 score, uint40 expiresAt) {
        Score memory known = _scores[subject];
        if (known.issuedAt == 0) revert ScoreMissing(subject);
        if (known.expiresAt < block.timestamp) revert ScoreExpired(known.expiresAt);
        return (known.score, known.expiresAt);
    }

    /// @inheritdoc ICreditScoringOracle
    function latest(bytes32 subject) external view returns (Score memory) {
        return _scores[subject];
    }

    /// @notice The version of this contract and of the domain its signers sign for.
    function version() external pure returns (string memory) {
        return "1";
    }

    function _setQuorum(uint8 newQuorum, uint8 newJumpQuorum, uint16 newMaxJump) private {
        if (newQuorum == 0 || newJumpQuorum < newQuorum) revert BadQuorum(newQuorum, newJumpQuorum);
        quorum = newQuorum;
        jumpQuorum = newJumpQuorum;
        maxJump = newMaxJump;
        emit QuorumChanged(newQuorum, newJumpQuorum, newMaxJump);
    }

    /// @dev The sameness comes first: who brings a score twice shall hear that it is there, even when it has expired.
    function _requireNews(bytes32 subject, Score calldata score, Score memory known) private view {
        if (
            known.issuedAt != 0 && score.issuedAt == known.issuedAt && score.score == known.score
                && score.expiresAt == known.expiresAt && score.modelVersion == known.modelVersion
        ) revert AlreadyPublished(subject);
        if (score.score < LOWEST_SCORE || score.score > HIGHEST_SCORE) revert ScoreOutOfRange(score.score);
        if (score.issuedAt > block.timestamp) revert ScoreFromFuture(score.issuedAt);
        if (score.expiresAt < block.timestamp) revert ScoreExpired(score.expiresAt);
        if (score.issuedAt <= known.issuedAt) revert ScoreNotNewer(subject, score.issuedAt, known.issuedAt);
    }

    function _signersNeeded(uint16 score, Score memory known) private view returns (uint256) {
        if (known.issuedAt == 0 || known.expiresAt < block.timestamp) return quorum;
        uint16 jump = score > known.score ? score - known.score : known.score - score;
        return jump > maxJump ? jumpQuorum : quorum;
    }

    /// @dev Sorted by address, so that one signer counts once. A signature that nobody can have made is of signer zero.
    function _requireSigners(bytes32 digest, bytes[] calldata signatures) private view {
        address last = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            // slither-disable-next-line unused-return
            (address signer,,) = ECDSA.tryRecoverCalldata(digest, signatures[i]);
            if (!hasRole(ORACLE_SIGNER_ROLE, signer)) revert NotOracleSigner(signer);
            if (signer <= last) revert SignersNotSorted(signer);
            last = signer;
        }
    }
}
