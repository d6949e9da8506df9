"""The statements that find what is to be billed: one for each kind of event, over all of a tenant's rows.

Each event is keyed by its source, so that a statement that runs again adds nothing. What no card prices at the time it
happens makes no event. A card begins with a month, so all events of a provider's month and currency have one card, the
provider's own before the tenant's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.billing_card import Metric

_EVER = datetime.min.replace(tzinfo=UTC)

_INTO = """INSERT INTO caas_billable_event (tenant_id, id, provider_id, kind, amount_minor, basis_minor, currency,
    occurred_at, source, about, reason, rate_card_id, rate_card_version)"""

# `happened` has provider_id, currency and occurred_at; times are cut at midnight UTC.
_CARD = """JOIN LATERAL (
        SELECT c.* FROM caas_rate_card c
        WHERE c.tenant_id = :tenant_id AND c.currency = happened.currency
            AND (c.provider_id IS NULL OR c.provider_id = happened.provider_id)
            AND c.effective_from <= (happened.occurred_at AT TIME ZONE 'UTC')::date
        ORDER BY c.provider_id IS NULL, c.effective_from DESC LIMIT 1
    ) AS card ON true"""

_LEADS = text(f"""
    {_INTO}
    SELECT card.tenant_id, 'bev_' || md5(source), happened.provider_id, 'lead', card.lead_minor, 0, happened.currency,
        happened.occurred_at, source, happened.lead_id, NULL, card.id, card.version
    FROM (
        SELECT g.provider_id, a.currency, g.granted_at AS occurred_at, g.lead_id,
            'lead:' || g.application_id || ':' || g.provider_id AS source
        FROM caas_lead_grant g JOIN caas_application a ON a.tenant_id = g.tenant_id AND a.id = g.application_id
        WHERE g.tenant_id = :tenant_id AND g.granted_at >= :since AND g.granted_at < :until
            AND (CAST(:provider_id AS text) IS NULL OR g.provider_id = :provider_id)
    ) AS happened {_CARD}
    WHERE card.lead_minor IS NOT NULL
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - constants of ours

