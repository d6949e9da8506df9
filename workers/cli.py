"""The command line `caas`. Commands import what they run when they run it, so that `caas --help` is instant."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable, Coroutine
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
import uvloop
from rich.console import Console

from workers.embedded.errors import StackError

app = typer.Typer(
    help="Credit-as-a-Service: a loan's whole life on one durable engine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # they would print passwords and borrowers
)
tenants = typer.Typer(help="The platforms that lend through us.", no_args_is_help=True)
providers = typer.Typer(help="The lenders that integrate with us.", no_args_is_help=True)
chains = typer.Typer(help="The chain: a node for development, and the contracts.", no_args_is_help=True)
benches = typer.Typer(help="Figures about this machine.", no_args_is_help=True)
webhooks = typer.Typer(help="Signatures and URLs of webhooks, to compare one's own with.", no_args_is_help=True)
app.add_typer(tenants, name="tenant")
app.add_typer(providers, name="provider")
app.add_typer(benches, name="bench")
app.add_typer(webhooks, name="webhook")
app.add_typer(chains, name="chain")

console = Console()

Answer = TypeVar("Answer")


@app.command()
def up() -> None:
    """Run the whole stack until Ctrl-C, resuming what was alive."""
    from workers.up import serve

    finish(serve(console))


@app.command()
def demo() -> None:
    """Live one whole loan and print it; fails if a figure is not what it must be."""
    from workers.demo import run

    finish(run())


@app.command()
def api() -> None:
    """Serve the HTTP API."""
    from workers.api_server import serve

    serve()


@app.command()
def worker() -> None:
    """Carry out workflows and activities, and relay the outbox."""
    from workers.worker import main as work

    finish(work())


@app.command()
def sandbox() -> None:
    """Be the outside world: a payment rail, an identity bureau, lenders and a mailbox."""
    from sandbox.server import serve
    from sandbox.settings import SandboxSettings

    finish(serve(SandboxSettings()))


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from workers.migrate import MigrationSettings, migrate

    migrate(MigrationSettings().urls())


Cases = Annotated[str, typer.Argument(metavar="FILE", help="A JSON array of cases; `-` reads standard input.")]


@app.command()
def quote(file: Cases) -> None:
    """Print the repayment schedule of each case."""
    from workers.cases.quote import quoted

    answer_cases(file, quoted)


@app.command()
def simulate(file: Cases) -> None:
    """Print what the events of each case make of its loan."""
    from workers.cases.simulate import simulated

    answer_cases(file, simulated)


@app.command()
def apr(file: Cases) -> None:
    """Print the annual percentage rate of each case."""
    from workers.cases.apr import apr_percent

    answer_cases(file, apr_percent)


@webhooks.command("sign")
def sign_webhooks(file: Cases) -> None:
    """Print the signature of each message."""
    from workers.cases.webhook import signed

    answer_cases(file, signed)


@webhooks.command("verify")
def verify_webhooks(file: Cases) -> None:
    """Print whether each message is to be believed, and why not."""
    from workers.cases.webhook import rejected, verified

    answer_cases(file, verified, rejected)


@webhooks.command("check-url")
def check_webhook_urls(file: Cases) -> None:
    """Print whether each URL may be posted to, and why not."""
    from workers.cases.webhook import checked, rejected

    answer_cases(file, checked, rejected)


@tenants.command()
def create(
    name: Annotated[str, typer.Argument(help="What the platform calls itself.")],
    country: Annotated[str, typer.Option(help="Where it lends, ISO 3166.")] = "US",
    currency: Annotated[str, typer.Option(help="What it lends when a request does not say, ISO 4217.")] = "USD",
    live: Annotated[bool, typer.Option(help="A key for real money: `caas_live_sk_...`.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Create a tenant and print its API key, once."""
    from models.records.database import DatabaseSettings
    from workers.tenants import new_key

    key = with_rows(new_key(DatabaseSettings().database_url, name, country=country, currency=currency, live=live))
    console.print(key, markup=False, highlight=False, soft_wrap=True)


@tenants.command()
def key(
    known: Annotated[
        str, typer.Option(help="A key the tenant has.", envvar="CAAS_API_KEY", prompt=True, hide_input=True)
    ],
) -> None:
    """Give a tenant one more key, so that one can approve what another has made, and print it, once."""
    from models.records.database import DatabaseSettings
    from workers.tenants import key_beside

    made = with_rows(key_beside(DatabaseSettings().database_url, known))
    if made is None:
        console.print("No tenant holds this key.", style="red")
        raise typer.Exit(1)
    console.print(made, markup=False, highlight=False, soft_wrap=True)


