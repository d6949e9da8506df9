"""The magic values: what to type to see the outside world misbehave. Any other value behaves well."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Magic:
    where: str
    value: str
    effect: str


ACCOUNT_UNKNOWN = "0000000404"
ACCOUNT_NO_FUNDS = "0000000402"
ACCOUNT_FAILS = "0000000500"
ACCOUNT_ANSWER_LOST = "0000000504"
ACCOUNT_REQUEST_LOST = "0000000503"
ACCOUNT_BOUNCES = "0000000900"
ACCOUNT_SILENT = "0000000800"

NUMBER_NOT_FOUND = "00000000001"
NUMBER_BUREAU_DOWN = "00000000002"
NUMBER_BUREAU_RECOVERS = "00000000022"
NUMBER_WALLET_EMPTY = "00000000003"
NUMBER_INACTIVE = "00000000006"
NUMBER_BLOCKED = "00000000007"
NUMBER_OF_ANOTHER = "00000000009"

NAME_SANCTIONED = "Sanctioned"
NAME_NEAR_MATCH = "Nearmatch"

DOMAIN_REFUSED = "refused.example"
DOMAIN_FULL = "full.example"

FAILURES_BEFORE_RECOVERY = 2

TABLE = (
    Magic("rail: account number", ACCOUNT_UNKNOWN, "no such account: the recipient is refused"),
    Magic("rail: account number", ACCOUNT_NO_FUNDS, "the transfer is refused at once: balance too low"),
    Magic("rail: account number", ACCOUNT_FAILS, "the transfer is accepted, then fails (transfer.failed)"),
    Magic("rail: account number", ACCOUNT_ANSWER_LOST, "answers 504, and yet the transfer is booked and succeeds"),
    Magic("rail: account number", ACCOUNT_REQUEST_LOST, "answers 504 to the first order and books nothing"),
    Magic("rail: account number", ACCOUNT_BOUNCES, "succeeds, and is reversed a little later (transfer.reversed)"),
    Magic("rail: account number", ACCOUNT_SILENT, "stays pending without a webhook, and succeeds when verified"),
    Magic("bureau: identity number", NUMBER_NOT_FOUND, "response_code 01: no such person"),
    Magic("bureau: identity number", NUMBER_BUREAU_DOWN, "response_code 02: the register is down, always"),
    Magic("bureau: identity number", NUMBER_BUREAU_RECOVERS, "response_code 02 twice, then found"),
    Magic("bureau: identity number", NUMBER_WALLET_EMPTY, "response_code 03: our wallet at the bureau is empty"),
    Magic("bureau: identity number", NUMBER_BLOCKED, "response_code 07: blocked"),
    Magic("bureau: identity number", NUMBER_OF_ANOTHER, "found, and belongs to somebody of another name"),
    Magic("bureau: company number", NUMBER_NOT_FOUND, "response_code 01: no such company"),
    Magic("bureau: company number", NUMBER_BUREAU_DOWN, "response_code 02: the register is down, always"),
    Magic("bureau: company number", NUMBER_BUREAU_RECOVERS, "response_code 02 twice, then found"),
    Magic("bureau: company number", NUMBER_INACTIVE, "found, and no longer in business"),
    Magic("bureau: company number", NUMBER_OF_ANOTHER, "found, and belongs to a company of another name"),
    Magic("bureau: last word of a company's name", NAME_SANCTIONED, "on the sanctions list, score 97"),
    Magic("bureau: last name", NAME_SANCTIONED, "on the sanctions list, score 97"),
    Magic("bureau: last name", NAME_NEAR_MATCH, "a namesake on the sanctions list, score 62"),
    Magic("mail: domain", DOMAIN_REFUSED, "550: no such mailbox, for good"),
    Magic("mail: domain", DOMAIN_FULL, "452: mailbox full, try again later"),
)
