"""A chain for machines that have none: an EVM in Python behind JSON-RPC, which a restart finds as it was left."""

import sys

# py-evm as well lets the process recurse deeper (see `contracts`), for calls nested a thousand deep. Ours are a few.
_LIMIT = sys.getrecursionlimit()
import eth  # noqa: E402, F401 - between the two lines, before any module here imports a part of it

sys.setrecursionlimit(_LIMIT)
