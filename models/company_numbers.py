"""What a company's registration number looks like, country by country.

Where python-stdnum knows the number of a country's company register, its check digits are checked. The others are
patterns of ours, drawn below. A country nobody has described gets a general one: letters, digits and separators.
"""

import re
from collections.abc import Mapping
from types import ModuleType

from stdnum.au import abn, acn
from stdnum.br import cnpj
from stdnum.ca import bn
from stdnum.ch import uid
from stdnum.cn import uscc
from stdnum.cz import dic
from stdnum.dk import cvr
from stdnum.ee import registrikood
from stdnum.fi import ytunnus
from stdnum.fr import siren, siret
from stdnum.in_ import gstin, pan
from stdnum.jp import cn
from stdnum.kr import brn
from stdnum.no import orgnr as norwegian
from stdnum.se import orgnr as swedish
from stdnum.sg import uen
from stdnum.tw import ubn
from stdnum.us import ein

from models.errors import Refused


class InvalidRegistrationNumber(Refused):
    """The number is none that the register of the country gives out."""


_CHECKED: Mapping[str, tuple[ModuleType, ...]] = {
    "AU": (acn, abn),
    "BR": (cnpj,),
    "CH": (uid,),
    "CN": (uscc,),
    "CZ": (dic,),
    "DK": (cvr,),
    "EE": (registrikood,),
    "FI": (ytunnus,),
    "FR": (siren, siret),
    "JP": (cn,),
    "KR": (brn,),
    "NO": (norwegian,),
    "SE": (swedish,),
    "SG": (uen,),
    "TW": (ubn,),
}
_PATTERNS: Mapping[str, tuple[str, str]] = {
    # Corporate Affairs Commission: companies RC, business names BN, trustees IT.
    "NG": (r"(RC|BN|IT)?[ -]?\d{4,8}", "RC, BN or IT and 4 to 8 digits, as in RC1234567"),
    # Companies House: eight digits, or two letters for the register and six digits.
    "GB": (r"\d{8}|(SC|NI|OC|SO|NC|FC|BR|GE|GS|IP|LP|NP|RC|RS|SL|SP|R0|CE|CS)\d{6}", "8 digits, or 2 letters and 6"),
    # Business Registration Service: PVT-2DRGBXKA of late, C.123456 and CPR/2010/12345 before.
    "KE": (
        r"(PVT|PLC|CLG|LLP|BN|FC)[-/ ][A-Z0-9]{5,12}|PVT/\d{4}/\d{4,7}|CPR/\d{4}/\d{4,7}|C\.?\s?\d{4,7}",
        "as in PVT-2DRGBXKA or CPR/2010/12345",
    ),
    # Registrar-General: CS for companies, BN for businesses, PL, EX; nine digits and a check digit at times.
    "GH": (r"(CS|BN|CG|PL|EX|ET|LLP)-?\d{6,10}(-\d)?", "CS, BN, CG, PL or EX and 6 to 10 digits, as in CS123456789"),
    # CIPC: year, six digits, kind of company.
    "ZA": (r"(19|20)\d{2}/\d{6}/\d{2}", "year, six digits and two, as in 2015/123456/07"),
    # Ministry of Corporate Affairs: CIN of 21 characters, or LLPIN.
    "IN": (
        r"[LU]\d{5}[A-Z]{2}(19|20)\d{2}[A-Z]{3}\d{6}|[A-Z]{3}-\d{4}",
        "a CIN, as in U65929KA2012PTC123456, an LLPIN, or a GSTIN",
    ),
    # Every state numbers in its own way, with letters before, after, or without.
    "US": (
        r"(?=.*\d)[A-Z0-9][A-Z0-9 .-]{1,18}[A-Z0-9]",
        "a state's file number of 3 to 20 letters and digits, or an EIN",
    ),
    # Corporations Canada: six or seven digits and a check digit; provinces put letters before.
    "CA": (r"[A-Z]{0,3}\d{6,10}(-?\d)?", "6 to 10 digits, or a business number"),
    # Handelsregister: kind and number; courts add letters.
    "DE": (r"(HRB|HRA|GNR|PR|VR)\s?\d{1,7}\s?[A-Z]{0,3}", "HRB or HRA and up to 7 digits"),
    "IE": (r"\d{5,7}", "5 to 7 digits"),
    "NL": (r"\d{8}", "the 8 digits of the KvK"),
    "AE": (r"[A-Z]{0,4}-?\d{4,10}", "4 to 10 digits, with the zone's letters before"),
}
_EITHER: Mapping[str, tuple[ModuleType, ...]] = {"CA": (bn,), "IN": (gstin, pan)}
_EIN = re.compile(r"\d{2}-\d{7}")
_GENERAL = re.compile(r"(?=.*\d)[A-Z0-9][A-Z0-9 ./-]{1,28}[A-Z0-9]")
_GENERAL_WORDS = "3 to 30 letters, digits and separators, with a digit among them"


def check_registration_number(number: str, country: str) -> None:
    """Refuse what the register of the country does not give out."""
    spelled = number.strip().upper()
    if not _is_valid(spelled, country):
        raise InvalidRegistrationNumber(
            f"{number!r} is no registration number of {country}: {_described(country)}.",
            "businessRegistration.registrationNumber",
        )


def _is_valid(number: str, country: str) -> bool:
    if any(module.is_valid(number) for module in (*_CHECKED.get(country, ()), *_EITHER.get(country, ()))):
        return True
    if country in _CHECKED:
        return False
    if country == "US" and _EIN.fullmatch(number):
        return bool(ein.is_valid(number))
    if country in _PATTERNS:
        return re.fullmatch(_PATTERNS[country][0], number) is not None
    return _GENERAL.fullmatch(number) is not None


def _described(country: str) -> str:
    if country in _CHECKED:
        names = " or ".join(_name(module) for module in _CHECKED[country])
        return f"it is {names}, and its check digits must be right"
    return f"it is {_PATTERNS[country][1] if country in _PATTERNS else _GENERAL_WORDS}"


def _name(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2].upper()
