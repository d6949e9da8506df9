"""The story on the screen: a line as each thing happens, a bar for how far it is, and tables at the end."""

import httpx2
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from workers.demo.chain_table import chain_table
from workers.demo.expectations import expectations
from workers.demo.loan_on_chain import LoanOnChain
from workers.demo.story import CHAPTERS, Story, Teller
from workers.platform import Json, Platform, SandboxWorld
from workers.stack import Stack
from workers.tenants import key_beside, new_key
from workers.up import links, show

_STACK_PARTS = 6
_SIDES = ("debit", "credit")
_TIMEOUT_SECONDS = 60


async def run() -> None:
    """Start the stack, live the story, show it; exit 1 if anything is not as it must be."""
    console = Console()
    with _progress(console) as progress:
        bar = progress.add_task("starting the stack", total=_STACK_PARTS + CHAPTERS)

        def started(event: str) -> None:
            progress.console.print(event, style="dim", markup=False, highlight=False)
            progress.update(bar, advance=event.startswith("starting"))

        async with (
            Stack(report=started) as stack,
            httpx2.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False) as http,
        ):
            # A tenant of its own for every run: the lenders can register again, and the books hold this loan alone.
            api_key = await new_key(stack.database_urls.app, "Demo")
            progress.update(bar, description="living the loan")
            platform = Platform(http, stack.api_url, api_key)
            teller = Teller(
                platform,
                SandboxWorld(http, stack.sandbox_url, stack.api_url),
                tell=lambda line: progress.console.print(line, highlight=False),
                chapter=lambda: progress.update(bar, advance=1),
                chain=await _chain(stack, http, platform, api_key),
            )
            story = await teller.live()
            pages = links(stack, api_key) | {
                "Loan, Temporal UI": story.loan["temporalUrl"],
                "Loan, API": f"{stack.api_url}/api/loans/{story.loan_id}",
            }
            progress.update(bar, description="lived")
    _tables(console, story)
    show(console, pages)
    console.print("`make up` starts the stack again on the same data, so that these pages can be opened.")
    if not _as_expected(console, story):
        raise typer.Exit(1)


async def _chain(stack: Stack, http: httpx2.AsyncClient, platform: Platform, api_key: str) -> LoanOnChain | None:
    """Who deals with the loan on chain: a product is put into force by another key than the one that made it."""
    if stack.chain is None:
        return None
    other_key = await key_beside(stack.database_urls.app, api_key)
    assert other_key is not None, "the key was made a moment ago"
    return LoanOnChain(platform, Platform(http, stack.api_url, other_key))


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


def _tables(console: Console, story: Story) -> None:
    console.print(_timeline(story))
    console.print(_offers(story))
    console.print(_schedule(story))
    console.print(_trial_balance(story))
    if story.on_chain:
        console.print(chain_table(story.on_chain), highlight=False)


def _timeline(story: Story) -> Table:
    table = _table("Timeline", "when", "what", "details")
    for event in story.timeline:
        data = event["data"]
        if event["type"] == "credit.application.status_changed":
            table.add_row(_when(event), f"[dim]{data['from']} ->[/] {data['to']}", "")
        else:
            table.add_row(_when(event), event["type"], _details(data))
    return table


def _when(event: Json) -> str:
    return str(event["occurredAt"])[:10]


def _details(data: Json) -> str:
    """What a person reads: no ids, no lists."""
    plain = {key: value for key, value in data.items() if not key.endswith(("Id", "Code", "reference"))}
    return ", ".join(f"{key} {value}" for key, value in plain.items() if isinstance(value, str | int | float))


def _offers(story: Story) -> Table:
    table = _table("Offers, cheapest first", "rank", "provider", "rate %", "fee", "APR %", "total cost")
    for offer in story.offers:
        table.add_row(
            str(offer["rank"]),
            offer["providerName"],
            f"{offer['interestRate']}",
            f"{offer['processingFee']:,.2f}",
            f"{offer['apr']}",
            f"{offer['financeCharge']:,.2f}",
        )
    table.caption = "\n".join(f"{offer['rank']}. {offer['reason']}" for offer in story.offers)
    return table


def _schedule(story: Story) -> Table:
    title = "Schedule against what was paid"
    table = _table(title, "no", "due", "agreed", "principal", "interest", "penalty", "paid", "on")
    for born, row in zip(story.schedule_as_born, story.loan["schedule"], strict=True):
        parts = (row[name] for name in ("principal", "interest", "penalties", "paid"))
        amounts = (f"{part:,.2f}" if part else "" for part in (born["total"], *parts))
        table.add_row(str(row["number"]), row["dueOn"], *amounts, row["settledOn"])
    return table


def _trial_balance(story: Story) -> Table:
    table = _table("Trial balance", "account", "debit", "credit")
    for currency in story.trial_balance["currencies"]:
        for account in currency["accounts"]:
            table.add_row(account["account"], *(f"{account[side]:,.2f}" if account[side] else "" for side in _SIDES))
        table.add_row(f"[bold]total {currency['currency']}[/]", "", f"[bold]{currency['total']:,.2f}[/]")
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", caption_justify="left", box=SIMPLE_HEAD)
    table.pad_edge, table.collapse_padding = False, True
    for column in columns:
        numeric = column not in {"when", "what", "details", "provider", "due", "on", "account"}
        table.add_column(column, justify="right" if numeric else "left", no_wrap=True)
    return table


def _as_expected(console: Console, story: Story) -> bool:
    met = True
    for expectation in expectations(story):
        if expectation.is_met:
            console.print(f"[green]✓[/] {expectation.what}: {expectation.actual}", highlight=False)
        else:
            met = False
            console.print(
                f"[red]✗ {expectation.what}: expected {expectation.expected}, got {expectation.actual}[/]",
                highlight=False,
            )
    return met
