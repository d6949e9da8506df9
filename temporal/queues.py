"""Task queues. Workflows and activities share one, so that a worker may start an activity without asking the server."""

LOANS = "caas-loans"

# Retries of webhooks have their own: endpoints that hang, each for as long as an attempt may take, hold no loan up.
DELIVERIES = "caas-deliveries"
