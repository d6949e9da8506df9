"""The weights that leads are matched by: one version after another, none of them ever changed."""

from fastapi import APIRouter
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from activities.matches import weights_in_force
from api.idempotency import IdempotentRoute
from api.products import Acting
from api.resources import Having
from api.schemas.matching import WeightsIn, WeightsListOut, WeightsOut
from api.security import TenantCaller
from models.document import located
from models.errors import Conflict
from models.matching_weights import BUILT_IN, BUILT_IN_VERSION, WEIGHTS
from models.records.matching import MatchingWeightsRow

router = APIRouter(prefix="/api/v1/matching", tags=["leads"], route_class=IdempotentRoute)


class WeightsChanged(Conflict):
    """Two versions were added at once, and this is the second."""


_BUILT_IN = WeightsOut(
    version=BUILT_IN_VERSION,
    weights=WEIGHTS.write(BUILT_IN, currency=""),
    reason="built in",
    operator=None,
    recorded_at=None,
)


@router.get("/weights")
async def versions(caller: TenantCaller, having: Having) -> WeightsListOut:
    """Every version, the one in force first."""
    query = select(MatchingWeightsRow).order_by(col(MatchingWeightsRow.version).desc())
    async with having.database.transaction(caller.tenant_id) as session:
        rows = (await session.execute(query)).scalars().all()
    return WeightsListOut(in_force=rows[0].version if rows else BUILT_IN_VERSION, data=[*map(_out, rows), _BUILT_IN])


@router.post("/weights", status_code=201)
async def add(body: WeightsIn, caller: TenantCaller, actor: Acting, having: Having) -> WeightsOut:
    """Add a version, by which the leads from now on are matched; what it leaves out is as in the built-in one."""
    with located("weights"):
        weights = WEIGHTS.read(body.weights, currency="")
    tenant_id = caller.tenant_id
    async with having.database.transaction(tenant_id) as session:
        version, _ = await weights_in_force(session, tenant_id)
        row = MatchingWeightsRow(
            tenant_id=tenant_id,
            version=version + 1,
            weights=WEIGHTS.write(weights, currency=""),
            operator=actor.operator,
            reason=body.reason,
            key_id=actor.caller.key_id,
        )
        session.add(row)
        try:
            await session.flush()
        except IntegrityError:
            raise WeightsChanged("Another version was added at the same moment.", "weights") from None
    return _out(row)


def _out(row: MatchingWeightsRow) -> WeightsOut:
    return WeightsOut(
        version=row.version,
        weights=row.weights,
        reason=row.reason,
        operator=row.operator,
        recorded_at=row.recorded_at,
    )
