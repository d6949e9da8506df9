"""What anybody can read of the loan on the chain, without a name in it: a row for each write, money in major units."""

from collections.abc import Iterator
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from models.chain import ChainState
from models.money import exponent_of
from workers.platform import Json

_STATES = tuple(ChainState)
_AMOUNTS = ("principal", "interest", "outstanding")


def chain_table(chain: Json) -> Group:
    """The events of a loan as `GET /api/loans/{loanId}/chain` lists them, and where it stands after them."""
    table = Table(title="On chain", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.pad_edge, table.collapse_padding = False, True
    for column in ("block", "seq", "event", *_AMOUNTS):
        table.add_column(column, justify="left" if column == "event" else "right", no_wrap=True)
    places = exponent_of(chain["currency"]) + chain["scale"]
    for event, entered in _writes(chain["events"]):
        told = event["arguments"]
        amounts = (_major(told[name], places) if name in told else "" for name in _AMOUNTS)
        table.add_row(str(event["blockNumber"]), str(told.get("seq", "")), _what(event, entered), *amounts)
    return Group(table, Text(_standing(chain)))


def _writes(events: list[Json]) -> Iterator[tuple[Json, Json | None]]:
    """A change of state belongs to the write that brought it about, which has the same number."""
    held: Json | None = None
    for event in events:
        if held and event["name"] == "StateChanged" and event["arguments"]["seq"] == held["arguments"].get("seq"):
            yield held, event
            held = None
            continue
        if held:
            yield held, None
        held = event
    if held:
        yield held, None


def _what(event: Json, entered: Json | None) -> str:
    if event["name"] == "Originated":
        return f"Originated, approvals {event['arguments']['approvals']}"
    changed = event if event["name"] == "StateChanged" else entered
    return f"{event['name']} -> {_STATES[int(changed['arguments']['to'])]}" if changed else str(event["name"])


def _major(base_units: str | int, places: int) -> str:
    return f"{Decimal(int(base_units)).scaleb(-places):,f}"


def _standing(chain: Json) -> str:
    standing, mined = chain["standing"]["confirmed"], [each for each in chain["transactions"] if each["gasUsed"]]
    return (
        f"{standing['state']}, outstanding {standing['outstanding']:,.2f}, interest paid"
        f" {standing['interestPaid']:,.2f}, {len(mined)} transactions, {sum(each['gasUsed'] for each in mined):,} gas\n"
        f"contract {chain['contracts']['creditAggregator']}\nloan {chain['loanKey']}\n"
    )
