"""What operators search workflows by. They are not encrypted: no names, no identities.

A database holds at most 10 of type Keyword and 3 of each other type.
"""

from datetime import datetime
from typing import Any

from temporalio.common import SearchAttributeKey

TENANT: SearchAttributeKey[str] = SearchAttributeKey.for_keyword("CaasTenant")
PROVIDER: SearchAttributeKey[str] = SearchAttributeKey.for_keyword("CaasProvider")
STATUS: SearchAttributeKey[str] = SearchAttributeKey.for_keyword("CaasStatus")
BUCKET: SearchAttributeKey[str] = SearchAttributeKey.for_keyword("CaasBucket")
RISK: SearchAttributeKey[str] = SearchAttributeKey.for_keyword("CaasRisk")
CURRENCY: SearchAttributeKey[str] = SearchAttributeKey.for_keyword("CaasCurrency")
DAYS_PAST_DUE: SearchAttributeKey[int] = SearchAttributeKey.for_int("CaasDaysPastDue")
NEXT_DUE_AT: SearchAttributeKey[datetime] = SearchAttributeKey.for_datetime("CaasNextDueAt")
BIDS_CLOSE_AT: SearchAttributeKey[datetime] = SearchAttributeKey.for_datetime("CaasBidsCloseAt")
NEEDS_ATTENTION: SearchAttributeKey[bool] = SearchAttributeKey.for_bool("CaasNeedsAttention")

ALL: tuple[SearchAttributeKey[Any], ...] = (
    TENANT,
    PROVIDER,
    STATUS,
    BUCKET,
    RISK,
    CURRENCY,
    DAYS_PAST_DUE,
    NEXT_DUE_AT,
    BIDS_CLOSE_AT,
    NEEDS_ATTENTION,
)


def registration() -> dict[str, str]:
    """Name to type, in the words of the server's command line: `CaasStatus` is a `Keyword`."""
    return {key.name: key.indexed_value_type.name.capitalize() for key in ALL}
