"""The arithmetic of `CreditAggregator`, and what it refuses: a second opinion on `models.chain_mirror`."""

from models.chain import ChainState
from models.chain_mirror import SERVICED, Step, Told

S = ChainState

# `LoanStates.mayFollow`.
MAY_PRECEDE = {
    S.ACTIVE: {S.DELINQUENT, S.DEFAULTED, S.WRITTEN_OFF},
    S.DELINQUENT: {S.ACTIVE},
    S.DEFAULTED: {S.DELINQUENT},
    S.CANCELLED: {S.ORIGINATED, S.ACTIVE, S.DELINQUENT},
}


class Contract:
    """One loan in the contract."""

    def __init__(self, told: Told) -> None:
        self.state, self.seq = told.state, told.sequence
        self.principal, self.outstanding, self.interest = told.principal, told.outstanding, told.interest
        self.forgiven = told.forgiven

    @classmethod
    def originated(cls, principal: int) -> "Contract":
        """Terms are on record, and nothing is paid out."""
        return cls(Told(S.ORIGINATED, principal, 0))

    def apply(self, step: Step) -> None:
        assert step.sequence == self.seq + 1
        assert min(step.principal, step.interest) >= 0
        self.seq += 1
        getattr(self, step.kind.value)(step)

    def fund(self, step: Step) -> None:  # noqa: ARG002 - each takes its step
        assert self.state is S.ORIGINATED
        self.state, self.outstanding = S.ACTIVE, self.principal

    def repay(self, step: Step) -> None:
        assert self.state in SERVICED or (self.state is S.CLOSED and not step.principal)
        assert step.principal or step.interest
        assert step.principal <= self.outstanding
        self.outstanding -= step.principal
        self.interest += step.interest
        self._close_if_repaid()

    def reverse_repayment(self, step: Step) -> None:
        assert self.state in {*SERVICED, S.CLOSED, S.WRITTEN_OFF}
        assert step.principal or step.interest
        assert step.principal <= self.principal - self.outstanding - self.forgiven
        assert step.interest <= self.interest
        self.outstanding += step.principal
        self.interest -= step.interest
        self.state = S.ACTIVE if self.state is S.CLOSED else self.state

    def forgive(self, step: Step) -> None:
        assert self.state in SERVICED
        assert 0 < step.principal <= self.outstanding
        self.outstanding -= step.principal
        self.forgiven += step.principal
        self._close_if_repaid()

    def restructure(self, step: Step) -> None:
        assert self.state in SERVICED
        self.principal += step.principal
        self.outstanding += step.principal

    def transition(self, step: Step) -> None:
        assert step.to is not None
        assert self.state in MAY_PRECEDE[step.to]
        if step.to is S.CANCELLED and self.state is not S.ORIGINATED:
            assert self.outstanding == self.principal
            assert not self.interest
            self.outstanding = 0
        self.state = step.to

    def write_off(self, step: Step) -> None:  # noqa: ARG002 - each takes its step
        assert self.state in SERVICED
        self.state = S.WRITTEN_OFF

    def _close_if_repaid(self) -> None:
        if not self.outstanding:
            self.state = S.CLOSED
