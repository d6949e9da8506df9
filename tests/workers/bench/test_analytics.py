"""What `caas bench analytics` measures is a marketplace whose figures agree with each other."""

from datetime import timedelta

from api.analytics import analytics_of, dashboard_of
from api.analytics_queries import Period
from models.records.database import Database
from models.records.providers import Provider
from workers.bench.market import BUSIEST, DAYS, FIRST_DAY, INVITED, PROVIDERS, TENANT, make_market
from workers.embedded.postgres import DATABASE, SUPERUSER, DatabaseUrls, Postgres

LEADS = 400


async def test_every_question_has_an_answer_in_the_made_market(postgres: Postgres, database: DatabaseUrls) -> None:
    rows, name = Database(database.app), database.app.rpartition("/")[2]
    assert name != DATABASE
    made = await make_market(postgres.url(SUPERUSER, name, driver="postgresql"), applications=LEADS)
    last_day = FIRST_DAY + timedelta(days=DAYS - 1)

    async with rows.transaction(TENANT) as session:
        provider = await session.get_one(Provider, (TENANT, BUSIEST))
        figures = await analytics_of(session, provider, Period(FIRST_DAY, last_day))
        board = await dashboard_of(session, provider, today=last_day)
    await rows.close()

    metrics = figures.metrics
    assert (made, metrics.leads_received) == (LEADS * INVITED, LEADS)
    assert LEADS > metrics.leads_processed > metrics.leads_approved > metrics.leads_funded > 0
    assert sum(month.leads_funded for month in figures.cohorts) == metrics.leads_funded
    assert len(figures.cohorts) == 12
    assert figures.performance_ranking.total_providers == PROVIDERS
    assert figures.performance_ranking.price_percentile is not None
    assert metrics.customer_satisfaction_score is not None
    assert figures.financial_metrics.total_revenue
    assert 0 < board.overview.total_leads < LEADS
