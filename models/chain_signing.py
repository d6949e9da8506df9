"""Who must sign a loan's terms before they go on chain, and who has."""

from dataclasses import dataclass, replace
from enum import StrEnum


class SignerRole(StrEnum):
    """What a signature is: an underwriter's approval, or the lender's offer."""

    UNDERWRITER = "underwriter"
    LENDER = "lender"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A loan whose terms are written down, and the signatures under them. A signer counts once."""

    loan_id: str
    approvals_needed: int
    lender: str | None = None
    is_secured: bool = False
    approvers: tuple[str, ...] = ()
    has_offer: bool = False

    @property
    def is_signed(self) -> bool:
        """Whether everybody who must has signed."""
        return len(self.approvers) >= self.approvals_needed and (self.has_offer or self.lender is None)

    @property
    def missing(self) -> str:
        """What is missing, for those who look."""
        left = self.approvals_needed - len(self.approvers)
        said = [f"{left} of {self.approvals_needed} underwriters"] if left > 0 else []
        said += ["the lender"] if self.lender is not None and not self.has_offer else []
        return " and ".join(said) or "nobody"

    def signed_by(self, role: SignerRole, signer: str) -> "Prepared":
        """With one more signature."""
        if role is SignerRole.LENDER:
            return replace(self, has_offer=True)
        return replace(self, approvers=tuple(sorted({*self.approvers, signer.lower()})))
