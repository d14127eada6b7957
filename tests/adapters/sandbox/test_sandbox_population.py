"""The invented county agrees with itself, whatever its size, and is the same in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest

from adapters.sandbox import Population
from adapters.sandbox.doses import SCHEDULE
from adapters.sandbox.enterprises import COUNT, count_of
from adapters.sandbox.insurance import PENSION
from adapters.sandbox.people import MAX_HOUSEHOLDS
from adapters.sandbox.personas import SCRIPTS
from adapters.sandbox.shapes import CHILDREN, PLACES, Kind, Origin, Role
from adapters.sandbox.truth import truth
from catalog import codes
from catalog.model import Catalog
from tests.adapters.sandbox.conftest import TODAY

SIZES = (500, 20_000)


@cache
def county(people: int) -> Population:
    """One population of each size for all tests of a worker."""
    return Population(today=TODAY, people=people)


@pytest.fixture(params=SIZES)
def population(request: pytest.FixtureRequest) -> Population:
    """Each size in turn."""
    return county(request.param)


def test_numbers_are_valid_unique_and_agree_with_birth_and_sex(population: Population) -> None:
    """Every citizen number passes GB 11643, in an unassigned division, and nobody shares one."""
    for person in population.people:
        number = person.id_number
        assert codes.citizen_id(number, today=TODAY) == number
        assert number.startswith("99")
        assert codes.birth_date(number) == person.birth_date
        assert codes.sex(number) == person.gender
    assert len(population.by_number) == len(population.people)


def test_each_household_has_one_living_head(population: Population) -> None:
    """Exactly one member is the head, and the head is alive."""
    for at in population.households:
        heads = [each for each in at.members.values() if each.relation == "02"]
        assert heads == [at.head]
        assert at.head.alive


def test_each_child_has_parents_who_are_old_enough(population: Population) -> None:
    """Both parents of a child are in the household; none had it before the age of 17."""
    seen = 0
    for at in population.households:
        for child in at.children:
            father, mother = at.parents_of(child.role)
            for parent in (father, mother):
                assert (child.birth_date - parent.birth_date).days > 17 * 365
                assert population.by_number[parent.id_number] is parent
            seen += 1
    assert seen > 100


def test_relations_agree_with_sex_and_generation(population: Population) -> None:
    """A wife is a woman, a son is a man, a grandson is the head's child's child."""
    men, women = set("1"), set("2")
    expected = {"11": men, "12": women, "20": men, "38": women, "41": men, "42": women,
                "51": men, "52": women, "53": men, "54": women}  # fmt: skip
    found = Counter[str]()
    for at in population.households:
        for person in at.members.values():
            found[person.relation] += 1
            assert person.gender in expected.get(person.relation, men | women)
            if person.role in CHILDREN and person.relation[0] in "23" and at.children:
                assert person.gender == {"2": "1", "3": "2"}[person.relation[0]]
    assert {"02", "12", "21", "31", "22", "32", "41", "51", "99"} <= set(found)


def test_siblings_are_counted_by_sex_and_age(population: Population) -> None:
    """No household has two eldest sons, and an only child has no siblings."""
    for at in population.households:
        kinds = [each.relation for each in at.children if each.relation[0] in "23"]
        assert len(set(kinds)) == len(kinds)
        assert not ({"21", "31"} & set(kinds)) or len(kinds) == 1


def test_every_property_has_owners_who_exist(population: Population) -> None:
    """Owners are people or enterprises of this county, by number and by name."""
    enterprises = {each.uscc: each.name for each in population.enterprises}
    certificates = Counter(each.certificate_no for each in population.properties)
    assert max(certificates.values()) == 1
    for each in population.properties:
        assert each.owners
        for owner in each.owners:
            person = population.by_number.get(owner.code)
            assert owner.name == (person.name if person else enterprises[owner.code])
            assert each.certificate_no in {p.certificate_no for p in population.owned[owner.code]}


def test_unit_numbers_are_well_formed_and_unique(population: Population) -> None:
    """Every certificate since 2015 has a unit number of its own; older ones have none."""
    units = [each.unit_no for each in population.properties if each.unit_no]
    assert len(set(units)) == len(units)
    for unit in units:
        assert codes.real_estate_unit(unit) == unit
    assert any(each.old for each in population.properties)


def test_enterprises_are_run_by_grown_people(population: Population) -> None:
    """Identifiers pass GB 32100 and GB 11714; who stands for an enterprise is of age and alive."""
    assert len({each.name for each in population.enterprises}) == len(population.enterprises)
    assert len(population.enterprises) == count_of(len(population.households))
    assert len(population.enterprises) % COUNT == 0
    for each in population.enterprises:
        assert codes.uscc(each.uscc) == each.uscc
        assert codes.organisation_code_ok(each.uscc)
        assert each.legal_rep.alive
        assert each.legal_rep.age(TODAY) >= 18
        assert population.by_number[each.legal_rep.id_number] == each.legal_rep


def test_totals_of_social_insurance_are_those_of_its_lines(population: Population) -> None:
    """Months are counted once, however often they were paid; the run ends at the last of them."""
    for found in population.insurance.values():
        paid = {p.period for p in found.payments if p.kind == PENSION and not p.in_transit}
        assert found.total_months == len(paid)
        assert found.continuous_months <= found.total_months
        periods = [each.period for each in found.payments]
        assert periods == sorted(periods, reverse=True)
        assert all(period <= f"{TODAY:%Y%m}" for period in periods)


def test_headcounts_are_those_of_the_accounts(population: Population) -> None:
    """An employer has as many people enrolled as name it in their current account."""
    paying = sum(each.accounts[0].employer_no is not None and each.accounts[0].state == "1"
                 for each in population.insurance.values())  # fmt: skip
    assert sum(population.headcounts.values()) == paying > 50


def test_doses_lie_between_birth_and_today(population: Population) -> None:
    """No dose before birth or in the future, none twice, and never one of an unknown vaccine."""
    known = {vaccine for vaccine, _ in SCHEDULE} | {"DT"}
    for found in population.files.values():
        given = [(each.vaccine, each.number) for each in found.doses]
        assert len(set(given)) == len(given)
        for dose in found.doses:
            birth = found.child.birth_date.isoformat()[: len(dose.on)]
            assert birth <= dose.on <= TODAY.isoformat()
            assert dose.vaccine in known
        missing = {(each.vaccine, each.number) for each in found.missing}
        assert not missing & {(d.vaccine, d.number) for d in found.doses if not d.refused}


def test_permits_belong_to_people_registered_elsewhere(population: Population) -> None:
    """Whoever has a permit is registered in another county and lives here."""
    for number, permits in population.permits.items():
        at = population.household_of(number)
        assert at is not None
        assert at.shape.origin is Origin.ELSEWHERE
        for permit in permits:
            assert permit.registered_since <= permit.issue_date < permit.endorsed_until
            assert permit.issue_date <= TODAY
    assert population.permits


def test_any_household_is_computed_without_the_others(population: Population) -> None:
    """The last household of a large county is the same when it is the only one computed."""
    alone = Population(today=TODAY, people=1)
    for at in (population.households[-1], population.households[len(SCRIPTS) + 7]):
        assert alone.household(at.index) == at


def test_a_small_county_is_the_beginning_of_a_large_one() -> None:
    """Five hundred people are the first of twenty thousand, in all departments."""
    small, large = (county(size) for size in SIZES)
    assert large.households[: len(small.households)] == small.households
    for number, found in small.insurance.items():
        assert large.insurance[number] == found
    for number, file in small.files.items():
        assert large.files[number] == file


def test_another_seed_is_another_county_with_the_same_cases() -> None:
    """Names and homes differ; the named cases and what they stand for do not."""
    usual, other = county(500), Population(today=TODAY, seed="another")
    assert usual.personas.keys() == other.personas.keys()
    assert usual.people != other.people


def test_codes_are_those_of_the_catalog(population: Population, catalog: Catalog) -> None:
    """Every code any department answers with is in the table its field names."""
    found: dict[str, set[str]] = {}
    for record in _all_values(population):
        for resource, field, value in record:
            spec = catalog.resources[resource].fields[field]
            if spec.code_table and value is not None:
                found.setdefault(spec.code_table, set()).add(str(value))
    assert len(found) >= 12
    for table, values in found.items():
        assert values <= catalog.code_tables[table].codes.keys(), table


def _all_values(population: Population) -> Iterator[list[tuple[str, str, object]]]:
    people = population.people[:: max(1, len(population.people) // 400)]
    subjects = [s for each in population.personas.values() for s in each.subjects.values()]
    numbers = {each.number for each in subjects}
    template = subjects[0]
    subjects += [
        type(template)(kind="person", number=each.id_number, name=each.name)
        for each in people
        if each.id_number not in numbers
    ]
    for subject in subjects:
        for resource, records in truth(population, subject).items():
            for record in records:
                pairs = [
                    *record.values.items(),
                    *(p for line in record.lines for p in line.items()),
                ]
                yield [(resource, field, value) for field, value in pairs]


def test_the_county_has_what_real_counties_have(population: Population) -> None:
    """Awkward things are there without anybody scripting them."""
    names = Counter(each.name for each in population.people)
    assert max(names.values()) > 1, "homonyms"
    assert any(len(each.name) == 4 and "·" not in each.name for each in population.people)
    assert any("·" in each.name for each in population.people)
    assert any(ord(sign) > 0xFFFF for each in population.people for sign in each.name)
    assert any(each.id_number.endswith("X") for each in population.people)
    assert any(not each.alive for each in population.people)
    assert {at.shape.kind for at in population.households} == set(Kind)
    assert {len(at.members) for at in population.households} >= {1, 2, 3, 4, 5}
    for each in population.people:
        assert each.name.encode("gb18030").decode("gb18030") == each.name


def test_roles_fit_into_the_places_kept_for_a_household() -> None:
    """A citizen number stays unique because no role is beyond the places of a household."""
    assert max(Role) < PLACES - 1


_DIGEST = """
import hashlib, datetime
from adapters.sandbox import Population, truth
population = Population(today=datetime.date(2026, 11, 24))
text = repr([(p.id, sorted(p.subjects.items()), [truth(population, s) for s in p.subjects.values()])
             for p in population.personas.values()] + [population.people, population.properties])
print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_every_process_computes_the_same_county() -> None:
    """Neither the hash seed nor the process leaves a trace."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", _DIGEST], env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }  # fmt: skip
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 64


def test_too_many_households_are_refused() -> None:
    """Beyond its numbers the county does not pretend."""
    with pytest.raises(ValueError, match="at most"):
        county(500).household(MAX_HOUSEHOLDS)
