"""What every department should answer, in canonical form, computed past all departments.

Tests and the demo compare a source's reply with this: dialect, transport and mapping lie between
the two and must change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from adapters.model import Record, Scalar
from adapters.sandbox import (
    cover,
    marriages,
    motoring,
    schooling,
    service,
    standing,
    vital,
    welfare,
    work,
)
from adapters.sandbox.county import County
from adapters.sandbox.enterprises import Enterprise
from adapters.sandbox.homes import Property
from adapters.sandbox.insurance import INJURY, PENSION, UNEMPLOYMENT
from adapters.sandbox.people import Person
from adapters.sandbox.permits import Permit
from adapters.sandbox.population import Population, Subject

Records = tuple[Record, ...]
"""In the department's order; empty for “no such record”."""


def truth(population: Population, subject: Subject) -> Mapping[str, Records]:
    """Resource → what its department should answer about `subject`."""
    table = _ABOUT_PEOPLE if subject.kind == "person" else _ABOUT_ENTERPRISES
    return {resource: tell(population, subject.number) for resource, tell in table.items()}


def mortgages(population: Population, certificate_no: str) -> Records:
    """What the register should answer to `realestate.mortgage`."""
    return tuple(
        Record(
            values={
                "proof_no": each.mortgage.proof_no,
                "unit_no": each.unit_no,
                "mortgagee": each.mortgage.mortgagee,
                "mortgagor": each.owners[0].name,
                "secured_amount": each.mortgage.amount,
                "debt_from": each.mortgage.debt_from.isoformat(),
                "debt_to": each.mortgage.debt_to.isoformat(),
                "register_date": each.mortgage.register_date.isoformat(),
                "state": "现势",
            }
        )
        for each in population.properties
        if each.certificate_no == certificate_no and each.mortgage
    )


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _person(population: Population, number: str) -> Records:
    found = population.by_number.get(number)
    return (_listed(population, found),) if found and found.listed else ()


def _listed(population: Population, person: Person) -> Record:
    at, card = population.households[person.household], person.card
    values: dict[str, Scalar] = {
        "name": person.name,
        "former_name": person.former_name,
        "id_number": person.id_number,
        "gender": person.gender,
        "ethnic_group": person.ethnic_group,
        "birth_date": person.birth_date.isoformat(),
        "birth_place": person.birth_place,
        "native_place": person.native_place,
        "hukou_address": at.address.full,
        "household_no": at.number,
        "household_type": at.type,
        "marital_status": person.marital_status,
        "education": person.education,
        "police_station": at.address.police_station,
        "id_card_issuer": card.issuer if card else None,
        "id_card_valid_from": _iso(card.valid_from) if card else None,
        "id_card_valid_to": card.valid_to if card else None,
        "state": person.state,
        "state_date": _iso(person.state_date),
    }
    return Record(values=values)


def _household(population: Population, number: str) -> Records:
    at = population.household_of(number)
    if at is None:
        return ()
    values: dict[str, Scalar] = {
        "household_no": at.number,
        "household_type": at.type,
        "head_name": at.head.name,
        "head_id_number": at.head.id_number,
        "address": at.address.full,
        "police_station": at.address.police_station,
        "issue_date": at.issue_date.isoformat(),
        "move_in_date": _iso(at.move_in_date),
        "moved_from": at.moved_from,
    }
    lines = tuple(
        {
            "member_name": each.name,
            "member_id_number": each.id_number,
            "member_relation": each.relation,
            "member_gender": each.gender,
            "member_birth_date": each.birth_date.isoformat(),
            "member_state": each.state,
        }
        for each in at.members.values()
    )
    return (Record(values=values, lines=lines),)


def _ownership(population: Population, number: str) -> Records:
    owned = population.owned.get(number, ())
    homes = sum(each.is_home for each in owned)
    return tuple(_owned(each, number, homes) for each in owned)


def _owned(property_: Property, number: str, homes: int) -> Record:
    owner = next(each for each in property_.owners if each.code == number)
    others = (each for each in property_.owners if each.code != number)
    values: dict[str, Scalar] = {
        "certificate_no": property_.certificate_no,
        "unit_no": property_.unit_no,
        "owner_name": owner.name,
        "owner_code": owner.code,
        "co_ownership": property_.co_ownership,
        "share": owner.share,
        "location": property_.location,
        "right_kind": property_.right_kind,
        "right_nature": property_.right_nature,
        "use": property_.use,
        "area": property_.area,
        "land_use_to": _iso(property_.land_use_to),
        "built_year": property_.built_year,
        "total_floors": property_.total_floors,
        "floor": property_.floor,
        "register_date": property_.register_date.isoformat(),
        "is_mortgaged": property_.mortgage is not None,
        "is_sealed": property_.sealed,
        "house_count": homes,
        "state": "现势",
    }
    return Record(values=values, lines=tuple({"co_owner_names": each.name} for each in others))


def _enrolment(population: Population, number: str) -> Records:
    found = population.insurance.get(number)
    if found is None:
        return ()
    current = found.accounts[0]
    values: dict[str, Scalar] = {
        "personal_no": current.personal_no,
        "name": population.by_number[number].name,
        "id_number": number,
        "employer_name": current.employer_name,
        "employer_no": current.employer_no,
        "enrol_date": current.enrolled,
        "area": current.area,
        "stop_date": _iso(current.stopped),
    }
    lines = tuple(
        {"insurance_kind": kind, "state": account.state}
        for account in found.accounts
        for kind in account.kinds
    )
    return (Record(values=values, lines=lines),)


