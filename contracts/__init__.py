"""The three contracts: what was compiled of them, and the node, keys and words to talk to them."""

import sys

# py_ecc, which signing loads, lets the whole process recurse a hundred times deeper than Python does. A JSON document
# nested that deep, in the body of a request say, would overflow the stack where Python would have raised: the process
# would be gone. So it is loaded here, before anything else loads it, and what was in force stays.
_LIMIT = sys.getrecursionlimit()
import py_ecc  # noqa: E402, F401 - between the two lines

sys.setrecursionlimit(_LIMIT)
