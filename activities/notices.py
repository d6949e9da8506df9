"""What borrowers are written: subject and text, plain and short. Nothing here decides anything."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

Listed = Sequence[tuple[str, Decimal, str, Decimal]]
"""Offers as borrowers are told of them, best first: provider, amount, currency and APR."""


def offers_notice(name: str, offers: Listed) -> tuple[str, str]:
    """The offers are in."""
    text = f"Hello {name},\n\nThese lenders want to lend to you, cheapest first:\n\n{_lines(offers)}\n"
    return "Your loan offers are ready", text


def lapsed_notice(name: str, lender: str, offers: Listed) -> tuple[str, str]:
    """The lender whose offer was accepted does not lend after all; these are left."""
    text = (
        f"Hello {name},\n\n{lender} does not pay out the loan whose offer you accepted; you owe nothing.\n"
        f"These lenders still want to lend to you, cheapest first:\n\n{_lines(offers)}\n"
    )
    return "The offer you accepted has lapsed", text


def _lines(offers: Listed) -> str:
    return "\n".join(
        f"{n}. {provider}: {currency} {amount:,} at {apr.normalize():f} % APR"
        for n, (provider, amount, currency, apr) in enumerate(offers, 1)
    )


def disbursed_notice(name: str, amount: str, first_due: date) -> tuple[str, str]:
    """The money has left."""
    text = f"Hello {name},\n\n{amount} is on its way to you. Your first installment is due on {first_due}.\n"
    return "Your loan has been paid out", text


def reminder_notice(name: str, number: int, amount: str, due_on: date, account: str) -> tuple[str, str]:
    """An installment is coming up, or due today."""
    text = f"Hello {name},\n\ninstallment {number} of {amount} is due on {due_on}. Please pay into account {account}.\n"
    return f"Installment {number} is due on {due_on}", text


def late_fee_notice(name: str, number: int, fee: str, due_on: date) -> tuple[str, str]:
    """A late fee has been charged."""
    text = f"Hello {name},\n\ninstallment {number}, due on {due_on}, has not arrived. A late fee of {fee} was added.\n"
    return f"Late fee for installment {number}", text


def dunning_notice(name: str, level: int, overdue: str, days: int) -> tuple[str, str]:
    """A collection letter; `level` counts from 1."""
    subject = {1: "Payment overdue", 2: "Second notice: payment overdue"}.get(level, "Final notice: payment overdue")
    text = (
        f"Hello {name},\n\n{overdue} has been overdue for {days} days. If you cannot pay now, tell us when you can:\n"
        "a promise to pay stops these letters until its day.\n"
    )
    return subject, text


def payment_notice(name: str, amount: str, outstanding: str) -> tuple[str, str]:
    """A payment has been posted."""
    return "Payment received", f"Hello {name},\n\nthank you: we received {amount}. Outstanding: {outstanding}.\n"


def closed_notice(name: str, closed_on: date) -> tuple[str, str]:
    """The loan is paid off."""
    return "Your loan is paid off", f"Hello {name},\n\nyour loan was paid off on {closed_on}. Nothing more is owed.\n"


def margin_call_notice(name: str, cover_percent: int, cure_by: datetime) -> tuple[str, str]:
    """The collateral is worth too little; `cover_percent` is its share of the debt at the liquidation thresholds."""
    text = (
        f"Hello {name},\n\nthe collateral of your loan covers {cover_percent} % of what it must cover at least. Please "
        f"add collateral, or pay back a part of the loan, by {cure_by:%Y-%m-%d %H:%M} UTC; after that it may be sold.\n"
    )
    return "Please add collateral to your loan", text


def margin_call_cured_notice(name: str) -> tuple[str, str]:
    """The collateral is worth enough again."""
    return "Your collateral is sufficient again", f"Hello {name},\n\nthank you: nothing more needs to be added.\n"


def liquidation_notice(name: str) -> tuple[str, str]:
    """The collateral is being sold."""
    text = (
        f"Hello {name},\n\nthe collateral of your loan is being sold at auction. What it brings pays the loan, and "
        "what is left over is yours.\n"
    )
    return "The collateral of your loan is being sold", text


def liquidated_notice(name: str, deficit: str | None) -> tuple[str, str]:
    """The sale is over; the deficit is what it has not covered, None when it has covered everything."""
    left = "Nothing more is owed." if deficit is None else f"It did not cover {deficit}."
    return "The sale of your collateral is over", f"Hello {name},\n\nthe sale of your collateral is over. {left}\n"
