// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Credit scores on chain, 300 to 850
/// @notice A score is about a subject, which stands for one loan and for no person that others could recognize.
interface ICreditScoringOracle {
    /// @dev What the signers sign (EIP-712). Times are seconds since 1970 UTC, by the clock of the chain.
    struct Score {
        uint16 score;
        uint40 issuedAt;
        uint40 expiresAt;
        uint32 modelVersion;
    }

    event ScorePublished(
        bytes32 indexed subject, uint16 score, uint40 issuedAt, uint40 expiresAt, uint32 modelVersion, uint8 signers
    );
    event QuorumChanged(uint8 quorum, uint8 jumpQuorum, uint16 maxJump);

    error ZeroAddress();
    error ScoreOutOfRange(uint16 score);
    error ScoreFromFuture(uint40 issuedAt);
    error ScoreExpired(uint40 expiresAt);
    error ScoreNotNewer(bytes32 subject, uint40 issuedAt, uint40 known);
    error AlreadyPublished(bytes32 subject); // this very score is there already
    error ScoreMissing(bytes32 subject);
    error SignaturesMissing(uint256 given, uint256 needed);
    error SignersNotSorted(address signer);
    error NotOracleSigner(address signer); // zero: a signature that nobody can have made
    error BadQuorum(uint8 quorum, uint8 jumpQuorum);

    /// @notice Publish a score that enough signers have signed; whoever brings it pays for it. A score that moves more
    /// than `maxJump` points from one that is still good needs `jumpQuorum` signers.
    /// @param signatures of `Score`, 65 bytes each, in the order of their signers' addresses
    function publish(bytes32 subject, Score calldata score, bytes[] calldata signatures) external;

    /// @notice The score of a subject; reverts when there is none or when it has expired.
    function scoreOf(bytes32 subject) external view returns (uint16 score, uint40 expiresAt);

    /// @notice What was published last, expired or not; zeros when nothing was.
    function latest(bytes32 subject) external view returns (Score memory);
}