@providers.command()
def check(  # noqa: PLR0913, PLR0917 - each is an option of its own
    url: Annotated[str, typer.Argument(help="The provider's webhook endpoint.")],
    secret: Annotated[str, typer.Option(envvar="CAAS_WEBHOOK_SECRET", help="What both sides sign with: `whsec_...`.")],
    provider_id: Annotated[
        str, typer.Option(envvar="CAAS_PROVIDER_ID", help="As what the provider decides.")
    ] = "provider_conformance",
    api_key: Annotated[
        str, typer.Option(envvar="CAAS_API_KEY", help="The key it sends with its decisions.")
    ] = "caas_test_sk_conformance",
    host: Annotated[str, typer.Option(help="Where the kit serves its part of our API.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The provider's API URL is http://HOST:PORT.")] = 9099,
    currency: Annotated[str, typer.Option(help="What the provider lends.")] = "USD",
    country: Annotated[str, typer.Option(help="Where it lends.")] = "US",
    minimum_amount: Annotated[int, typer.Option(help="The least it lends.")] = 5_000,
    maximum_amount: Annotated[int, typer.Option(help="The most it lends.")] = 500_000,
    rate_minimum: Annotated[float, typer.Option(help="The lowest rate it has registered, in percent.")] = 3.5,
    rate_maximum: Annotated[float, typer.Option(help="The highest.")] = 18.0,
    patience: Annotated[float, typer.Option(help="Seconds that a decision may take.")] = 5.0,
    only: Annotated[list[str] | None, typer.Option(help="Play this case only; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Play every case of the conformance kit against a provider's endpoint; exit code 1 if any fails."""
    import json

    from workers.conformance.bench import Expectations
    from workers.conformance.report import show
    from workers.conformance.run import Report, checked

    expecting = Expectations(
        url,
        secret,
        provider_id,
        api_key,
        currency,
        country,
        minimum_amount,
        maximum_amount,
        rate_minimum,
        rate_maximum,
        patience,
    )
    reports: list[Report] = []

    async def play() -> None:
        reports.append(await checked(expecting, host=host, port=port, only=only or ()))

    finish(play())
    for report in reports:
        if as_json:
            typer.echo(json.dumps(report.as_json(), indent=1))
        else:
            show(report, console)
    if not reports or reports[0].failed:
        raise typer.Exit(1)


@chains.command()
def node(
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port of JSON-RPC.")] = 8545,
    journal: Annotated[Path, typer.Option(help="The file that keeps the blocks.")] = Path("chain.jsonl"),
) -> None:
    """Serve a development chain, resuming what its journal holds."""
    from time import time

    from contracts.devnode.process import NodeOptions, serve

    on_chain(serve(NodeOptions(host, port, journal), time))


@chains.command()
def deploy(
    plan: Annotated[Path | None, typer.Argument(help="The deployment plan, JSON; not for a development chain.")] = None,
) -> None:
    """Deploy the contracts and write CAAS_CHAIN_ADDRESSES; what is there already stays."""
    from workers.chain import deploy

    on_chain(deploy(plan, console))


@chains.command()
def show() -> None:
    """Print addresses, block and roles."""
    from workers.chain import show

    on_chain(show(console))


LoanKey = Annotated[str, typer.Argument(help="The loan on chain: `loanKey` of its deposit instructions.")]
Symbol = Annotated[str, typer.Argument(help="A token of the address book.")]


@chains.command()
def price(symbol: Symbol, dollars: Annotated[str, typer.Argument(help="What one whole token is worth.")]) -> None:
    """Set a token's price, on a development chain."""
    from workers.chain import price

    on_chain(price(symbol, amount_of(dollars)))


@chains.command()
def deposit(loan_key: LoanKey, symbol: Symbol, amount: Annotated[str, typer.Argument(help="Whole tokens.")]) -> None:
    """Post collateral from the borrower's wallet of a development chain."""
    from workers.chain import deposit

    on_chain(deposit(loan_key, symbol, amount_of(amount)))


@chains.command()
def take(
    loan_key: LoanKey, symbol: Symbol, amount: Annotated[str | None, typer.Argument(help="Whole tokens.")] = None
) -> None:
    """Buy collateral that is for sale with a development wallet; all of it, or as much as pays what is owed."""
    from workers.chain import take

    on_chain(take(loan_key, symbol, None if amount is None else amount_of(amount), console))


@chains.command()
def sign(
    file: Annotated[typer.FileText, typer.Argument(help="The answer of `GET .../chain/typed-data`; `-` for input.")],
    underwriter: Annotated[int, typer.Option(help="Which of the development underwriters, from 1.")] = 1,
) -> None:
    """Sign a loan's terms as a development underwriter; prints the body of `POST .../chain/signatures`."""
    from contracts.dev_wallets import signed
    from contracts.trouble import ChainTrouble

    try:
        typer.echo(json.dumps(signed(json.load(file)["typedData"], underwriter)))
    except (ChainTrouble, ValueError, KeyError, TypeError) as trouble:
        typer.echo(f"not signed: {trouble}", err=True)
        raise typer.Exit(1) from None


def amount_of(text: str) -> Decimal:
    """A decimal number, or a usage error."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is no number") from None
    if not amount.is_finite():
        raise typer.BadParameter(f"{text!r} is no amount")
    return amount


@benches.command()
def lifecycle() -> None:
    """Loans per second through disbursement, and what each costs in Temporal, beside a bare workflow."""
    from workers.bench import run

    finish(run())


def answer_cases(
    file: str,
    answer: Callable[[dict[str, Any]], dict[str, Any]],
    refused: Callable[[Any], dict[str, Any]] | None = None,
) -> None:
    """Print one answer per case as JSON; a file that holds no cases is one sentence of trouble."""
    from workers.cases.files import UnreadableCases, answers, in_error

    try:
        typer.echo(answers(file, answer, refused or in_error))
    except UnreadableCases as trouble:
        typer.echo(str(trouble), err=True)
        raise typer.Exit(1) from None


@benches.command()
def engine() -> None:
    """Schedules, replays and closings of business per second, beside a naive annuity."""
    from workers.bench.engine import run

    finish(run())


@benches.command("webhooks")
def deliveries() -> None:
    """Webhooks per second and their latency, beside a receiver that hangs, and under kills of worker and API."""
    from workers.bench.webhooks import run

    finish(run())


@benches.command()
def analytics() -> None:
    """How long a provider waits for its figures in a marketplace with a million invitations."""
    from workers.bench.analytics import run

    finish(run())


@benches.command("chain")
def chain_writes(
    operations: Annotated[int, typer.Option(min=10, help="Writes; a loan is ten of them.")] = 1_000,
    crashes: Annotated[bool, typer.Option("--crashes", help="Kill the writers again and again.")] = False,  # noqa: FBT002 - a flag
    node: Annotated[str, typer.Option(help="anvil, builtin, or auto: both if there is an anvil.")] = "auto",
) -> None:
    """Writes to both bundled chains per second, and whether each is there once, also when its writers are killed."""
    from workers.bench.chain import run

    finish(run(operations, crashes=crashes, node=node))


def with_rows(work: Coroutine[Any, Any, Answer]) -> Answer:
    """What comes of it; a database that does not answer is one sentence of trouble."""
    from sqlalchemy.exc import OperationalError

    try:
        return asyncio.run(work)
    except OperationalError:
        typer.echo("The database does not answer. CAAS_DATABASE_URL says where it is; `make up` prints it.", err=True)
        raise typer.Exit(1) from None


def on_chain(work: Coroutine[Any, Any, object]) -> None:
    """Run to the end; trouble with the chain is one sentence."""
    from contracts.trouble import ChainTrouble

    try:
        finish(work)
    except ChainTrouble as trouble:
        typer.echo(str(trouble), err=True)
        raise typer.Exit(1) from None


def finish(work: Coroutine[Any, Any, object]) -> None:
    """Run to the end; being told to stop is a good end, and trouble with the stack is one sentence."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work)
    except StackError as trouble:
        console.print(str(trouble), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("stopped")


def main() -> None:
    """The entry point of `caas`."""
    code: object = 1
    try:
        app()
    except SystemExit as end:
        code = end.code
    finally:
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
            sys.stderr.flush()
    # Temporal's native threads may abort a Python that is shutting down (exit code 134): leave without the farewell.
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    main()
