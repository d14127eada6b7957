"""Identifiers and their check digits, with the vectors of the standards (persons: division 99)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_11_2, mod_37_36

from catalog import (
    CertificateIdentifier,
    InvalidCode,
    certificate_id,
    citizen_id,
    citizen_id_from_15,
    new_certificate_id,
    parse_certificate_id,
    real_estate_unit,
    uscc,
)
from catalog.codes import birth_date, organisation_code_ok, sex

TODAY = date(2026, 7, 1)
ROOT = "1.2.156.3005.2"
TYPE = "11990000000000107Q001"
ISSUER = "11990000000000107Q"

CITIZENS = {
    "man": ("990101199001010019", "990101199001010019"),
    "woman": ("990101199001010027", "990101199001010027"),
    "boy": ("990101201806010032", "990101201806010032"),
    "girl": ("990101201806010040", "990101201806010040"),
    "blanks around": (" 990101199001010019\n", "990101199001010019"),
    "full-width": ("９９０１０１１９９００１０１００１９", "990101199001010019"),
}


@pytest.mark.parametrize("name", CITIZENS)
def test_citizen_numbers_are_tidied_and_accepted(name: str) -> None:
    """Right numbers come back in their one form."""
    written, number = CITIZENS[name]
    assert citizen_id(written, today=TODAY) == number


def test_a_small_x_is_stored_large() -> None:
    """X in capital, also from a full-width one."""
    bases = (f"99010119900101{sequence:03d}" for sequence in range(1, 100))
    base = next(base for base in bases if mod_11_2.calc_check_digit(base) == "X")
    for sign in "Xxｘ":
        assert citizen_id(base + sign, today=TODAY) == f"{base}X"


WRONG_CITIZENS = {
    "short": ("99010119900101001", "length"),
    "long": ("9901011990010100190", "length"),
    "empty": ("", "length"),
    "letters": ("99010119900101001A", "characters"),
    "X inside": ("9901011990X1010019", "characters"),
    "blank inside": ("990101 19900101001", "characters"),
    "other digits": ("99010119900101001٩", "characters"),
    "no leap year": ("990101197502290013", "birth-date"),
    "month 13": ("990101199013010019", "birth-date"),
    "year 0": ("990101000001010019", "birth-date"),
    "check digit": ("990101199001010018", "check-digit"),
    "in the future": ("990101209901010018", "birth-date"),
}


@pytest.mark.parametrize("name", WRONG_CITIZENS)
def test_wrong_citizen_numbers_are_refused(name: str) -> None:
    """The rule is named and the number is not repeated."""
    written, rule = WRONG_CITIZENS[name]
    with pytest.raises(InvalidCode) as caught:
        citizen_id(written, today=TODAY)
    assert caught.value.rule == rule
    assert not written or written not in f"{caught.value} {caught.value.args}"


def test_born_today_is_allowed_and_tomorrow_not() -> None:
    """The future begins after `today`."""
    base = "99010120260701001"
    number = base + mod_11_2.calc_check_digit(base)
    assert citizen_id(number, today=TODAY) == number
    with pytest.raises(InvalidCode):
        citizen_id(number, today=date(2026, 6, 30))


def test_birth_date_and_sex_are_read() -> None:
    """Odd sequences are men (1), even ones women (2)."""
    assert birth_date("990101199001010019") == date(1990, 1, 1)
    assert (sex("990101199001010019"), sex("990101199001010027")) == ("1", "2")


def test_old_numbers_become_new_ones() -> None:
    """15 digits belong to the century 19 and get a check digit."""
    assert citizen_id_from_15("990101900101001", today=TODAY) == "990101199001010019"
    for wrong, rule in {"99010190010100": "length", "99010190010100X": "characters", "990101900231001": "birth-date"}.items():  # fmt: skip
        with pytest.raises(InvalidCode) as caught:
            citizen_id_from_15(wrong, today=TODAY)
        assert caught.value.rule == rule


births = st.dates(min_value=date(1900, 1, 1), max_value=TODAY)


@st.composite
def citizens(draw: st.DrawFn) -> str:
    """Valid numbers of the invented division."""
    base = f"99{draw(st.integers(0, 9999)):04d}{draw(births):%Y%m%d}{draw(st.integers(0, 999)):03d}"
    return base + mod_11_2.calc_check_digit(base)


@given(citizens(), st.integers(0, 17), st.sampled_from("0123456789X"))
def test_one_changed_sign_is_always_found(number: str, place: int, sign: str) -> None:
    """MOD 11-2 finds every single wrong sign."""
    changed = number[:place] + sign + number[place + 1 :]
    if changed == number:
        assert citizen_id(changed, today=TODAY) == number
    else:
        with pytest.raises(InvalidCode):
            citizen_id(changed, today=TODAY)


@given(citizens())
def test_numbers_survive_the_round_trip(number: str) -> None:
    """Tidying a right number changes nothing; those of the last century survive 15 digits too."""
    assert citizen_id(number, today=TODAY) == number
    assert birth_date(number) <= TODAY
    if number[6:8] == "19":
        assert citizen_id_from_15(number[:6] + number[8:17], today=TODAY) == number


@given(st.text(max_size=40))
def test_any_text_is_judged(text: str) -> None:
    """Whatever comes in, only `InvalidCode` comes out."""
    checks: list[Callable[[str], object]] = [
        lambda t: citizen_id(t, today=TODAY),
        lambda t: citizen_id_from_15(t, today=TODAY),
        uscc,
        parse_certificate_id,
        certificate_id,
        real_estate_unit,
    ]
    for check in checks:
        with pytest.raises(InvalidCode):
            check(text)


USCCS = (
    "11100000MB03271699",
    "11100000000013338W",
    "111000000000131433",
    "11990000000000107Q",
    "119900000000002032",
    "1199010000000030XD",
    "12990100000000406Q",
    "519901000000005021",
    "91990101MA0000015C",
)


@pytest.mark.parametrize("number", USCCS)
def test_unified_identifiers_are_accepted(number: str) -> None:
    """Also in small letters and with blanks around."""
    assert uscc(f" {number.lower()} ") == number


WRONG_USCCS = {
    "short": ("91990101MA0000015", "length"),
    "letter I": ("91990101MI0000015C", "characters"),
    "letter O": ("9199O101MA0000015C", "characters"),
    "class 0": ("01990101MA0000015C", "characters"),
    "class B": ("B1990101MA0000015C", "characters"),
    "division with letters": ("9199A101MA0000015C", "characters"),
    "check character": ("91990101MA0000015D", "check-digit"),
}


@pytest.mark.parametrize("name", WRONG_USCCS)
def test_wrong_unified_identifiers_are_refused(name: str) -> None:
    """The rule is named."""
    written, rule = WRONG_USCCS[name]
    with pytest.raises(InvalidCode) as caught:
        uscc(written)
    assert caught.value.rule == rule
    assert written not in str(caught.value)


@pytest.mark.parametrize("number", USCCS)
@pytest.mark.parametrize("place", range(18))
def test_one_changed_sign_of_a_unified_identifier_is_found(number: str, place: int) -> None:
    """Mod 31 with weights prime to it finds every single wrong sign."""
    for sign in "0123456789ABCDEFGHJKLMNPQRTUWXY":
        if sign != number[place]:
            with pytest.raises(InvalidCode):
                uscc(number[:place] + sign + number[place + 1 :])


def test_the_organisation_code_inside_only_warns() -> None:
    """A wrong inner code does not make the whole wrong."""
    assert organisation_code_ok("11100000MB03271699")
    assert organisation_code_ok("1199010000000030XD")
    assert not organisation_code_ok("11990000000000109Q")


IDENTIFIERS = {
    "legacy issuer": "11100000MB03271699022.340100.000000016.001.9",
    "version 2": "11100000000013338W009.11330105002500287C.2025052201.002.0",
    "article example": "11100000000013338W002.11320482014138860P.201807250201.001.M",
    "synthetic": f"{TYPE}.{ISSUER}.2025000000000001.001.S",
    "synthetic, version 2": f"{TYPE}.{ISSUER}.2025000000000001.002.Q",
    "real type": f"11100000MB03271699001.{ISSUER}.2025000000000001.001.D",
    "real type, version 2": f"11100000MB03271699001.{ISSUER}.2025000000000001.002.B",
    "letters in the serial": f"111000000000131433001.{ISSUER}.J990000202500000001.001.4",
}


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_certificate_identifiers_are_read_and_written(name: str) -> None:
    """Every vector has a right check character and is written again as it was."""
    text = f"{ROOT}.{IDENTIFIERS[name]}"
    identifier = certificate_id(text)
    assert identifier.check_ok
    assert str(identifier) == text
    assert identifier.legacy_issuer is (name == "legacy issuer")


def test_a_wrong_check_character_is_an_error_or_a_warning() -> None:
    """From outside it is told, in our own or a typed identifier it is an error."""
    text = f"{ROOT}.{TYPE}.{ISSUER}.2025000000000001.001.T"
    assert not parse_certificate_id(text).check_ok
    with pytest.raises(InvalidCode) as caught:
        certificate_id(text)
    assert caught.value.rule == "check-character"


WRONG_IDENTIFIERS = {
    "no root": (f"{TYPE}.{ISSUER}.1.001.S", "root"),
    "other root": (f"1.2.156.3005.3.{TYPE}.{ISSUER}.1.001.S", "root"),
    "small letters": (f"{ROOT}.{TYPE}.{ISSUER}.abc.001.S", "form"),
    "no version": (f"{ROOT}.{TYPE}.{ISSUER}.1.S", "form"),
    "short type": (f"{ROOT}.{TYPE[:-1]}.{ISSUER}.1.001.S", "form"),
    "empty serial": (f"{ROOT}.{TYPE}.{ISSUER}..001.S", "form"),
    "endless serial": (f"{ROOT}.{TYPE}.{ISSUER}.{'1' * 65}.001.S", "form"),
    "version 0": (f"{ROOT}.{TYPE}.{ISSUER}.1.000.S", "version"),
}


@pytest.mark.parametrize("name", WRONG_IDENTIFIERS)
def test_wrong_certificate_identifiers_are_refused(name: str) -> None:
    """The rule is named."""
    text, rule = WRONG_IDENTIFIERS[name]
    with pytest.raises(InvalidCode) as caught:
        certificate_id(text)
    assert caught.value.rule == rule


serials = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=32)


@given(serials, st.integers(1, 999))
def test_new_identifiers_survive_the_round_trip(serial: str, version: int) -> None:
    """What we make we accept."""
    made = new_certificate_id(type_code=TYPE, issuer=ISSUER, serial=serial, version=version)
    assert certificate_id(str(made)) == made
    assert (made.serial, made.version) == (serial, version)


@given(serials, st.data())
def test_one_changed_sign_of_an_identifier_is_found(serial: str, data: st.DataObject) -> None:
    """MOD 37,36 finds every single wrong sign, the check character included."""
    body = f"{TYPE}{ISSUER}{serial}001"
    whole = body + mod_37_36.calc_check_digit(body)
    place = data.draw(st.integers(0, len(whole) - 1))
    sign = data.draw(st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    changed = whole[:place] + sign + whole[place + 1 :]
    assert mod_37_36.is_valid(changed) is (changed == whole)


WRONG_PARTS = {
    "issuer": ({"issuer": "11990000000000107R"}, "check-digit"),
    "issuer in small letters": ({"issuer": ISSUER.lower()}, "characters"),
    "legacy issuer": ({"issuer": "990000"}, "length"),
    "type": ({"type_code": "11990000000000107R001"}, "check-digit"),
    "type too long": ({"type_code": f"{TYPE}1"}, "form"),
    "serial": ({"serial": "a-1"}, "form"),
    "serial with other digits": ({"serial": "１"}, "form"),
    "version 0": ({"version": 0}, "version"),
    "version 1000": ({"version": 1000}, "version"),
}


@pytest.mark.parametrize("name", WRONG_PARTS)
def test_new_identifiers_need_right_parts(name: str) -> None:
    """We never make an identifier of wrong parts."""
    wrong, rule = WRONG_PARTS[name]
    parts = {"type_code": TYPE, "issuer": ISSUER, "serial": "1", "version": 1} | wrong
    with pytest.raises(InvalidCode) as caught:
        new_certificate_id(**parts)
    assert caught.value.rule == rule


def test_identifiers_are_values() -> None:
    """Equal parts make equal identifiers."""
    parts = {"type_code": TYPE, "issuer": ISSUER, "serial": "1", "version": 1, "check": "0"}
    assert CertificateIdentifier(**parts) == CertificateIdentifier(**parts)


UNITS = {
    "plain": ("990101001001GB00001F00010001", True),
    "in groups": ("990101 001001 GB00001 F00010001", True),
    "no building": ("990101001001JC00002W00000000", True),
    "no building, but a number": ("990101001001JC00002W00000001", False),
    "unknown feature": ("990101001001KB00001F00010001", False),
    "short": ("990101001001GB00001F0001000", False),
    "letters in the division": ("99010A001001GB00001F00010001", False),
}


@pytest.mark.parametrize("name", UNITS)
def test_real_estate_units(name: str) -> None:
    """28 characters in their groups, no check digit."""
    text, right = UNITS[name]
    if right:
        assert real_estate_unit(text) == "".join(text.split())
    else:
        with pytest.raises(InvalidCode):
            real_estate_unit(text)
