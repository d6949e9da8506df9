"""The platform's answer to a provider's question: kept here, for it may not travel through the workflow."""

from typing import Any

from api.processes import NoSuchProcess
from api.resources import Resources
from api.security import Caller
from models.bidding import BiddingClosed
from models.errors import Conflict, NotFound
from models.records.information import InformationRow
from workflows.application import ApplicationWorkflow, application_workflow_id
from workflows.application_state import InformationGiven


class UnknownInformation(NotFound):
    """No provider has asked this about the lead."""


class InformationKnown(Conflict):
    """The question was answered before, in other words."""


async def answer_information(
    having: Resources, caller: Caller, lead_id: str, information_id: str, answer: dict[str, Any]
) -> bool:
    """Keep the answer, then have the workflow pass it on while the window is open; the first answer stays."""
    async with having.database.transaction(caller.tenant_id) as session:
        asked = await session.get(InformationRow, (caller.tenant_id, information_id), with_for_update=True)
        if asked is None or asked.lead_id != lead_id:
            raise UnknownInformation(f"Nobody asked {information_id} about this lead.", "informationId")
        if asked.answer not in (None, answer):
            raise InformationKnown("This was answered before, and differently.", "answer")
        asked.answer = answer
    try:
        provided: bool = await having.processes.update(
            application_workflow_id(asked.application_id),
            ApplicationWorkflow.inform,
            InformationGiven(asked.id, asked.provider_id),
            update_id=f"inform:{asked.id}",
        )
    except NoSuchProcess:
        raise BiddingClosed("Bidding for this lead has closed.", "informationId") from None
    if not provided:
        raise BiddingClosed("Bidding for this lead has closed.", "informationId")
    return provided
