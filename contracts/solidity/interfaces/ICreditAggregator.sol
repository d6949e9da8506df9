// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The life of a loan on chain
/// @notice One record per loan, no personal data. Every write by the operator carries the next sequence number of its
/// loan, so a write that is sent twice is applied once, and writes are applied in their order.
///
///     None -> Originated -> Active <-> Delinquent -> Defaulted -> Liquidating
///     Originated, Active (nothing repaid) -> Cancelled      Active, Delinquent, Defaulted, Liquidating -> WrittenOff
///     Closed is reached by money or forgiveness alone, and left only when money is taken back
///     Defaulted -> Active and WrittenOff -> Active by word; Liquidating -> Closed, WrittenOff or Defaulted by settling
///
/// Every change of state after `Originated` is a `StateChanged`. Views of a loan that does not exist are zeros.
/// Amounts are base units of the loan's asset. A loan of a currency without a token names the currency as its asset:
/// the address whose value is the ISO 4217 number (840 is USD), as price feed registries do.
interface ICreditAggregator {
    enum State {
        None,
        Originated,
        Active,
        Delinquent,
        Defaulted,
        Liquidating,
        Closed,
        WrittenOff,
        Cancelled
    }

    /// @dev What lender and underwriters sign (EIP-712). `signedUntil` and `maturity` are seconds since 1970 UTC, but
    /// only `signedUntil` is compared with the clock of the chain: a loan's own calendar is data here.
    struct Terms {
        bytes32 agreementHash; // keccak256(salt || canonical agreement)
        bytes32 subject; // of the credit score, one per loan
        address borrower; // may be zero for an unsecured loan that is paid out off chain
        address lender; // may be zero for a loan that is paid out off chain
        address asset;
        uint128 principal;
        uint16 aprBps;
        uint16 interestCapBps; // interest, fees and penalties together never exceed this share of the principal
        uint16 minScore; // 0: no score is asked for
        uint40 maturity;
        uint40 signedUntil;
        bool onChainFunds; // principal and repayments are tokens that move through this contract
        bool secured; // collateral must cover the principal before it is funded
    }

    /// @dev What a restructuring changes; `capitalized` is added to what is outstanding.
    struct NewTerms {
        bytes32 agreementHash;
        uint128 capitalized;
        uint16 aprBps;
        uint16 interestCapBps;
        uint40 maturity;
        uint40 signedUntil;
    }

    /// @dev `borrower` and `lender` as the terms have them. `asset` is zero for an unsecured loan that is paid out off
    /// chain: no tokens move here, and its asset is in `Originated`.
    struct Loan {
        bytes32 termsHash;
        address borrower;
        address lender;
        address asset;
        uint128 principal; // with what was capitalized since
        uint128 outstanding; // 0 before funding and after canceling; what was lost stays in a loan that is written off
        uint96 interestPaid;
        uint24 seq; // of the last write that was applied
        uint16 aprBps;
        uint16 interestCapBps;
        uint40 maturity;
        State state;
        bool onChainFunds;
        bool secured;
    }

    /// @dev Approvals that are needed by size of the principal: one below `second`, two below `third`, else three.
    struct AssetConfig {
        uint128 second;
        uint128 third;
        bool enabled;
    }

