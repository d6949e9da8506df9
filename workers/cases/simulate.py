"""`caas simulate`: what a list of events makes of each case's loan."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from models.allocation import (
    STRATEGIES,
    DueBucket,
    InAdvance,
    LateCountsFrom,
    Part,
    Processing,
    RepaymentPolicy,
    by_bucket,
    in_order,
)
from models.amortization import schedule_for
from models.installment import Installment
from models.money import minor_units
from models.replay import LoanAccount, replay
from models.terms import LoanTerms
from models.transactions import Transaction, TransactionKind
from workers.cases.files import Answer, Case, InvalidCase, as_number, day, needed, one_of
from workers.cases.quote import amount
from workers.cases.terms import terms_of

_K = TransactionKind
_DUE_DATE = LateCountsFrom.DUE_DATE
_ADVANCED = "advanced-payment-allocation-strategy"
_RULES = {rule.upper(): rule for rule in InAdvance if not rule.startswith("reduce")}
_PROCESSING = {processing.upper(): processing for processing in Processing}
_ENTRIES = {f"{bucket}_{part}".upper(): (bucket, part) for bucket in DueBucket for part in Part}
_PARTS = (Part.PRINCIPAL, Part.INTEREST, Part.FEE, Part.PENALTY)
_CHARGES = {"FEE": _K.FEE, "PENALTY": _K.PENALTY}
_MONEY = {
    "REPAYMENT": _K.REPAYMENT,
    "DOWN_PAYMENT": _K.DOWN_PAYMENT,
    "GOODWILL_CREDIT": _K.GOODWILL_CREDIT,
    "MERCHANT_ISSUED_REFUND": _K.GOODWILL_CREDIT,
    "PAYOUT_REFUND": _K.GOODWILL_CREDIT,
    "CHARGEBACK": _K.CHARGEBACK,
    "CREDIT_BALANCE_REFUND": _K.REFUND,
}


def simulated(case: Case) -> Answer:
    """The schedule after the events, with what was paid of it and when."""
    stated = needed(case, "terms")
    if not isinstance(stated, dict):
        raise InvalidCase("terms is a JSON object.", "terms")
    terms, policy = terms_of(stated), _policy(case.get("allocation"), stated)
    transactions, today = _history(case, stated, terms)
    account = replay(terms, policy, transactions, on=today)
    return {"expected": _printed(account, terms.currency)}


def _policy(allocation: Any, stated: Mapping[str, Any]) -> RepaymentPolicy:
    if not isinstance(allocation, dict):
        raise InvalidCase("allocation is a JSON object.", "allocation")
    recalculates = bool(stated.get("interest_recalculation"))
    strategy = allocation.get("strategy")
    if strategy != _ADVANCED:
        names = {name.upper(): stages for name, stages in STRATEGIES.items()}
        stages = one_of(strategy, names, "allocation.strategy")
        return RepaymentPolicy(stages, InAdvance.NEXT_INSTALLMENT, recalculates, _DUE_DATE)
    processing = one_of(allocation.get("processing") or "HORIZONTAL", _PROCESSING, "allocation.processing")
    rule = one_of(
        allocation.get("future_installment_rule") or "NEXT_INSTALLMENT", _RULES, "allocation.future_installment_rule"
    )
    if (order := allocation.get("order")) is None:
        return RepaymentPolicy(by_bucket(processing=processing), rule, recalculates, _DUE_DATE)
    if not isinstance(order, list):
        raise InvalidCase("allocation.order is a JSON array.", "allocation.order")
    entries = [one_of(entry, _ENTRIES, "allocation.order") for entry in order]
    return RepaymentPolicy(in_order(entries, processing), rule, recalculates, _DUE_DATE)


def _history(case: Case, stated: Case, terms: LoanTerms) -> tuple[list[Transaction], date]:
    """The events as transactions, and the business date after the last of them."""
    events = case.get("events")
    if not isinstance(events, list):
        raise InvalidCase("events is a JSON array.", "events")
    transactions: list[Transaction] = []
    today = worked_out = day(needed(stated, "disbursed_on"), "terms.disbursed_on")
    for place, event in enumerate(events):
        field = f"events[{place}]"
        if not isinstance(event, dict):
            raise InvalidCase(f"{field} is a JSON object.", field)
        kind = event.get("type")
        if kind in ("BUSINESS_DATE", "COB"):
            on = day(event.get("date"), f"{field}.date")
            today = max(today, on)
            # The sources work a schedule out anew when money moves and at the close of business, not as days pass.
            worked_out = max(worked_out, on) if kind == "COB" else worked_out
            continue
        for transaction in _transactions(event, kind, field, today, stated, terms):
            if transaction.kind is not _K.DISBURSEMENT and (not transactions or transaction.on < transactions[0].on):
                raise InvalidCase(f"{field} comes before the disbursement.", field)
            if transaction.kind is _K.DISBURSEMENT and transactions:
                raise InvalidCase(f"{field} pays the loan out again.", field)
            transactions.append(transaction)
            worked_out = max(worked_out, transaction.on)
            today = max(today, transaction.on)
    return transactions, worked_out


def _transactions(
    event: Mapping[str, Any], kind: Any, field: str, today: date, stated: Case, terms: LoanTerms
) -> Iterator[Transaction]:
    minor = minor_units(as_number(event.get("amount"), f"{field}.amount"), terms.currency, field=f"{field}.amount")
    if minor <= 0:
        raise InvalidCase(f"{field}.amount is more than nothing.", f"{field}.amount")
    if kind == "CHARGE":
        due_on = day(event.get("due"), f"{field}.due")
        charged = one_of(event.get("kind"), _CHARGES, f"{field}.kind")
        yield Transaction(field, charged, min(today, due_on), minor, due_on=due_on)
        return
    on = day(event.get("date"), f"{field}.date")
    if kind == "DISBURSEMENT":
        if minor != terms.principal_minor:
            raise InvalidCase(f"{field} pays out another amount than the principal.", f"{field}.amount")
        yield Transaction(field, _K.DISBURSEMENT, on, minor)
        if stated.get("auto_down_payment") and terms.down_payment_percent:
            down_minor = schedule_for(terms, disbursed_on=on)[0].principal_minor
            yield Transaction(f"{field}.down_payment", _K.DOWN_PAYMENT, on, down_minor)
        return
    yield Transaction(field, one_of(kind, _MONEY, f"{field}.type"), on, minor)


def _printed(account: LoanAccount, currency: str) -> dict[str, Any]:
    balance_minor, rows = account.terms.principal_minor, []
    for row, early_minor, late_minor in zip(
        account.installments, account.in_advance_minor, account.late_minor, strict=True
    ):
        balance_minor -= row.principal_minor
        rows.append(
            {
                "n": row.number,
                "due": row.due_on.isoformat(),
                **{part.value: amount(_of(row, part), currency) for part in _PARTS},
                "total": amount(row.total_minor, currency),
                "balance_after": amount(balance_minor, currency),
                "paid": amount(row.paid_minor, currency),
                "in_advance": amount(early_minor, currency),
                "late": amount(late_minor, currency),
                "outstanding": amount(row.outstanding_minor, currency),
                "paid_on": row.settled_on and row.settled_on.isoformat(),
            }
        )
    return {
        "schedule": rows,
        "paid_split": _split(account, currency, "_paid_minor"),
        "outstanding_split": _split(account, currency, "_outstanding_minor"),
        "overpaid": amount(account.overpaid_minor, currency),
        "status": account.status.upper(),
    }


def _of(row: Installment, part: Part) -> int:
    return int(getattr(row, f"{part}_minor"))


def _split(account: LoanAccount, currency: str, suffix: str) -> dict[str, str]:
    return {
        part.value: amount(sum(getattr(row, f"{part}{suffix}") for row in account.installments), currency)
        for part in _PARTS
    }
