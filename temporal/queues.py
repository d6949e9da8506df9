"""Task queues. Workflows and activities share one, so that a worker may start an activity without asking the server."""

LOANS = "caas-loans"

# What providers' own servers did not take at once is tried again here: those that hang hold no loan up.
DELIVERIES = "caas-deliveries"
