"""A chain for machines that have none: an EVM in Python behind JSON-RPC, which a restart finds as it was left."""
