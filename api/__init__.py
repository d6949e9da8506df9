"""HTTP in, JSON out. It checks shapes, writes what is not in a workflow yet, and asks workflows; rules are theirs."""
