"""The three contracts: what was compiled of them, and the node, keys and words to talk to them."""
