"""Every named case is what its name promises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from adapters.model import Record
from adapters.sandbox import Population, truth
from adapters.sandbox.enterprises import BANKRUPT
from adapters.sandbox.people import Household
from adapters.sandbox.population import Persona
from catalog import codes
from catalog.errors import InvalidCode
from tests.adapters.sandbox.conftest import TODAY


class Case:
    """A persona and everything the departments should say about it."""

    def __init__(self, population: Population, persona: Persona) -> None:
        self.population, self.persona = population, persona

    def told(self, subject: str, resource: str) -> tuple[Record, ...]:
        """The records that resource should give about that subject."""
        return truth(self.population, self.persona.subjects[subject])[resource]

    def home(self, subject: str = "applicant") -> Household:
        """The household of a subject."""
        found = self.population.household_of(self.persona.subjects[subject].number)
        assert found is not None
        return found

    def has_everything(self) -> bool:
        """Hukou, home, insurance and complete doses."""
        child = self.told("child", "immunization.record")
        return bool(
            self.told("applicant", "hukou.person")
            and self.told("guardian2", "hukou.person")
            and self.told("child", "hukou.person")
            and self.told("applicant", "realestate.ownership")
            and self.told("applicant", "social-insurance.payment-history")
            and child[0].values["complete_for_entry"]
            and not self.told("applicant", "residence-permit.status")
        )

    def lives_on_a_permit(self) -> bool:
        """Another county's hukou, a valid permit, insurance, complete doses, no home here."""
        permits = self.told("applicant", "residence-permit.status")
        return bool(
            self.persona.subjects["applicant"].number.startswith("990202")
            and str(permits[0].values["endorsed_until"]) >= TODAY.isoformat()
            and self.told("applicant", "social-insurance.payment-history")
            and self.told("child", "immunization.record")[0].values["complete_for_entry"]
            and not self.told("applicant", "realestate.ownership")
        )


def _minor(case: Case) -> bool:
    person = case.population.by_number[case.persona.subjects["applicant"].number]
    return person.age(TODAY) < 18


def _deceased(case: Case) -> bool:
    number = case.persona.subjects["applicant"].number
    lines = case.told("family", "hukou.household")[0].lines
    listed = [line for line in lines if line["member_id_number"] == number]
    return [line["member_state"] for line in listed] == ["1"]


def _unknown(case: Case) -> bool:
    number = case.persona.subjects["applicant"].number
    nobody = truth(case.population, case.persona.subjects["applicant"]).values()
    return codes.citizen_id(number, today=TODAY) == number and not any(nobody)


def _two_permits(case: Case) -> bool:
    first, second = case.told("applicant", "residence-permit.status")
    ends = [str(each.values["endorsed_until"]) for each in (first, second)]
    return ends[0] < TODAY.isoformat() <= ends[1] and first.values != second.values


def _two_accounts(case: Case) -> bool:
    found = case.population.insurance[case.persona.subjects["applicant"].number]
    numbers = {each.personal_no for each in found.accounts}
    late = any(each.late for each in found.payments)
    return len(numbers) == 2 and late and found.continuous_months < found.total_months


def _bankrupt(case: Case) -> bool:
    enterprise = case.population.enterprises[BANKRUPT]
    record = case.told("debtor", "social-insurance.employer")[0]
    return bool(
        enterprise.uscc == case.persona.subjects["debtor"].number
        and float(str(record.values["arrears"])) > 0
        and case.told("debtor", "realestate.ownership")
        and case.told("leader", "hukou.person")
        and case.told("agent", "hukou.person")
    )


def _homonym(case: Case) -> bool:
    other = case.population.personas["homonym-other"].subjects["applicant"]
    own = case.persona.subjects["applicant"]
    return own.name == other.name and own.number != other.number


def _no_doses(case: Case) -> bool:
    (record,) = case.told("child", "immunization.record")
    return not record.lines and record.values["complete_for_entry"] is False


def _refused_dose(case: Case) -> bool:
    file = case.population.files[case.persona.subjects["child"].number]
    (record,) = case.told("child", "immunization.record")
    return len(record.lines) == len(file.doses) - 1


def _renter(case: Case) -> bool:
    subjects = ("applicant", "family")
    no_home = not any(case.told(each, "realestate.ownership") for each in subjects)
    paid = all(case.told(each, "social-insurance.payment-history") for each in subjects)
    return no_home and paid and case.home().members.keys() == {0, 1}


def _newborn(case: Case) -> bool:
    (record,) = case.told("mother", "birth.certificate")
    father = case.persona.subjects["father"].number
    week = (TODAY - timedelta(days=7)).isoformat()
    nobody = not case.home().children
    return nobody and (record.values["birth_date"], record.values["father_id_number"]) == (
        week,
        father,
    )


def _retiree(case: Case) -> bool:
    (record,) = case.told("applicant", "social-insurance.person-enrolment")
    receives = [line["state"] for line in record.lines] == ["4"]
    return receives and not case.told("applicant", "employment.registration")


def _disabled(case: Case) -> bool:
    (aid,) = case.told("family", "subsistence.minimum-living")
    listed = {line["member_id_number"] for line in aid.lines}
    everybody = {each.number for each in case.persona.subjects.values()}
    return bool(case.told("applicant", "disability.record")) and listed == everybody


def _graduate(case: Case) -> bool:
    (diploma,) = case.told("applicant", "education.qualification")
    (work,) = case.told("applicant", "employment.registration")
    summer = str(diploma.values["graduated_on"]).startswith(str(TODAY.year))
    return summer and work.values["kind"] == "8" and work.values["employer_name"] is None


