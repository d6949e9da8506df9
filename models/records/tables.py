"""Every table, imported once: for the migrations, and for whoever wants to look at all of them."""

from sqlmodel import SQLModel

from models.records.applications import Applicant, Application, VerifiedUser
from models.records.leads import Decision, LeadGrant
from models.records.ledger import AccountRow, BusinessDayRow, ClosedPeriodRow, EntryRow, JournalRow
from models.records.loans import InstallmentRow, Loan
from models.records.offers import Offer
from models.records.outbox import Delivery, EventRow, OutboxRow
from models.records.payments import InboundWebhook, Payment, RailAddress
from models.records.plugins import PluginRevisionRow, PluginRow, PluginRunRow
from models.records.products import LoanProductRow
from models.records.providers import Provider
from models.records.tenants import ApiKey, IdempotencyKey, Tenant
from models.records.transactions import SplitRow, TransactionRow

TABLES = (
    Tenant,
    ApiKey,
    IdempotencyKey,
    LoanProductRow,
    Applicant,
    VerifiedUser,
    Application,
    Provider,
    LeadGrant,
    Decision,
    Offer,
    Loan,
    InstallmentRow,
    TransactionRow,
    SplitRow,
    Payment,
    RailAddress,
    InboundWebhook,
    JournalRow,
    EntryRow,
    AccountRow,
    ClosedPeriodRow,
    BusinessDayRow,
    EventRow,
    OutboxRow,
    Delivery,
    PluginRow,
    PluginRevisionRow,
    PluginRunRow,
)
METADATA = SQLModel.metadata
