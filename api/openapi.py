"""The API's own description: every operation with its problems, and the owner's bodies as examples."""

from typing import Any

from fastapi import FastAPI

from api.problems import MEDIA_TYPE
from api.schemas.messages import KycVerifiedIn, PaymentReceivedIn
from api.schemas.values import In, Out

_SCHEMA = "Problem"
_DESCRIPTIONS = {
    401: "No valid API key, or no valid signature.",
    403: "A valid key, but not for this.",
    404: "There is no such thing for this caller.",
    409: "The thing is not in a state that allows this.",
    422: "The request is not acceptable; `field` and `errors` say where.",
    503: "The process engine is away. Make the same request again.",
}

RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{_SCHEMA}"}}},
    }
    for status, description in _DESCRIPTIONS.items()
}


class FaultOut(Out):
    """One field that is wrong; `pointer` is set for fields of the body."""

    field: str
    detail: str
    pointer: str | None = None


class ProblemOut(Out):
    """An RFC 9457 problem."""

    success: bool = False
    type: str
    title: str
    status: int
    code: str
    detail: str
    field: str | None
    errors: list[FaultOut]
    correlation_id: str | None


_UNSEEN: dict[str, type[In | Out]] = {
    _SCHEMA: ProblemOut,
    "KycVerifiedIn": KycVerifiedIn,
    "PaymentReceivedIn": PaymentReceivedIn,
}


class Described(FastAPI):
    """FastAPI with what it cannot see: the shape of problems, and the parts of a platform event."""

    def openapi(self) -> dict[str, Any]:
        """The description, made once."""
        if self.openapi_schema is None:
            schemas: dict[str, Any] = super().openapi()["components"]["schemas"]
            for name, model in _UNSEEN.items():
                shape = model.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas |= shape.pop("$defs", {}) | {name: shape}
        assert self.openapi_schema is not None
        return self.openapi_schema