def _history(population: Population, number: str) -> Records:
    found = population.insurance.get(number)
    if found is None or not found.payments:
        return ()
    values: dict[str, Scalar] = {
        "total_months": found.total_months,
        "continuous_months": found.continuous_months,
        "last_paid_period": found.booked[-1],
        "first_paid_period": found.booked[0],
        "proof_no": found.proof_no,
    }
    lines = tuple(
        {
            "period": each.period,
            "insurance_kind": each.kind,
            "base": each.base,
            "employer_name": each.employer_name,
            "paid_state": "在途" if each.in_transit else "已到账",
        }
        for each in found.payments
    )
    return (Record(values=values, lines=lines),)


def _immunization(population: Population, number: str) -> Records:
    found = population.files.get(number)
    if found is None or not found.own_number_known:
        return ()
    values: dict[str, Scalar] = {
        "child_name": found.child.name,
        "child_id_number": number,
        "certificate_no": found.certificate_no,
        "birth_date": found.child.birth_date.isoformat(),
        "guardian_name": found.guardian.name if found.guardian else None,
        "complete_for_entry": found.complete_for_entry,
        "checked_on": found.checked_on.isoformat(),
    }
    lines: tuple[Mapping[str, Scalar], ...] = tuple(
        {
            "vaccine": each.vaccine,
            "dose_number": each.number,
            "occurrence_date": each.on,
            "lot_number": each.lot,
            "site_unit": each.site,
        }
        for each in found.doses
        if not each.refused
    )
    return (Record(values=values, lines=lines),)


def _permits(population: Population, number: str) -> Records:
    return tuple(_permit(each) for each in population.permits.get(number, ()))


def _permit(permit: Permit) -> Record:
    return Record(
        values={
            "permit_no": permit.number,
            "name": permit.holder.name,
            "id_number": permit.holder.id_number,
            "gender": permit.holder.gender,
            "ethnic_group": permit.holder.ethnic_group,
            "birth_date": permit.holder.birth_date.isoformat(),
            "hukou_address": permit.hukou_address,
            "residence_address": permit.residence_address,
            "residence_reason": permit.reason,
            "registered_since": permit.registered_since.isoformat(),
            "issue_date": permit.issue_date.isoformat(),
            "endorsed_until": permit.endorsed_until.isoformat(),
            "issuer": permit.issuer,
            "state": permit.state,
        }
    )


def _employer(population: Population, uscc: str) -> Records:
    known = (each for each in population.enterprises if each.uscc == uscc and each.uscc_recorded)
    return tuple(_registered(population, each) for each in known)


def _registered(population: Population, enterprise: Enterprise) -> Record:
    values: dict[str, Scalar] = {
        "employer_no": enterprise.employer_no,
        "employer_name": enterprise.name,
        "uscc": enterprise.uscc,
        "address": enterprise.address,
        "legal_rep_name": enterprise.legal_rep.name,
        "contact_name": enterprise.contact.name,
        "contact_phone": enterprise.contact.mobile,
        "enrol_date": enterprise.established.isoformat(),
        "headcount": population.headcounts.get(enterprise.employer_no, 0),
        "arrears": enterprise.arrears,
        "injury_rate": enterprise.injury_rate,
        "state": enterprise.state,
    }
    lines = tuple({"insurance_kinds": kind} for kind in (PENSION, UNEMPLOYMENT, INJURY))
    return Record(values=values, lines=lines)


_Tell = Callable[[Population, str], Records]
_OfPerson = Callable[[County, Person], Records]
_OfEnterprise = Callable[[County, Enterprise], Records]
_OfEmployer = Callable[[County, Enterprise, int], Records]


def _of(tell: _OfPerson) -> _Tell:
    def told(population: Population, number: str) -> Records:
        person = population.person(number)
        return tell(population, person) if person else ()

    return told


def _about(tell: _OfEnterprise) -> _Tell:
    def told(population: Population, uscc: str) -> Records:
        enterprise = population.enterprise_of(uscc)
        return tell(population, enterprise) if enterprise else ()

    return told


def _about_staff(tell: _OfEmployer) -> _Tell:
    def told(population: Population, uscc: str) -> Records:
        enterprise = population.enterprise_of(uscc)
        if enterprise is None:
            return ()
        staff = population.headcounts.get(enterprise.employer_no, 0)
        return tell(population, enterprise, staff)

    return told


_ABOUT_PEOPLE: Mapping[str, _Tell] = {
    "hukou.person": _person,
    "hukou.household": _household,
    "realestate.ownership": _ownership,
    "social-insurance.payment-history": _history,
    "social-insurance.person-enrolment": _enrolment,
    "immunization.record": _immunization,
    "residence-permit.status": _permits,
    "employment.registration": _of(work.employment),
    "birth.certificate": _of(vital.birth_certificate),
    "death.record": _of(vital.death),
    "marriage.status": _of(marriages.marriage),
    "education.student-status": _of(schooling.at_school),
    "education.qualification": _of(schooling.diplomas),
    "medical-insurance.enrolment": _of(cover.medical),
    "housing-fund.account": _of(cover.fund_account),
    "disability.record": _of(welfare.disability),
    "subsistence.minimum-living": _of(welfare.assistance),
    "vehicle.registration": _of(motoring.cars),
    "driver.licence": _of(motoring.licence),
    "veteran.record": _of(service.veteran),
}
"""`birth.certificate` is asked about the mother."""

_ABOUT_ENTERPRISES: Mapping[str, _Tell] = {
    "realestate.ownership": _ownership,
    "social-insurance.employer": _employer,
    "business.registration": _about(standing.registration),
    "tax.registration": _about(standing.taxpayer),
    "tax.compliance": _about(standing.compliance),
    "medical-insurance.employer": _about_staff(cover.medical_employer),
    "housing-fund.employer": _about_staff(cover.fund_employer),
    "vehicle.registration": _about(motoring.lorries),
    "credit.compliance": _about(standing.credit),
}
