"""Weights of the matching, and why they are what they are."""

from datetime import datetime
from typing import Any

from api.schemas.values import In, Out, Paragraph


class WeightsIn(In):
    weights: dict[str, Any]
    reason: Paragraph


class WeightsOut(Out):
    success: bool = True
    version: int
    weights: dict[str, Any]
    reason: str
    operator: str | None
    recorded_at: datetime | None


class WeightsListOut(Out):
    success: bool = True
    in_force: int
    data: list[WeightsOut]
