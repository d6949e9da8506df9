"""Task queues. Workflows and activities share one, so that a worker may start an activity without asking the server."""

LOANS = "caas-loans"
