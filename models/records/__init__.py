"""The only home of SQL: tables named `caas_*`, one file an aggregate, and the one transaction everything commits in."""
