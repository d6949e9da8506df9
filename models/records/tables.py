"""Every table, imported once: for the migrations, and for whoever wants to look at all of them."""

from sqlmodel import SQLModel

from models.records.applications import Applicant, Application, VerifiedUser
from models.records.billing import (
    BillableEventRow,
    BilledEvent,
    CreditNote,
    Invoice,
    InvoiceLine,
    InvoicePayment,
    RateCardRow,
)
from models.records.chain_events import ChainCursor, ChainEvent
from models.records.chain_loans import ChainLoan, ChainOperation, ChainSignature
from models.records.chain_transactions import ChainSigner, ChainTransaction
from models.records.disclosures import DisclosureRow
from models.records.endpoints import DeliveryAttempt, Endpoint, EndpointHealth, EndpointSecret
from models.records.information import InformationRow
from models.records.leads import Decision, LeadGrant
from models.records.ledger import AccountRow, BusinessDayRow, ClosedPeriodRow, EntryRow, JournalRow
from models.records.loans import InstallmentRow, Loan
from models.records.matching import MatchingRow, MatchingWeightsRow
from models.records.offers import Offer
from models.records.operator_tasks import OperatorTask
from models.records.outbox import Delivery, EventRow, OutboxRow
from models.records.payments import InboundWebhook, Payment, RailAddress
from models.records.plugins import PluginRevisionRow, PluginRow, PluginRunRow
from models.records.products import LoanProductRow
from models.records.provider_messages import ProviderMessage
from models.records.provider_notices import LeadReceipt, LoanRating, ProviderNotice, ProviderStatus
from models.records.providers import Provider, ProviderHistory
from models.records.quotas import RateLimit, RateState
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
    ProviderHistory,
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
    Endpoint,
    EndpointSecret,
    EndpointHealth,
    DeliveryAttempt,
    MatchingRow,
    MatchingWeightsRow,
    DisclosureRow,
    InformationRow,
    ProviderMessage,
    LeadReceipt,
    ProviderNotice,
    ProviderStatus,
    LoanRating,
    RateLimit,
    RateState,
    RateCardRow,
    BillableEventRow,
    Invoice,
    InvoiceLine,
    BilledEvent,
    CreditNote,
    InvoicePayment,
    PluginRow,
    PluginRevisionRow,
    PluginRunRow,
    ChainLoan,
    ChainOperation,
    ChainSignature,
    ChainTransaction,
    ChainSigner,
    ChainEvent,
    ChainCursor,
    OperatorTask,
)
METADATA = SQLModel.metadata
