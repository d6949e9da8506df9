"""Registration numbers as the registers of the world give them out."""

import pytest

from models.company_numbers import InvalidRegistrationNumber, check_registration_number

GOOD = [
    ("US", "BC123456789"),  # the owner's
    ("US", "12-3456789"),  # an EIN
    ("US", "C1234567"),
    ("NG", "RC1234567"),
    ("NG", "bn 1234567"),
    ("GB", "03977902"),
    ("GB", "SC123456"),
    ("KE", "PVT-2DRGBXKA"),
    ("KE", "CPR/2010/12345"),
    ("GH", "CS123456789"),
    ("ZA", "2015/123456/07"),
    ("IN", "U65929KA2012PTC123456"),
    ("IN", "27AAPFU0939F1ZV"),  # a GSTIN
    ("FR", "552 008 559"),
    ("DK", "13585628"),
    ("AU", "004 085 616"),
    ("DE", "HRB 12345 B"),
    ("TZ", "123456"),
    ("AO", "5417-098/23"),
]
BAD = [
    ("US", "BC"),
    ("US", "ABCDEFG"),
    ("US", "07-1234567"),  # no EIN begins with 07
    ("NG", "RC12"),
    ("NG", "XX1234567"),
    ("GB", "397790"),
    ("GB", "ZZ123456"),
    ("KE", "PVT"),
    ("GH", "123"),
    ("ZA", "2015-123456-07"),
    ("ZA", "1815/123456/07"),
    ("IN", "X65929KA2012PTC123456"),
    ("FR", "552 008 560"),  # a wrong check digit
    ("DK", "13585629"),
    ("TZ", "abc"),
    ("TZ", "1; DROP TABLE"),
    ("TZ", "1" * 31),
    ("TZ", ""),
]


@pytest.mark.parametrize(("country", "number"), GOOD)
def test_a_number_of_the_register_is_taken(country: str, number: str) -> None:
    check_registration_number(number, country)


@pytest.mark.parametrize(("country", "number"), BAD)
def test_a_number_that_no_register_gave_out_is_refused_by_name(country: str, number: str) -> None:
    with pytest.raises(InvalidRegistrationNumber, match=f"no registration number of {country}: it is ") as refusal:
        check_registration_number(number, country)
    assert refusal.value.field == "businessRegistration.registrationNumber"