# The arithmetic of `models.billing_card.FundingPrice.fee_minor`: PostgreSQL rounds halves up, as it does.
_FUNDED = text(f"""
    {_INTO}
    SELECT card.tenant_id, 'bev_' || md5(source), happened.provider_id, 'funded',
        least(greatest(round(happened.basis_minor * card.funded_bps / 10000), card.funded_minimum_minor),
            coalesce(card.funded_maximum_minor, happened.basis_minor + card.funded_minimum_minor)),
        happened.basis_minor, happened.currency, happened.occurred_at, source, happened.loan_id, NULL,
        card.id, card.version
    FROM (
        SELECT l.provider_id, l.currency, p.posted_at AS occurred_at, l.id AS loan_id,
            l.principal_minor AS basis_minor, 'funded:' || l.id AS source
        FROM caas_payment p
            JOIN caas_loan l ON l.tenant_id = p.tenant_id AND l.id = p.loan_id
            JOIN caas_provider v ON v.tenant_id = l.tenant_id AND v.id = l.provider_id
        WHERE p.tenant_id = :tenant_id AND p.kind = 'disbursement' AND p.status IN ('succeeded', 'reversed')
            AND p.posted_at >= :since AND p.posted_at < :until
            AND (CAST(:provider_id AS text) IS NULL OR l.provider_id = :provider_id)
    ) AS happened {_CARD}
    WHERE card.funded_bps IS NOT NULL
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - constants of ours

# By the card of the funding. A loan that comes back after it was in default has had its clawback.
_RETURNED = text(f"""
    {_INTO}
    SELECT f.tenant_id, 'bev_' || md5('clawback:' || f.about), f.provider_id, 'clawback',
        -f.amount_minor, f.basis_minor, f.currency,
        e.occurred_at, 'clawback:' || f.about, f.about, 'disbursement_returned', f.rate_card_id, f.rate_card_version
    FROM caas_billable_event f
        JOIN caas_loan l ON l.tenant_id = f.tenant_id AND l.id = f.about AND l.status = 'cancelled'
        JOIN caas_event e ON e.tenant_id = l.tenant_id AND e.application_id = l.application_id
            AND e.type = 'credit.disbursement.returned'
    WHERE f.tenant_id = :tenant_id AND f.kind = 'funded' AND e.occurred_at < :until
        AND (CAST(:provider_id AS text) IS NULL OR f.provider_id = :provider_id)
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - constants of ours

_DEFAULTED = text(f"""
    {_INTO}
    SELECT f.tenant_id, 'bev_' || md5('clawback:' || f.about), f.provider_id, 'clawback',
        -round(f.amount_minor * c.clawback_percent / 100), f.basis_minor, f.currency, late.on_day AT TIME ZONE 'UTC',
        'clawback:' || f.about, f.about, 'early_default', f.rate_card_id, f.rate_card_version
    FROM caas_billable_event f
        JOIN caas_rate_card c ON c.tenant_id = f.tenant_id AND c.id = f.rate_card_id
            AND c.version = f.rate_card_version
        JOIN caas_loan l ON l.tenant_id = f.tenant_id AND l.id = f.about AND l.status <> 'cancelled'
        CROSS JOIN LATERAL (
            SELECT (min(i.due_on) + c.clawback_days_past_due + 1)::timestamp AS on_day FROM caas_installment i
            WHERE i.tenant_id = l.tenant_id AND i.loan_id = l.id
                AND i.principal_minor + i.interest_minor + i.fee_minor + i.penalty_minor > 0
                AND i.due_on + c.clawback_days_past_due + 1 <= l.disbursed_on + c.clawback_within_days
                AND i.due_on + c.clawback_days_past_due < coalesce(i.settled_on, 'infinity'::date)
        ) AS late
    WHERE f.tenant_id = :tenant_id AND f.kind = 'funded' AND c.clawback_percent IS NOT NULL
        AND late.on_day AT TIME ZONE 'UTC' < :until
        AND (CAST(:provider_id AS text) IS NULL OR f.provider_id = :provider_id)
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - constants of ours

# Whoever has something that is not billed, and whoever pays a minimum. Who is billed for the month is not asked again.
_ACCOUNTS = text("""
    WITH standing AS (
        SELECT DISTINCT ON (v.id, c.currency) v.id AS provider_id, c.currency, c.terms
        FROM caas_provider v JOIN caas_rate_card c ON c.tenant_id = v.tenant_id
            AND (c.provider_id IS NULL OR c.provider_id = v.id) AND c.effective_from < :until
        WHERE v.tenant_id = :tenant_id AND v.status = 'active'
        ORDER BY v.id, c.currency, c.provider_id IS NULL, c.effective_from DESC
    )
    SELECT provider_id, currency FROM standing WHERE (terms ->> 'monthlyMinimum')::numeric > 0
    UNION
    SELECT e.provider_id, e.currency FROM caas_billable_event e
    WHERE e.tenant_id = :tenant_id AND e.occurred_at < :until AND NOT EXISTS (
        SELECT FROM caas_billed_event b WHERE b.tenant_id = e.tenant_id AND b.event_id = e.id)
    ORDER BY 1, 2
""")

_MEASURED = text("""
    SELECT count(*) AS leads,
        count(*) FILTER (WHERE l.id IS NOT NULL) AS funded,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM g.answered_at - g.granted_at) / 3600) AS hours
    FROM caas_lead_grant g JOIN caas_application a ON a.tenant_id = g.tenant_id AND a.id = g.application_id
        LEFT JOIN caas_loan l ON l.tenant_id = g.tenant_id AND l.application_id = g.application_id
            AND l.provider_id = g.provider_id AND l.status <> 'cancelled'
    WHERE g.tenant_id = :tenant_id AND g.provider_id = :provider_id AND a.currency = :currency
        AND g.granted_at >= :since AND g.granted_at < :until
""")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a provider did with the leads of a month: the denominators of its rewards and of its cost per lead."""

    leads: int
    funded: int
    median_response_hours: Decimal | None

    @property
    def figures(self) -> Mapping[Metric, Decimal | None]:
        """Conversion is of the leads received in the month, whenever their loans were funded."""
        conversion = Decimal(100 * self.funded) / self.leads if self.leads else None
        return {
            Metric.CONVERSION_PERCENT: None if conversion is None else round(conversion, 2),
            Metric.MEDIAN_RESPONSE_HOURS: self.median_response_hours,
        }


async def collect_events(
    session: AsyncSession,
    tenant_id: str,
    until: datetime,
    *,
    since: datetime = _EVER,
    provider_id: str | None = None,
) -> int:
    """Record what has happened before `until` and is not on record; the number of new events."""
    named = {"tenant_id": tenant_id, "since": since, "until": until, "provider_id": provider_id}
    added = 0
    for statement in (_LEADS, _FUNDED, _RETURNED, _DEFAULTED):
        result = await session.execute(statement, named)
        added += result.rowcount  # type: ignore[attr-defined]
    return added


async def accounts_of(session: AsyncSession, tenant_id: str, until: datetime) -> Sequence[tuple[str, str]]:
    """Who has something to be billed, in which currency."""
    found = await session.execute(_ACCOUNTS, {"tenant_id": tenant_id, "until": until})
    return [(provider_id, currency) for provider_id, currency in found]


async def measured_in(
    session: AsyncSession, tenant_id: str, provider_id: str, currency: str, *, since: datetime, until: datetime
) -> Measured:
    """The figures of a provider's month."""
    named = {"tenant_id": tenant_id, "provider_id": provider_id, "currency": currency, "since": since, "until": until}
    row = (await session.execute(_MEASURED, named)).mappings().one()
    hours = None if row["hours"] is None else round(Decimal(str(row["hours"])), 2)
    return Measured(int(row["leads"]), int(row["funded"]), hours)
