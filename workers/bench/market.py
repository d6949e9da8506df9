"""A marketplace of any size, written where it lies: leads, who was invited, what was offered, lent and paid back."""

from datetime import date

import psycopg

TENANT = "tenant_bench"
PROVIDERS = 25
INVITED = 8
FIRST_DAY, DAYS = date(2026, 1, 1), 365
# Invited to every lead, and so the one with the most to count.
BUSIEST = "provider_01"

# The numbers are spread by multiplication with primes, the same in every run.
_STATEMENTS = (
    """INSERT INTO caas_tenant (tenant_id, name, country, currency, bidding_window_hours, cooling_off_days,
        lead_disclosure)
    VALUES (%(tenant)s, 'Benchmark', 'US', 'USD', 48, 0, 'masked')""",
    """INSERT INTO caas_applicant (tenant_id, id, first_name, last_name, email, phone_number, address, employment,
        finances, identity_type, identity_number)
    VALUES (%(tenant)s, 'applicant_bench', 'Sarah', 'Johnson', 'sarah@email.example', '+15550123', '{}', '{}', '{}',
        'phone_number', '+15550123')""",
    """INSERT INTO caas_provider (tenant_id, id, company_name, business_email, contact_person, registration_number,
        business_type, registration_country, status, licenses, license_expires_on, minimum_amount_minor,
        maximum_amount_minor, amount_currency, rate_minimum_percent, rate_maximum_percent, countries, currencies,
        webhook_url, webhook_secret, api_endpoints, auth_method)
    SELECT %(tenant)s, 'provider_' || lpad(n::text, 2, '0'), 'Lender ' || n, 'a@b.example', 'Ann', 'R-' || n, 'bank',
        'US', 'active', '[]', '2036-01-01', 100000, 5000000, 'USD', 3, 30, '["US"]', '["USD"]', 'https://b.example', '',
        '{}', 'bearer_token'
    FROM generate_series(1, %(providers)s) AS n""",
    """INSERT INTO caas_application (tenant_id, id, lead_id, applicant_id, status, requested_amount_minor, currency,
        country, purpose, tenure_days, submitted_at, status_at, pre_assessed, risk_rating, reason_codes)
    SELECT %(tenant)s, 'app_' || lpad(n::text, 26, '0'), 'lead_' || lpad(n::text, 26, '0'), 'applicant_bench',
        CASE WHEN n %% 5 < 3 THEN 'disbursed' WHEN n %% 200 = 4 THEN 'bidding' ELSE 'offers_expired' END,
        100000 + n * 7919 %% 6000000, 'USD', 'US', 'Benchmark', 365, at, at, false,
        (ARRAY['low', 'medium', 'high'])[1 + n %% 3], '[]'
    FROM generate_series(1, %(applications)s) AS n,
        LATERAL (
            SELECT %(first)s::timestamptz + make_interval(secs => n * 104729::bigint %% (%(days)s * 86400))
        ) AS t(at)""",
    # The busiest of all, and others in turn.
    """INSERT INTO caas_lead_grant (tenant_id, application_id, provider_id, lead_id, provider_name, score,
        expected_response_hours, reasons, granted_at, answer, answered_at)
    SELECT a.tenant_id, a.id, 'provider_' || lpad(p::text, 2, '0'), a.lead_id, 'Lender ' || p, 50, 4, '[]',
        a.submitted_at, CASE WHEN h %% 10 < 6 THEN 'approved' WHEN h %% 10 < 9 THEN 'declined' END,
        CASE WHEN h %% 10 < 9 THEN a.submitted_at + make_interval(secs => 600 + h %% 100000) END
    FROM caas_application a,
        generate_series(0, %(invited)s - 1) AS i,
        LATERAL (SELECT right(a.id, 26)::bigint) AS b(n),
        LATERAL (SELECT CASE i WHEN 0 THEN 1 ELSE 2 + (n * 7 + i * 3) %% (%(providers)s - 1) END) AS q(p),
        LATERAL (SELECT (n * 31 + p * 7907) %% 1000003) AS r(h)""",
    """INSERT INTO caas_offer (tenant_id, id, application_id, provider_id, provider_name, decision_id, status,
        amount_minor, currency, annual_rate_percent, tenure_days, processing_fee_minor, installments, installment_minor,
        apr_percent, apr_method, finance_charge_minor, total_repayable_minor, rank, reason, conditions, custom_data,
        received_at, expires_at)
    SELECT g.tenant_id, 'offer_' || g.provider_id || right(g.application_id, 26), g.application_id, g.provider_id,
        g.provider_name, 'decision',
        CASE WHEN a.status = 'disbursed' AND place = 1 THEN 'funded' ELSE 'not_selected' END,
        a.requested_amount_minor, 'USD', 8, 365, 30000, 12, 1, 5 + h %% 2000 / 100.0, 'us_reg_z_appendix_j', 1, 1,
        place, '', '[]', '{}', g.answered_at, g.answered_at
    FROM (
        SELECT g.*, (right(application_id, 26)::bigint * 31 + right(provider_id, 2)::bigint * 104729) %% 1000003 AS h,
            row_number() OVER (PARTITION BY application_id ORDER BY answered_at) AS place
        FROM caas_lead_grant g WHERE answer = 'approved'
    ) g JOIN caas_application a ON a.tenant_id = g.tenant_id AND a.id = g.application_id""",
    """INSERT INTO caas_loan (tenant_id, id, application_id, provider_id, offer_id, status, principal_minor, currency,
        annual_rate_percent, apr_percent, apr_method, installments, frequency, every, method, day_count,
        processing_fee_minor, disbursed_on, outstanding_minor, overpaid_minor, days_past_due, delinquency_bucket,
        ifrs_stage, in_collection, disputed, interest_accrued_minor, fees_accrued_minor, allowance_minor,
        charge_off_due, is_virtual, on_chain, clock_at)
    SELECT tenant_id, 'loan_' || right(application_id, 26), application_id, provider_id, id, 'active', amount_minor,
        'USD', 8, apr_percent, apr_method, 12, 'months', 1, 'equal_installment', '30/360', 30000,
        received_at::date + 2, amount_minor, 0, 0, 'current', 1, false, false, 0, 0, 0, false, false, false, received_at
    FROM caas_offer WHERE status = 'funded'""",
    """INSERT INTO caas_loan_rating (tenant_id, loan_id, score, rated_at)
    SELECT tenant_id, id, 1 + right(id, 26)::bigint %% 5, clock_at FROM caas_loan
    WHERE right(id, 26)::bigint %% 3 = 0""",
    """INSERT INTO caas_payment (tenant_id, id, loan_id, kind, status, method, rail, external_reference, amount_minor,
        currency, received_on, posted_at, principal_minor, interest_minor, fee_minor, penalty_minor, overpaid_minor)
    SELECT tenant_id, 'pay_' || month || right(id, 26), id, 'repayment', 'succeeded', 'bank_transfer', 'paystack',
        'ref_' || month || id, 100000, 'USD', disbursed_on + 30 * month, clock_at, 90000, 10000, 0, 0, 0
    FROM caas_loan, generate_series(1, %(payments)s) AS month""",
)


async def make_market(url: str, *, applications: int, payments: int = 6) -> int:
    """Write the whole of it, as the superuser of a scratch database; how many invitations there are."""
    values = {
        "tenant": TENANT,
        "providers": PROVIDERS,
        "invited": INVITED,
        "first": FIRST_DAY,
        "days": DAYS,
        "applications": applications,
        "payments": payments,
    }
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        # What refers to what is as it is written below; checking it row by row would take most of the time.
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("SET synchronous_commit = off")
        for statement in _STATEMENTS:
            await connection.execute(statement, values)
        await connection.execute("VACUUM ANALYZE")
        found = await (await connection.execute("SELECT count(*) FROM caas_lead_grant")).fetchone()
    assert found is not None, "a count has a row"
    return int(found[0])
