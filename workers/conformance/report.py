"""The verdicts as people read them."""

from itertools import groupby

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from workers.conformance.run import Report


def show(report: Report, console: Console) -> None:
    """Print every case by group, the faults below what had to hold, and one sentence at the end."""
    for group, verdicts in groupby(report.verdicts, lambda verdict: verdict.group):
        table = Table(
            title=group, title_justify="left", title_style="bold", box=None, show_header=False, padding=(0, 1)
        )
        table.add_column(width=4)
        table.add_column(no_wrap=True)
        table.add_column(ratio=1)
        table.add_column(justify="right", style="dim")
        for verdict in verdicts:
            mark = "[green]pass[/]" if verdict.fault is None else "[bold red]FAIL[/]"
            words = escape(verdict.must)
            if verdict.fault is not None:
                words += f"\n[red]{escape(verdict.fault)}[/]"
            table.add_row(mark, verdict.name, words, f"{verdict.seconds:.1f} s")
        console.print(table)
        console.print()
    passed = len(report.verdicts) - len(report.failed)
    summary = f"{passed} of {len(report.verdicts)} cases passed at {report.url}."
    console.print(summary, style="bold red" if report.failed else "bold green", markup=False, highlight=False)
