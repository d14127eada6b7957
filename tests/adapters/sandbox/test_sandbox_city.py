"""What the departments know of the same people and enterprises fits together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from itertools import islice

import pytest

from adapters.sandbox import County, Population, Subject, truth
from adapters.sandbox.people import Person
from adapters.sandbox.truth import Records
from catalog.model import Catalog, FieldType
from tests.adapters.sandbox.conftest import TODAY

DAYS = (TODAY, date(2026, 1, 3), date(2024, 2, 29), date(2027, 8, 31))


@pytest.fixture(scope="module", params=DAYS, ids=str)
def city(request: pytest.FixtureRequest) -> Population:
    """A larger county on an ordinary day, at the turn of a year, and on odd days."""
    return Population(today=request.param, people=2_500)


def told(city: Population, resource: str) -> Iterator[tuple[Person, Records]]:
    """Everybody and what that resource says about them."""
    for person, records in everything(city):
        yield person, records[resource]


@cache
def everything(city: Population) -> list[tuple[Person, Mapping[str, Records]]]:
    """The whole truth about everybody, once for all tests."""
    return [
        (each, truth(city, Subject(kind="person", number=each.id_number, name=each.name)))
        for each in city.people
    ]


def test_whoever_is_married_is_married_to_somebody_who_is(city: Population) -> None:
    """Both say the same, on one certificate, and the wedding was before the first child."""
    married = {
        p.id_number: records[0].values for p, records in told(city, "marriage.status") if records
    }
    assert len(married) > 1000
    for number, record in married.items():
        spouse = str(record["spouse_id_number"])
        assert married[spouse]["spouse_id_number"] == number
        assert married[spouse]["certificate_no"] == record["certificate_no"]
        assert number in {record["man_id_number"], record["woman_id_number"]}
        assert str(record["register_date"]) <= city.today.isoformat()
        assert city.by_number[str(record["man_id_number"])].gender == "1"
    couples = {p.id_number for p in city.people if p.marital_status == "20"}
    assert couples <= married.keys()


def test_employers_exist_and_the_dead_do_not_work(city: Population) -> None:
    """Every employer is an enterprise of the county that is not about to close."""
    names = {each.name for each in city.enterprises if each.index % 40 != 39}
    seen = 0
    for person, records in told(city, "employment.registration"):
        for record in records:
            assert person.alive
            assert person.age(city.today) >= 16
            assert str(record.values["start_date"]) <= city.today.isoformat()
            if record.values["employer_name"] is not None:
                assert record.values["employer_name"] in names | {"远方县旧例实业有限公司"}
                assert person.id_number in city.insurance
                seen += 1
    assert seen > 300


@pytest.mark.parametrize(
    "resource",
    ["medical-insurance.enrolment", "housing-fund.account", "driver.licence", "disability.record",
     "vehicle.registration", "subsistence.minimum-living", "education.student-status",
     "veteran.record"],
)  # fmt: skip
def test_the_dead_have_died_everywhere(city: Population, resource: str) -> None:
    """Only the living are insured, drive, own cars, and are paid."""
    told_of = [person for person, records in told(city, resource) if records]
    assert told_of
    assert all(person.alive for person in told_of)


def test_the_dead_have_a_record_and_nobody_else(city: Population) -> None:
    """It is older than what the household register says."""
    for person, records in told(city, "death.record"):
        assert bool(records) is not person.alive
        for record in records:
            assert str(record.values["death_date"]) < str(record.values["hukou_cancelled_on"])


def test_a_child_at_school_has_the_age_for_it(city: Population) -> None:
    """Between three and eighteen when the school year began, and with a living guardian or none."""
    began = date(city.today.year - (city.today.month < 9), 8, 31)
    stages = {"1": range(3, 6), "2": range(6, 12), "3": range(12, 15), "4": range(15, 18)}
    seen: set[str] = set()
    for person, records in told(city, "education.student-status"):
        for record in records:
            stage = str(record.values["stage"])
            assert person.age(began) in stages[stage]
            seen.add(stage)
    assert seen == stages.keys()


def test_births_and_households_agree(city: Population) -> None:
    """The child of a certificate is in its mother's household, but for those without a number."""
    seen = 0
    for mother, records in told(city, "birth.certificate"):
        for record in records:
            at = city.home_of(mother)
            children = {(each.name, each.birth_date.isoformat()) for each in at.children}
            newborn = (
                record.values["birth_date"] > (city.today.replace(day=1)).isoformat()
                or not children
            )
            assert (
                newborn or (record.values["newborn_name"], record.values["birth_date"]) in children
            )
            assert int(record.values["mother_age"] or 0) >= 17
            seen += 1
    assert seen > 100


