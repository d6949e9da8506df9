"""For machines that watch: health and metrics."""

from importlib.metadata import version

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.resources import Having
from api.schemas.messages import DependenciesOut, HealthOut
from contracts.pulse import ChainHealth
from models.records.database import Database

router = APIRouter(tags=["system"])


@router.get("/health")
async def health(having: Having, response: Response) -> HealthOut:
    """200 while applications can be taken: without Temporal they wait, without a chain the loans on it do, without the
    database nothing works."""
    has_rows = await _answers(having.database)
    has_processes = await having.processes.is_healthy()
    chain = await having.pulse.felt() if having.pulse else None
    is_whole = has_processes and chain in (None, ChainHealth.HEALTHY)
    response.status_code = 200 if has_rows else 503
    return HealthOut(
        status="down" if not has_rows else "healthy" if is_whole else "degraded",
        mode=having.settings.mode,
        version=version("caas"),
        dependencies=DependenciesOut(
            database="healthy" if has_rows else "down",
            temporal="healthy" if has_processes else "down",
            blockchain=chain.value if chain else "off",
        ),
    )


@router.get("/metrics", include_in_schema=False)
async def metrics() -> Response:
    """Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _answers(database: Database) -> bool:
    try:
        async with database.transaction() as session:
            await session.execute(text("SELECT 1"))
    except (SQLAlchemyError, OSError):
        return False
    return True