    event Originated(
        bytes32 indexed loanId,
        bytes32 termsHash,
        bytes32 agreementHash,
        address indexed asset,
        uint128 principal,
        uint16 aprBps,
        uint40 maturity,
        uint8 approvals
    );
    event Funded(bytes32 indexed loanId, bytes32 opId, uint24 seq, uint128 principal);
    event Repaid(
        bytes32 indexed loanId, bytes32 opId, uint24 seq, uint128 principal, uint96 interest, uint128 outstanding
    );
    event RepaymentReversed(
        bytes32 indexed loanId, bytes32 opId, uint24 seq, uint128 principal, uint96 interest, uint128 outstanding
    );
    event Forgiven(
        bytes32 indexed loanId, bytes32 opId, uint24 seq, uint128 principal, uint128 outstanding, bytes32 reason
    );
    event Restructured(
        bytes32 indexed loanId,
        bytes32 opId,
        uint24 seq,
        bytes32 agreementHash,
        uint128 capitalized,
        uint128 outstanding
    );
    event StateChanged(bytes32 indexed loanId, bytes32 opId, uint24 seq, State from, State to, bytes32 reason);
    event LiquidationStarted(bytes32 indexed loanId, bytes32 opId, uint24 seq, uint128 debt);
    event LiquidationProceeds(bytes32 indexed loanId, uint128 fee, uint96 interest, uint128 principal, uint128 surplus);
    event LiquidationSettled(bytes32 indexed loanId, bytes32 opId, uint24 seq, uint128 deficit);
    event Paid(bytes32 indexed loanId, address indexed payer, uint128 amount, uint128 credit);
    event CreditReturned(bytes32 indexed loanId, address indexed borrower, uint128 amount);
    event EscrowDeposited(address indexed lender, address indexed asset, uint256 amount);
    event EscrowWithdrawn(address indexed lender, address indexed asset, address to, uint256 amount);
    event AssetConfigured(address indexed asset, uint128 second, uint128 third, bool enabled);
    event OutflowLimited(address indexed asset, uint208 capacity, uint48 window);

    error ZeroAddress();
    error LoanUnknown(bytes32 loanId);
    error AlreadyApplied(bytes32 loanId); // the same terms are originated already
    error TermsConflict(bytes32 loanId, bytes32 termsHash); // other terms are originated under this id
    error BadSequence(bytes32 loanId, uint24 seq, uint24 applied);
    error BadState(bytes32 loanId, State state);
    error BadTransition(bytes32 loanId, State from, State to);
    error BadTerms(bytes32 loanId, string field);
    error AssetNotSupported(address asset); // not enabled, or a token that keeps a part of what is sent
    error SignatureExpired(uint40 signedUntil);
    error BadSignature(address signer); // of this signer; zero: an approval that nobody can have made
    error ApprovalsMissing(uint256 given, uint256 needed);
    error ApprovalsNotSorted(address signer);
    error NotUnderwriter(address signer);
    error ApproverIsOperator(address signer);
    error ScoreTooLow(uint16 score, uint16 minScore);
    error AmountZero();
    error AmountExceedsOutstanding(bytes32 loanId, uint128 amount, uint128 outstanding);
    error AmountExceedsRepaid(bytes32 loanId, uint128 amount, uint128 repaid);
    error InterestAboveCap(bytes32 loanId, uint256 interest, uint256 cap);
    error EscrowTooLow(address lender, address asset, uint256 needed, uint256 available);
    error CollateralTooLow(bytes32 loanId, uint256 needed, uint256 available);
    error MoneyMovedOnChain(bytes32 loanId);
    error NotOnChainFunds(bytes32 loanId);
    error NotSecured(bytes32 loanId);
    error NotCollateralManager(address caller);
    error LiquidationNotAllowed(bytes32 loanId);
    error AuctionRunning(bytes32 loanId);
    error NothingToReturn(bytes32 loanId);

    /// @notice Record agreed terms. The same terms again revert with `AlreadyApplied`, others with `TermsConflict`.
    /// @param lenderSignature of `Offer`, by key or contract (ERC-1271); not read without a lender
    /// @param approvals of `Approval`, 65 bytes each, in the order of their signers' addresses
    function originate(bytes32 loanId, Terms calldata terms, bytes calldata lenderSignature, bytes[] calldata approvals)
        external;

    /// @notice The principal has been paid out; for `onChainFunds` it leaves the lender's escrow here.
    function fund(bytes32 loanId, bytes32 opId, uint24 seq) external;

    /// @notice A repayment as the ledger has allocated it. For `onChainFunds` the tokens come from what was paid
    /// before (`pay`), and what is missing from the caller; they are the lender's escrow then. The last of the principal
    /// closes the loan; interest alone may still come after it.
    /// @param principal base units, at most what is outstanding
    /// @param interest base units of interest, fees and penalties
    function repay(bytes32 loanId, bytes32 opId, uint24 seq, uint128 principal, uint96 interest) external;

