"""`caas quote` and `caas apr` as a product designer runs them, `caas webhook` as an integrator does."""

import json
import subprocess
import sys

import pytest

LOAN = (
    '[{"id": "A1", "principal": "900", "annual_rate_percent": "12", "number_of_repayments": 1, "frequency": "MONTHS",'
    ' "disbursed_on": "2026-01-15"}]'
)
RATE = (
    '[{"id": "B1", "jurisdiction": "EU", "advances": [{"amount": "500"}],'
    ' "payments": [{"first_years": 1, "amount": "550"}]}]'
)


def caas(command: str, text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "workers.cli", *command.split(), "-"],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_quote_is_printed_as_json() -> None:
    run = caas("quote", LOAN)

    assert (run.returncode, run.stderr) == (0, "")
    (answer,) = json.loads(run.stdout)
    assert [(row["due"], row["total"]) for row in answer["expected"]] == [("2026-02-15", "909.00")]


def test_a_rate_is_printed_as_json() -> None:
    run = caas("apr", RATE)

    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads(run.stdout) == [{"id": "B1", "apr_percent": "10.00"}]


@pytest.mark.parametrize(
    ("command", "case", "answer"),
    [
        ("webhook sign", '{"msg_id": "msg.1"}', {"error": "scheme is missing."}),
        ("webhook verify", "{}", {"result": "reject", "reason": "body is missing."}),
        ("webhook check-url", '{"url": "https://api.firstcredit.com/"}', {"result": "accept"}),
    ],
)
def test_a_webhook_is_judged_as_json(command: str, case: str, answer: dict[str, str]) -> None:
    run = caas(command, f"[{case}]")

    assert (run.returncode, run.stderr) == (0, "")
    (found,) = json.loads(run.stdout)
    assert found.items() >= {"id": None, **answer}.items()


@pytest.mark.parametrize("command", ["quote", "apr", "webhook verify"])
def test_a_file_without_cases_is_one_sentence_of_trouble(command: str) -> None:
    run = caas(command, '{"id": "A1"}')

    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "- holds no JSON array of cases.\n"
