"""`caas bench`: what this machine does with the whole engine, beside a bare workflow in the same run."""

from workers.bench.lifecycle import run

__all__ = ["run"]
