"""A loan product as those see it who make it and those who approve it; its settings are a document of their own."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from api.schemas.values import In, Out, Paragraph
from models.product_status import ProductStatus

# Read by `models.product_document`, which names the path of whatever is wrong with it.
Settings = Annotated[dict[str, Any], Field(max_length=50)]


class WhyIn(In):
    reason: Paragraph


class ActOut(Out):
    """Who did what to a version: by which key, and in whose name if it said so."""

    action: str
    key_id: str
    operator: str | None
    at: datetime
    reason: str | None


class ProductOut(Out):
    product_id: str
    version: int
    provider_id: str | None
    name: str
    status: ProductStatus
    settings: dict[str, Any]
    history: list[ActOut]


class ProductDetailOut(ProductOut):
    success: bool = True


class VersionsOut(Out):
    success: bool = True
    data: list[ProductOut]
