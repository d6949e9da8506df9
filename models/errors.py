"""Refusals: what the business says no to, as values with a code, a sentence and the field that caused it.

    Refusal
      NotFound   the thing named does not exist for this caller          HTTP 404
      Conflict   the thing is not in a state that allows this            HTTP 409
      Refused    the request itself is not acceptable                    HTTP 422

Raised where they are known, translated once by the API (problem+json) and once by the Temporal interceptor
(non-retryable). Anything else that is raised is an outage and is retried.
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(eq=False)
class Refusal(Exception):
    """A business refusal; `field` is the JSON path of the input that caused it, when one did."""

    detail: str
    field: str | None = None

    kind: ClassVar[str] = "refused"

    def __post_init__(self) -> None:
        super().__init__(self.detail)

    @property
    def code(self) -> str:
        """The refusal's name on the wire: the class name in lower_snake."""
        name = type(self).__name__
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")

    def facts(self) -> dict[str, Any]:
        """Code, kind and the attributes, as they travel through Temporal and problem+json."""
        return {"code": self.code, "kind": self.kind, **asdict(self)}


class NotFound(Refusal):
    """The thing named does not exist for this caller."""

    kind = "not_found"


class Conflict(Refusal):
    """The thing is not in a state that allows this."""

    kind = "conflict"


class Refused(Refusal):
    """The request itself is not acceptable, whatever the state."""

    kind = "refused"
