"""Files for clusters that we do not start ourselves say the same as the code that starts ours."""

import re
from pathlib import Path

from temporal.search_attributes import registration
from workers.embedded.temporal_server import DYNAMIC_CONFIG

DEPLOY = Path(__file__).parents[2] / "deploy" / "temporal"


def test_a_real_cluster_gets_the_same_search_attributes() -> None:
    script = (DEPLOY / "namespace.sh").read_text()

    assert dict(re.findall(r"^(Caas\w+) (\w+)$", script, re.MULTILINE)) == registration()


def test_a_real_cluster_gets_the_same_dynamic_configuration() -> None:
    yaml = (DEPLOY / "dynamicconfig.yaml").read_text()
    settings = re.findall(r"^([\w.]+):\n  - value: (\w+)$", yaml, re.MULTILINE)

    assert settings == [(key, value.strip('"')) for key, value in DYNAMIC_CONFIG.items()]


def test_the_search_attributes_fit_a_sql_database() -> None:
    kinds = list(registration().values())

    assert kinds.count("Keyword") <= 10
    assert all(kinds.count(kind) <= 3 for kind in set(kinds) - {"Keyword"})
