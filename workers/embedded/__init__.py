"""PostgreSQL, Temporal and our own processes on one machine."""
