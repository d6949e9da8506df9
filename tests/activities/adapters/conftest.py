from tests.sandbox.worlds import world

__all__ = ["world"]
