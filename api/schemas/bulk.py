"""Many decisions at once, and what became of each."""

from pydantic import Field

from api.schemas.values import Out


class BulkLineOut(Out):
    """One line, answered as it would have been alone."""

    line: int = Field(description="From 1, as editors count.")
    lead_id: str | None
    message_id: str | None
    status: int = Field(description="The HTTP status this decision would have had.")
    code: str = Field(description="`accepted`, or the code of the problem.")
    detail: str
    field: str | None


class BulkOut(Out):
    success: bool = True
    accepted: int
    refused: int
    results: list[BulkLineOut]
