"""`caas demo`: one loan lives its whole life on the real engine, and every figure is checked."""

from workers.demo.show import run

__all__ = ["run"]
