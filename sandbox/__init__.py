"""The outside world for development: a rail, a bureau, lenders and a mailbox, as real servers on this machine.

They speak the third parties' own protocols, sign as they do, and know nothing of the product: no import leads there.
"""