def test_vehicles_have_one_plate_and_an_owner_who_exists(city: Population) -> None:
    """Plates and frame numbers are unique; private owners hold a licence."""
    plates: list[object] = []
    licensed = {p.id_number for p, records in told(city, "driver.licence") if records}
    for person, records in told(city, "vehicle.registration"):
        for record in records:
            assert record.values["owner_code"] == person.id_number
            assert person.id_number in licensed
            plates += [record.values["plate_no"], record.values["vin"]]
    for each in city.enterprises:
        subject = Subject(kind="organisation", number=each.uscc, name=each.name)
        for record in truth(city, subject)["vehicle.registration"]:
            assert record.values["owner_code"] == each.uscc
            plates += [record.values["plate_no"], record.values["vin"]]
    assert len(set(plates)) == len(plates) > 400


def test_a_household_on_assistance_lists_its_living(city: Population) -> None:
    """Each of them is told the same, and nobody of a well-off household is told anything."""
    for person, records in told(city, "subsistence.minimum-living"):
        for record in records:
            living = [each for each in city.home_of(person).members.values()
                      if each.alive and each.state == "0"]  # fmt: skip
            assert [line["member_id_number"] for line in record.lines] == [
                each.id_number for each in living
            ]
            assert record.values["household_size"] == len(living)


def test_enterprises_are_the_same_in_all_registers(city: Population) -> None:
    """Name, people and state agree; what owes in one place is not clear in another."""
    for each in city.enterprises:
        known = truth(city, Subject(kind="organisation", number=each.uscc, name=each.name))
        (registered,), (taxed,) = known["business.registration"], known["tax.registration"]
        (fund,), (medical,) = known["housing-fund.employer"], known["medical-insurance.employer"]
        names = {registered.values["name"], taxed.values["taxpayer_name"]}
        assert names | {fund.values["employer_name"], medical.values["employer_name"]} == {
            each.name
        }
        assert registered.values["legal_rep_id_number"] == each.legal_rep.id_number
        assert sum(int(str(line["investor_share"]).rstrip("%")) for line in registered.lines) == 100
        assert fund.values["headcount"] == city.headcounts.get(each.employer_no, 0)
        (compliant,) = known["tax.compliance"]
        assert compliant.values["has_arrears"] is not compliant.values["cleared"]


def test_the_truth_is_in_the_words_of_the_catalog(city: Population, catalog: Catalog) -> None:
    """Every value of every resource: known field, code of its table, and the type of the field."""
    subjects = [Subject(kind="person", number=p.id_number, name=p.name) for p in city.people[::3]]
    subjects += [Subject(kind="organisation", number=e.uscc, name=e.name) for e in city.enterprises]
    for subject in subjects:
        for resource, records in truth(city, subject).items():
            fields = catalog.resources[resource].fields
            for record in records:
                lines = [pair for line in record.lines for pair in line.items()]
                for name, value in [*record.values.items(), *lines]:
                    field = fields[name]
                    if value is None:
                        continue
                    if field.code_table:
                        assert value in catalog.code_tables[field.code_table].codes, (
                            resource,
                            name,
                        )
                    match field.type:
                        case FieldType.BOOLEAN:
                            assert isinstance(value, bool), (resource, name)
                        case FieldType.INTEGER:
                            assert type(value) is int, (resource, name)
                        case FieldType.DATE:
                            date.fromisoformat(f"{value}-01"[:10])


def test_a_number_finds_its_owner_without_a_list() -> None:
    """Among all 10⁶, each computed alone; and no number is given twice across divisions."""
    county = County(today=TODAY)
    for index in (0, 7, 22_765, 22_766, 45_532, 200_000, 302_000):
        for person in county.household(index).members.values():
            assert county.person(person.id_number) == person
            last = person.id_number[-1]
            other = person.id_number[:-1] + ("0" if last != "0" else "1")
            assert county.person(other) is None
    numbers = {
        p.id_number for at in range(0, 300_000, 91) for p in county.household(at).members.values()
    }
    assert len(numbers) == sum(len(county.household(at).members) for at in range(0, 300_000, 91))


@pytest.mark.parametrize("number", ["", "x" * 18, "99010120261301001X", "999999199001010019",
                                    "9" * 18, "９９０１０１１９９００１０１００１９", "99010119900101001"])  # fmt: skip
def test_odd_numbers_are_nobodys(number: str) -> None:
    """Whatever it is, it is no error."""
    county = County(today=TODAY)
    assert county.person(number) is None
    assert county.enterprise_of(number) is None


def test_the_stream_is_the_county_itself() -> None:
    """The first of 10⁶ are those of a small county, people and enterprises alike."""
    county, small = County(today=TODAY), Population(today=TODAY)
    assert tuple(county.stream(len(small.people))) == small.people
    assert tuple(islice(county.each_enterprise(20_000), 40)) == small.enterprises
    last = county.enterprise(19_999)
    assert county.enterprise_of(last.uscc) == last
    assert county.person(last.legal_rep.id_number) == last.legal_rep
