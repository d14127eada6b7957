"""`person.age >= 18` over HTTP: true or false, and never the value. On both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from hub.predicates import CHINA
from tests.hub.conftest import server_database
from tests.world.department import Department, listening
from tests.world.hub import RunningHub, county_with, grant, running_hub

ADULT, NOBODY, ODD, EVE, GUARDED, OTHER = (
    "990101199001010019",
    "990101199001010027",
    "990101201806010032",
    "990101201806010040",
    "990101199003070015",
    "990101199003070023",
)
TODAY = datetime.now(UTC).astimezone(CHINA).date()
_NEXT = TODAY + timedelta(days=2 if (TODAY.month, TODAY.day) == (2, 28) else 1)
EVE_OF_18 = _NEXT.replace(year=_NEXT.year - 18)
BORN = {ADULT: "19900101", ODD: "2018", EVE: f"{EVE_OF_18:%Y%m%d}"}
HUKOU = """
source: hukou
name: 户籍
authority: 县公安局
kind: rest
connect: {base_url: "${BASE_URL}"}
resources:
  hukou.person:
    ask: {method: GET, path: /person, query: {id: keys.id_number}}
    answer:
      empty_when: {data: []}
      records: data
      fields:
        name: {at: name}
        gender: {at: gender}
        birth_date: {at: born, form: ["%Y%m%d", "%Y"]}
  realestate.ownership:
    ask: {method: GET, path: /homes, query: {id: optional.id_number, n: keys.id_number}}
    answer:
      empty_when: {data: []}
      records: data
      fields: {certificate_no: {at: no}}
"""


class Register(Department):
    """A register of people and homes."""

    asked: ClassVar[list[str]] = []

    def answer(self) -> None:
        """Answer by number."""
        Register.asked.append(self.path)
        number = self.path[-18:]
        rows: list[dict[str, str]] = [{"no": "B1"}, {"no": "B2"}]
        if self.path.startswith("/person"):
            rows = [{"name": "赵明示", "gender": "1", "born": BORN.get(number, "19900307")}]
        self.say({"data": [] if number == NOBODY else rows})


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def hub(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHub]:
    """A hub whose caller may judge the birth date and not see it; homes it may see."""
    folder = tmp_path_factory.mktemp("predicates")
    more = {"database_url": server_database(request)} if request.param == "postgresql" else {}
    judged = frozenset({"predicate:birth_date", "predicate:gender"})
    with (
        listening(Register) as url,
        running_hub(
            folder,
            county_with(folder / "counties", {"hukou": HUKOU}),
            environment={"BASE_URL": url},
            grants=[grant("hukou.person", fields=judged), grant("realestate.ownership")],
            **more,
        ) as running,
    ):
        yield running


def ask(hub: RunningHub, number: str, *want: str, path: str = "/v1/queries") -> dict[str, Any]:
    """The fields of a query's answer, or its explanation."""
    body = {
        "subject": {"kind": "person", "id_type": "citizen-id", "id": number, "name": "赵明示"},
        "basis": {"item": "xinxiang-10-03", "case": "CASE-1", "kind": "statutory"},
        "want": list(want),
    }
    return hub.client.post(path, body)


TRUTHS = {
    "of age": (ADULT, "person.age >= 18", "ok", True),
    "18 only tomorrow": (EVE, "person.age >= 18", "ok", False),
    "17 today": (EVE, "person.age == 17", "ok", True),
    "born before": (ADULT, "hukou.person.birth_date < 2000-01-01", "ok", True),
    "a code": (ADULT, "hukou.person.gender == '1'", "ok", True),
    "another code": (ADULT, "hukou.person.gender != '1'", "ok", False),
    "two homes": (ADULT, "realestate.count == 2", "ok", True),
    "no home": (NOBODY, "realestate.count == 0", "ok", True),
    "no record is never false": (NOBODY, "person.age >= 18", "not_found", None),
    "a year is no birthday": (ODD, "person.age >= 18", "source_error", None),
    "codes have no order": (ADULT, "hukou.person.gender >= '1'", "not_applicable", None),
    "a date is no number": (ADULT, "hukou.person.birth_date >= 18", "not_applicable", None),
    "no such day": (ADULT, "hukou.person.birth_date > 2000-02-30", "not_applicable", None),
    "half a year": (ADULT, "person.age >= 17.5", "not_applicable", None),
    "a field nobody has": (ADULT, "hukou.person.height >= 180", "not_granted", None),
    "a field of another kind of right": (ADULT, "hukou.person.state_date > 2000-01-01",
                                         "not_granted", None),
    "no source": (ADULT, "social-insurance.months_paid >= 24", "not_granted", None),
}  # fmt: skip