    /// @notice Money that came off chain was taken back; a closed loan is active again, a written off one stays so.
    /// @param principal base units, at most what was repaid: what was forgiven is not
    /// @param interest base units, at most what was paid
    function reverseRepayment(bytes32 loanId, bytes32 opId, uint24 seq, uint128 principal, uint96 interest) external;

    /// @notice Principal that nobody is asked for any more; the last of it closes the loan.
    function forgive(bytes32 loanId, bytes32 opId, uint24 seq, uint128 principal, bytes32 reason) external;

    /// @notice What the ledger says about a loan's standing. A loan over a rail is cancelled after its payout when all of
    /// the payout came back and nothing was ever repaid.
    function transition(bytes32 loanId, bytes32 opId, uint24 seq, State to, bytes32 reason) external;

    /// @notice Give up on what is outstanding; in liquidation only when the auction is over.
    function writeOff(bytes32 loanId, bytes32 opId, uint24 seq, bytes32 reason) external;

    /// @notice Change the terms of a running loan; its state stays. The lender, if there is one, must have signed
    /// `Restructuring`, and for `onChainFunds` the borrower as well; without a lender nothing here is signed, and
    /// `signedUntil` is not read.
    function restructure(
        bytes32 loanId,
        bytes32 opId,
        uint24 seq,
        NewTerms calldata newTerms,
        bytes calldata borrowerSignature,
        bytes calldata lenderSignature
    ) external;

    /// @notice Auction the collateral: of a loan in default, or below the thresholds of the collateral manager.
    /// @param interestDue base units that are owed beside the principal; they count against the cap already
    function startLiquidation(bytes32 loanId, bytes32 opId, uint24 seq, uint96 interestDue) external;

    /// @notice End the auction: `Closed` when nothing is owed, `WrittenOff` with the deficit when nothing is left to
    /// sell, else, once the auction is over, back to `Defaulted`. The deficit is principal and interest due. A debt that
    /// proceeds have paid ends the auction for buyers at once, but the loan is closed here.
    function settleLiquidation(bytes32 loanId, bytes32 opId, uint24 seq) external;

    /// @notice The collateral manager passes on what a buyer paid: fee, interest, principal; the surplus is credit of
    /// the borrower. The tokens are here already.
    /// @param amount base units of the loan's asset
    function auctionProceeds(bytes32 loanId, uint128 amount) external;

    /// @notice Pay towards a loan from any wallet, also while paused; the ledger allocates it later (`repay`). Taken for
    /// every loan with `onChainFunds` that is owed, in liquidation and written off too.
    function pay(bytes32 loanId, uint128 amount) external;

    /// @notice What was paid too much goes back to the borrower of a closed or cancelled loan; anyone may call. Credit of
    /// a loan that is written off is still owed: the ledger calls the loan active again and allocates it (`repay`).
    function returnCredit(bytes32 loanId) external;

    /// @notice Fill the caller's escrow, from which loans that he has signed are funded.
    function depositEscrow(address asset, uint256 amount) external;

    /// @notice Empty the caller's escrow; not while paused, and within the outflow limit of the asset.
    function withdrawEscrow(address asset, uint256 amount, address to) external;

    /// @notice All that is known of a loan here.
    function loan(bytes32 loanId) external view returns (Loan memory);

    /// @notice Where a loan stands.
    function stateOf(bytes32 loanId) external view returns (State);

    /// @notice What is owed.
    /// @return asset the loan's asset, as in `Loan`
    /// @return amount outstanding principal, and in liquidation the interest due as well
    function debtOf(bytes32 loanId) external view returns (address asset, uint256 amount);

    /// @notice Base units that were paid for a loan and not allocated yet.
    function creditOf(bytes32 loanId) external view returns (uint128);

    /// @notice Base units in escrow of a lender, or of the treasury.
    function escrowOf(address lender, address asset) external view returns (uint256);

    /// @notice How many underwriters must approve; reverts for an asset that is not enabled.
    function approvalsNeeded(address asset, uint128 principal) external view returns (uint256);

    /// @notice The EIP-712 struct hash of terms, by which an origination is known.
    function termsHash(Terms calldata terms) external pure returns (bytes32);
}
