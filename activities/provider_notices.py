"""What a provider's contact person is written about its standing: subject and text, plain and short."""

from datetime import date

from models.onboarding import ProviderStatus

_SUBJECTS = {
    ProviderStatus.ACTIVE: "You can lend now",
    ProviderStatus.SUSPENDED: "You are suspended",
    ProviderStatus.REJECTED: "You were not accepted",
}


def status_notice(person: str, company: str, status: ProviderStatus, reason: str) -> tuple[str, str]:
    """The provider's status has changed."""
    return _SUBJECTS[status], f"Hello {person},\n\n{company} is {status} now: {reason}.\n"


def license_notice(person: str, expires_on: date, days: int) -> tuple[str, str]:
    """A license is about to end."""
    text = (
        f"Hello {person},\n\nthe first of your licenses ends on {expires_on}. Without a renewed one you receive no"
        " leads from the day after.\n"
    )
    return f"A license ends in {days} days", text
