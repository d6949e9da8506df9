"""Deterministic and thin: decide with models, act through activities."""
