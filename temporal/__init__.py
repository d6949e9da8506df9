"""Joining the cluster: client, queue, search attributes, worker versions, refusals on the wire."""
