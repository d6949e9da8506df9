"""What talking to a chain does to the process: its depth of recursion stays, so deep documents are still refused."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["contracts.connect", "contracts.typed_data", "contracts.devnode.evm"])
def test_the_depth_of_recursion_stays_as_it_was(module: str) -> None:
    code = f"import sys; was = sys.getrecursionlimit(); import {module}; sys.exit(sys.getrecursionlimit() != was)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own line