def _to_marry(case: Case) -> bool:
    people = [case.told(each, "hukou.person")[0].values for each in ("applicant", "spouse")]
    single = [each["marital_status"] for each in people] == ["10", "10"]
    unregistered = not any(case.told(each, "marriage.status") for each in ("applicant", "spouse"))
    return single and unregistered and {each["gender"] for each in people} == {"1", "2"}


def _healthy(case: Case) -> bool:
    (employer,) = case.told("enterprise", "social-insurance.employer")
    (registered,) = case.told("enterprise", "business.registration")
    sound = (employer.values["arrears"], registered.values["state"]) == ("0.00", "1")
    known = bool(case.told("legal_rep", "hukou.person"))
    return sound and known and int(str(employer.values["headcount"])) > 0


def _punished(case: Case) -> bool:
    (found,) = case.told("enterprise", "credit.compliance")
    done = [line["penalty_fulfilled"] for line in found.lines] == [True]
    return done and found.values["training_done"] is True


def _closing(case: Case) -> bool:
    (employer,) = case.told("enterprise", "social-insurance.employer")
    (taxes,) = case.told("enterprise", "tax.compliance")
    empty = (employer.values["headcount"], employer.values["arrears"]) == (0, "0.00")
    return empty and taxes.values["cleared"] is True and taxes.values["clearance_no"] is not None


PROMISES: dict[str, Callable[[Case], bool]] = {
    "complete": Case.has_everything,
    "realestate-down": Case.has_everything,
    "no-record": lambda case: not case.told("child", "immunization.record"),
    "from-elsewhere": Case.lives_on_a_permit,
    "migrant-worker": Case.lives_on_a_permit,
    "renter": _renter,
    "homonym": _homonym,
    "homonym-other": lambda case: case.home().head.name == "王伟",
    "rare-character": lambda case: all(
        any(ord(sign) > 0xFFFF for sign in each.name) for each in case.persona.subjects.values()
    ),
    "middle-dot": lambda case: all("·" in each.name for each in case.persona.subjects.values()),
    "moved-last-week": lambda case: case.home().move_in_date == TODAY - timedelta(days=7),
    "minor": _minor,
    "deceased": _deceased,
    "lapsed-permit": lambda case: (
        str(case.told("applicant", "residence-permit.status")[0].values["endorsed_until"])
        < TODAY.isoformat()
    ),
    "two-permits": _two_permits,
    "two-accounts": _two_accounts,
    "unlisted": lambda case: (
        not case.told("applicant", "hukou.person")
        and bool(case.told("applicant", "hukou.household"))
    ),
    "no-doses": _no_doses,
    "refused-dose": _refused_dose,
    "ends-with-x": lambda case: case.persona.subjects["applicant"].number.endswith("X"),
    "unknown": _unknown,
    "bankrupt": _bankrupt,
    "newborn": _newborn,
    "retiree": _retiree,
    "disabled": _disabled,
    "veteran": lambda case: bool(case.told("applicant", "veteran.record")),
    "graduate": _graduate,
    "to-marry": _to_marry,
    "to-marry-other": lambda case: not case.told("applicant", "marriage.status"),
    "driver": lambda case: bool(
        case.told("driver", "driver.licence") and case.told("driver", "vehicle.registration")
    ),
    "enterprise": _healthy,
    "punished": _punished,
    "to-deregister": _closing,
}


@pytest.mark.parametrize("name", PROMISES)
@pytest.mark.parametrize("seed", ["mianti", "another", "third"])
def test_a_case_is_what_its_name_promises(name: str, seed: str) -> None:
    """Whatever is drawn around it, the case stands."""
    population = Population(today=TODAY, seed=seed, people=1)
    assert PROMISES[name](Case(population, population.personas[name]))


def test_every_case_has_a_promise_and_a_description(population: Population) -> None:
    """No case is listed that nobody checks."""
    assert population.personas.keys() == PROMISES.keys()
    for persona in population.personas.values():
        assert persona.description
        assert "\n" not in persona.description


@pytest.mark.parametrize("name", ["complete", "realestate-down", "no-record", "from-elsewhere",
                                  "migrant-worker"])  # fmt: skip
@pytest.mark.parametrize("month", [1, 2, 6, 8, 9, 12])
def test_the_children_enter_primary_school_this_year(name: str, month: int) -> None:
    """They are six on 31 August, on whatever day of the year the sandbox runs."""
    today = TODAY.replace(month=month, day=28)
    population = Population(today=today, people=1)
    child = population.by_number[population.personas[name].subjects["child"].number]
    assert child.age(today.replace(month=8, day=31)) == 6


@pytest.mark.parametrize("day", [f"2026-{m:02d}-{d:02d}" for m in range(1, 13) for d in (1, 28)])
def test_the_county_stands_on_any_day(day: str) -> None:
    """Nobody is born tomorrow, and permits that should be valid are, on any day of the year."""
    today = TODAY.fromisoformat(day)
    population = Population(today=today, people=1)
    for person in population.people:
        try:
            codes.citizen_id(person.id_number, today=today)
        except InvalidCode as error:
            pytest.fail(str(error))
    for permits in population.permits.values():
        assert permits[0].issue_date <= today
    number = population.personas["from-elsewhere"].subjects["applicant"].number
    assert population.permits[number][0].endorsed_until >= today
    assert population.files
    assert population.properties
    assert population.insurance
