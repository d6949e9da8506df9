"""The language of lending: pure values and functions. Standard library only; no I/O, no clock, no randomness."""
