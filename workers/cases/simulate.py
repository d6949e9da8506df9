"""`caas simulate`: what a list of events makes of each case's loan."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from models.allocation import (
    STRATEGIES,
    DueBucket,
    InAdvance,
    Part,
    Processing,
    RepaymentPolicy,
    by_bucket,
    in_order,
)
from models.installment import Installment
from models.money import minor_units
from models.replay import LoanAccount, replay
from models.terms import LoanTerms
from models.transactions import Transaction, TransactionKind
from workers.cases.files import Answer, Case, InvalidCase, as_number, day, needed, one_of
from workers.cases.quote import amount
from workers.cases.terms import terms_of

_K = TransactionKind
_ADVANCED = "advanced-payment-allocation-strategy"
_RULES = {rule.upper(): rule for rule in InAdvance if rule is not InAdvance.REDUCE_INSTALLMENT}
_PROCESSING = {processing.upper(): processing for processing in Processing}
_ENTRIES = {f"{bucket}_{part}".upper(): (bucket, part) for bucket in DueBucket for part in Part}
_EARLY = {
    "ADJUST_LAST_UNPAID_PERIOD": None,
    "REDUCE_EMI_AMOUNT": InAdvance.REDUCE_INSTALLMENT,
    "REDUCE_NUMBER_OF_INSTALLMENTS": InAdvance.LAST_INSTALLMENT,
    "RESCHEDULE_NEXT_REPAYMENTS": None,
}
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