@pytest.mark.parametrize(("number", "text", "state", "value"), TRUTHS.values(), ids=TRUTHS.keys())
def test_a_predicate_is_true_false_or_a_state(
    hub: RunningHub, number: str, text: str, state: str, value: bool | None
) -> None:
    """With provenance where a source spoke, and without the value in any case."""
    answer = ask(hub, number, text)
    field = answer["fields"][text]

    assert list(answer["fields"]) == [text]
    assert (field["state"], field.get("value")) == (state, value)
    if value is not None:
        assert field["provenance"]["source"] == "hukou"
    for secret in BORN.values():
        assert f"{secret[:4]}-{secret[4:6]}-{secret[6:]}" not in json.dumps(answer)


def test_the_weaker_right_never_shows_the_field(hub: RunningHub) -> None:
    """Judged alone it is answered; wanted beside the field, or with the whole record, it is refused
    like the field, and nothing of the birth date comes out.
    """
    text = "person.age >= 18"
    beside = ask(hub, OTHER, text, "hukou.person.birth_date")["fields"]
    listed = ask(hub, OTHER, text, "hukou.person[].birth_date")["fields"]
    whole = ask(hub, OTHER, text, "hukou.person[]")["fields"]

    shown = (*beside.values(), *listed.values(), *whole.values())
    assert {f["state"] for f in shown} == {"not_granted"}
    assert beside[text]["why"] == "access.grant-field"
    assert ask(hub, OTHER, text)["fields"][text]["value"] is True


def test_a_value_cannot_be_narrowed_by_repeated_questions(hub: RunningHub) -> None:
    """Three different cuts of one value are told; the fourth is refused before anybody is asked,
    whatever quantity it goes by; the same cuts again, another person and another field are free.
    """
    told = [ask(hub, GUARDED, f"person.age >= {n}")["fields"] for n in (10, 20, 30)]
    before = len(Register.asked)
    fourth = ask(hub, GUARDED, "person.age >= 36")
    by_date = ask(hub, GUARDED, "hukou.person.birth_date > 1990-01-01")
    again = ask(hub, GUARDED, "person.age >= 36")
    asked = len(Register.asked) - before
    same = ask(hub, GUARDED, "person.age < 20")["fields"]["person.age < 20"]
    mixed = ask(hub, GUARDED, "person.age >= 35", "person.age >= 10", "hukou.person.gender == '1'")

    assert all(f["state"] == "ok" for fields in told for f in fields.values())
    for answer in (fourth, by_date, again):
        (field,) = answer["fields"].values()
        assert (answer["outcome"], field["state"]) == ("refused", "not_granted")
        assert field["why"] == "access.predicate-narrowing"
        assert "阈值" in field["fix"]
    assert asked == 0
    assert (same["state"], same["value"]) == ("ok", False)
    assert [f["state"] for f in mixed["fields"].values()].count("not_granted") == 1
    assert ask(hub, OTHER, "person.age >= 18")["fields"]["person.age >= 18"]["state"] == "ok"


def test_explaining_uses_no_threshold_up(hub: RunningHub) -> None:
    """The plan names source and grants; however often, the next question is still answered."""
    number, text = ADULT, "realestate.count >= 1"
    for n in range(5):
        shown = ask(hub, number, f"realestate.count >= {n}", path="/v1/queries:explain")
        assert shown["fields"][f"realestate.count >= {n}"]["state"] == "granted"

    assert ask(hub, number, text)["fields"][text]["value"] is True


def test_the_receipt_commits_to_the_truth(hub: RunningHub) -> None:
    """The log holds a commitment of the boolean under the predicate's text, and no birth date."""
    text = "person.age >= 18"
    answer = ask(hub, ADULT, text)
    leaf = json.loads(hub.client.get(f"/v1/receipts/{answer['receipt']}")["leaf"])

    assert list(leaf["body"]["fields"]) == [text]
    assert leaf["body"]["fields"][text]["commitment"].startswith("sha256:")
    assert "1990-01-01" not in json.dumps(leaf)
