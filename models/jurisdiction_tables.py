"""The law as data: what each place prescribes, since when, and who says so. A change of law is a row more.

Only what a source gives in figures is here. That a place has no row in a table is itself an answer: the United States
know no federal cap for consumer loans outside the Military Lending Act, Nigeria watches rates and caps none.
"""

from datetime import date
from decimal import Decimal

from models.apr import AprMethod
from models.jurisdictions import (
    AprRule,
    ChargeOff,
    Classification,
    CoolingOff,
    Jurisdiction,
    License,
    LoanClass,
    RateCap,
    Rules,
    in_force,
)

_US, _EU, _NG, _IN = Jurisdiction.US, Jurisdiction.EU, Jurisdiction.NG, Jurisdiction.IN
_FFIEC = "FFIEC, Uniform Retail Credit Classification and Account Management Policy, 65 FR 36903"
_CBN_MFB = "CBN, Regulatory and Supervisory Guidelines for Microfinance Banks (secondary: training.lheonconsulting.com)"
_CBN_DMB = "CBN, Prudential Guidelines for Deposit Money Banks, 2010"
_CBN_CONSUMER = "CBN, Consumer Protection Regulations, 2019"
_RBI_IRACP = "RBI/2021-22/125, Prudential norms on income recognition, asset classification and provisioning"
_CCD_2008 = "Directive 2008/48/EC"
_CCD_2023 = "Directive (EU) 2023/2225"

CLASSIFICATIONS = (
    Classification(
        _US,
        None,
        date(2000, 6, 12),
        _FFIEC,
        (LoanClass("pass", 0), LoanClass("substandard", 90), LoanClass("loss", 120)),
    ),
    Classification(
        _EU,
        None,
        date(2014, 1, 1),
        "Regulation (EU) No 575/2013, Article 178(1)(b)",
        (LoanClass("performing", 0), LoanClass("defaulted", 91)),
    ),
    Classification(
        _NG,
        License.COMMERCIAL_BANK,
        date(2010, 7, 1),
        _CBN_DMB,
        (
            LoanClass("performing", 0),
            LoanClass("substandard", 90, Decimal(10)),
            LoanClass("doubtful", 180, Decimal(50)),
            LoanClass("lost", 361, Decimal(100)),
        ),
    ),
    Classification(
        _NG,
        License.MICROFINANCE_BANK,
        date.min,  # the source gives the rates, and no day
        _CBN_MFB,
        (
            LoanClass("performing", 0, Decimal(1)),
            LoanClass("pass_and_watch", 1, Decimal(5)),
            LoanClass("substandard", 31, Decimal(20)),
            LoanClass("doubtful", 61, Decimal(50)),
            LoanClass("lost", 91, Decimal(100)),
        ),
    ),
    Classification(
        _IN,
        None,
        date(2021, 11, 12),
        _RBI_IRACP,
        (
            LoanClass("standard", 0),
            LoanClass("sma_0", 1),
            LoanClass("sma_1", 31),
            LoanClass("sma_2", 61),
            LoanClass("npa", 91),
        ),
        counts_due_day=True,
        kept_until_cured="npa",
    ),
)
CHARGE_OFFS = (ChargeOff(_US, None, date(2000, 6, 12), _FFIEC, closed_end_days=120, open_end_days=180),)
COOLING_OFFS = (
    CoolingOff(_EU, None, date(2010, 6, 11), f"{_CCD_2008}, Article 14", days=14),
    CoolingOff(_EU, None, date(2026, 11, 20), f"{_CCD_2023}, Article 26", days=14),
    # Only those whom the central bank licenses: a digital lender is under the FCCPC, whose regulations give no days.
    CoolingOff(_NG, License.COMMERCIAL_BANK, date(2019, 12, 20), _CBN_CONSUMER, days=3, working_days=True),
    CoolingOff(_NG, License.MICROFINANCE_BANK, date(2019, 12, 20), _CBN_CONSUMER, days=3, working_days=True),
)
RATE_CAPS = (
    RateCap(
        _US,
        License.MILITARY_LENDING_ACT,
        date(2016, 10, 3),
        "Military Lending Act, 10 U.S.C. 987(b), 32 CFR 232.4(b)",
        Decimal(36),
    ),
)
APR_RULES = (
    AprRule(_US, None, date.min, "Regulation Z, 12 CFR 1026, Appendix J", AprMethod.US_REG_Z),
    AprRule(_EU, None, date(2010, 6, 11), f"{_CCD_2008}, Annex I", AprMethod.EU_2008_48_EC),
    AprRule(
        _EU,
        None,
        date(2026, 11, 20),
        f"{_CCD_2023}, Article 30 and Annex III, the formula unchanged",
        AprMethod.EU_2008_48_EC,
    ),
    AprRule(_IN, None, date(2024, 10, 1), "RBI/2024-25/18, Key Facts Statement, Annex B", AprMethod.INDIA_KFS),
)


def rules(jurisdiction: Jurisdiction | None, license_: License | None = None, *, on: date) -> Rules:
    """What holds there, for that license, on that day. Without a jurisdiction nothing is prescribed."""
    if jurisdiction is None:
        return Rules()
    return Rules(
        classification=in_force(CLASSIFICATIONS, jurisdiction, license_, on=on),
        charge_off=in_force(CHARGE_OFFS, jurisdiction, license_, on=on),
        cooling_off=in_force(COOLING_OFFS, jurisdiction, license_, on=on),
        rate_cap=in_force(RATE_CAPS, jurisdiction, license_, on=on),
        apr_method=in_force(APR_RULES, jurisdiction, license_, on=on),
    )
