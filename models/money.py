"""Money: whole minor units of an ISO 4217 currency, and the only places where it is rounded."""

from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from enum import StrEnum

from models.errors import Refused


class UnknownCurrency(Refused):
    """The code is not an active ISO 4217 currency."""


class InvalidAmount(Refused):
    """The amount is not a whole number of minor units of its currency."""


class Rounding(StrEnum):
    """How a fraction of a minor unit becomes a whole one."""

    HALF_EVEN = "half_even"
    HALF_UP = "half_up"
    HALF_DOWN = "half_down"
    DOWN = "down"
    UP = "up"

    @property
    def mode(self) -> str:
        """The name `decimal` has for it."""
        return f"ROUND_{self.upper()}"


# ISO 4217, list one, active currencies (funds, metals and test codes left out), by decimal places of the minor unit.
_CURRENCIES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP"
    " CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES"
    " KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK"
    " NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB"
    " TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
_EXPONENTS = {code: exponent for exponent, codes in _CURRENCIES.items() for code in codes.split()}

# Eighteen digits fit the 64-bit integers in which databases keep minor units; anything inexact raises.
_EXACT = Context(prec=18, traps=[Inexact, InvalidOperation])


def exponent_of(currency: str) -> int:
    """The decimal places of the currency's minor unit: JPY 0, USD 2, KWD 3."""
    try:
        return _EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(f"{currency!r} is not an active ISO 4217 currency.", "currency") from None


def minor_units(amount: Decimal | int | str, currency: str, *, field: str | None = None) -> int:
    """The amount in minor units, exactly; `InvalidAmount` names the `field` that held anything else."""
    exponent = exponent_of(currency)
    try:
        return int(_EXACT.quantize(Decimal(amount), Decimal(1).scaleb(-exponent)).scaleb(exponent))
    except (DecimalException, ValueError):  # int() of a quiet NaN is the ValueError
        raise InvalidAmount(f"{amount} is not an amount of {currency}: {exponent} decimal places.", field) from None


def major_units(minor: int, currency: str) -> Decimal:
    """The amount in major units, with as many decimal places as the currency has."""
    return Decimal(minor).scaleb(-exponent_of(currency))


def rounded(value: Decimal, rounding: Rounding = Rounding.HALF_EVEN) -> int:
    """A fractional number of minor units as a whole one."""
    return int(value.to_integral_value(rounding.mode))


def rounded_to(value: Decimal, unit_minor: int, rounding: Rounding = Rounding.HALF_EVEN) -> int:
    """The nearest multiple of a number of minor units."""
    return rounded(value / unit_minor, rounding) * unit_minor


def formatted(minor: int, currency: str) -> str:
    """The amount as people read it: `USD 25,000.00`."""
    return f"{currency} {major_units(minor, currency):,f}"
