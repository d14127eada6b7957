"""A source that changes the shape of its answers: what is noticed, what is harmless, what is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from lxml import etree

from adapters import shapes
from adapters.drifting import (
    EVERY,
    GONE_AFTER,
    LEARN,
    Change,
    ChangeKind,
    FolderShelf,
    kept_changes,
)
from adapters.model import Outcome
from adapters.ports import Surroundings
from adapters.registry import Connected, connect
from tests.adapters.servers import http, serve
from tests.adapters.small import CATALOG, COUNTY, ID_NUMBER, NAME, call, now, write

pytestmark = pytest.mark.anyio

MANIFEST = """
source: permit
name: 流动人口服务管理系统
authority: 县公安局
kind: rest
connect:
  base_url: ${PERMIT_URL}
  timeout: 2s
resources:
  residence-permit.status:
    ask: { method: GET, path: /jzz, query: { gmsfhm: keys.id_number } }
    answer:
      ok_when: { code: "0" }
      empty_when: { data: [] }
      records: data
      fields:
        permit_no: { at: jzzh }
        name: { at: xm }
        birth_date: { at: csrq, form: "%Y-%m-%d" }
        gender: { at: xb }
        residence_address: { at: dz.xx }
"""
RESOURCE = "residence-permit.status"
PERMIT: dict[str, Any] = {
    "jzzh": "J1", "xm": NAME, "csrq": "1990-01-01", "xb": "1", "dz": {"xx": "街道1号", "yb": "990101"},
}  # fmt: skip


def without(*names: str) -> dict[str, Any]:
    """The permit without some of its keys."""
    return {name: value for name, value in PERMIT.items() if name not in names}


@dataclass(frozen=True, slots=True)
class Told:
    """What was noticed, and what was said about it."""

    changes: tuple[Change, ...]
    events: list[Mapping[str, Any]]


async def told(
    folder: Path, *answers: dict[str, Any] | None, learnt: int = LEARN, most: int = 1
) -> Told:
    """Learn from good answers, then get these, each `most` times."""
    turns = iter([PERMIT] * learnt + [each for each in answers for _ in range(most)])

    async def behaviour(_: Any, writer: Any) -> None:
        row = next(turns)
        data = [] if row is None else [row]
        writer.write(http(json.dumps({"code": "0", "data": data}, ensure_ascii=False)))

    with structlog.testing.capture_logs() as events:
        async with serve(behaviour) as server:
            county = connected(folder, server.url)
            for _ in range(learnt + len(answers) * most):
                reply = await county.sources["permit"].answer(call(RESOURCE), within=3)
                assert reply.outcome in {Outcome.ANSWERED, Outcome.NO_RECORD, Outcome.FAILED}
            changes = county.drifts["permit"].changes
            await county.aclose()
    return Told(changes, [dict(each) for each in events])


def connected(folder: Path, url: str) -> Connected:
    """The source, keeping its shapes in `folder`."""
    write(folder, permit=MANIFEST)
    return connect(
        folder, county=COUNTY, catalog=CATALOG, environment={"PERMIT_URL": url}, now=now,
        surroundings=Surroundings(data_dir=folder / "data"),
    )  # fmt: skip


Noticed = tuple[ChangeKind, str, tuple[str, ...], bool]
ROW: dict[str, tuple[dict[str, Any], list[Noticed]]] = {
    "nothing changes": (PERMIT, []),
    "other values": ({**PERMIT, "jzzh": "J2", "xm": "钱明示", "xb": "2"}, []),
    "a mapped field goes": (
        without("xm"), [(ChangeKind.GONE, "data/xm", ("name",), True)],
    ),
    "an unmapped field goes": ({**PERMIT, "dz": {"xx": "街道1号"}}, []),
    "a field that was there is null": ({**PERMIT, "xm": None}, []),
    "a new field": (
        {**PERMIT, "sjly": "1"}, [(ChangeKind.NEW, "data/sjly", (), False)],
    ),
    "a date becomes a number": (
        {**PERMIT, "csrq": 631152000000},
        [
            (ChangeKind.TYPE, "data/csrq", ("birth_date",), False),
            (ChangeKind.UNREADABLE, "data/csrq", ("birth_date",), True),
        ],
    ),
    "a date changes its form": (
        {**PERMIT, "csrq": "1990年1月1日"},
        [(ChangeKind.UNREADABLE, "data/csrq", ("birth_date",), True)],
    ),
    "a text becomes an object": (
        {**PERMIT, "xm": {"cn": NAME}},
        [
            (ChangeKind.NEW, "data/xm/cn", (), False),
            (ChangeKind.TYPE, "data/xm", ("name",), False),
            (ChangeKind.UNREADABLE, "data/xm", ("name",), True),
        ],
    ),
    "a code nobody knows": (
        {**PERMIT, "xb": "7"}, [(ChangeKind.CODE, "data/xb", ("gender",), True)],
    ),
    "a code the table has": ({**PERMIT, "xb": "2"}, []),
    "nested one deeper": (
        {**without("xm"), "jbxx": {"xm": NAME}},
        [
            (ChangeKind.NEW, "data/jbxx", (), False),
            (ChangeKind.NEW, "data/jbxx/xm", (), False),
            (ChangeKind.GONE, "data/xm", ("name",), True),
        ],
    ),
    "what holds a field goes": (
        without("dz"), [(ChangeKind.GONE, "data/dz", ("residence_address",), True)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROW)
async def test_a_change_of_shape_is_noticed(name: str, tmp_path: Path) -> None:
    """Each with its place, the fields that come from there, and whether it breaks anybody."""
    row, expected = ROW[name]
    found = await told(tmp_path, row, most=EVERY + GONE_AFTER)
    noticed = {(each.kind, each.place, each.fields, each.breaks) for each in found.changes}
    assert noticed == set(expected)
    said = [each for each in found.events if each["event"] == "source_shape_changed"]
    assert {(each["change"], each["place"]) for each in said} == {
        (str(kind), place) for kind, place, _, _ in expected
    }
    assert all((each["log_level"] == "warning") is bool(each["fields"] and each["change"] != "type")
               for each in said)  # fmt: skip


async def test_it_says_where_a_field_went(tmp_path: Path) -> None:
    """The same name somewhere else is told with what is gone."""
    row = {**without("xm"), "jbxx": {"xm": NAME}}
    found = await told(tmp_path, row, most=EVERY + GONE_AFTER)
    gone = next(each for each in found.changes if each.kind is ChangeKind.GONE)
    assert gone.detail == "→ data/jbxx/xm"


async def test_a_change_that_is_taken_back_is_over(tmp_path: Path) -> None:
    """The old shape is there again: nothing is left to report."""
    after = [without("xm")] * (EVERY + GONE_AFTER) + [PERMIT] * (EVERY * 2)
    found = await told(tmp_path, *after)
    assert found.changes == ()
    assert any(each.get("change") == "gone" for each in found.events)


async def test_what_was_never_always_there_may_stay_away(tmp_path: Path) -> None:
    """A field that some people have and some have not is no news, either way."""
    learnt = [PERMIT, without("xm")] * (LEARN // 2)
    after = [without("xm")] * (EVERY + GONE_AFTER)
    found = await told(tmp_path, *learnt, *after, learnt=0)
    assert found.changes == ()


async def test_empties_and_errors_have_another_shape_and_change_nothing(tmp_path: Path) -> None:
    """“No such person” lacks every field, and that is no drift."""
    found = await told(tmp_path, None, most=EVERY * 2)
    assert found.changes == ()


async def test_one_bad_value_is_no_change(tmp_path: Path) -> None:
    """Registers hold nonsense; a change of form leaves nothing that can be read."""
    after = [*([PERMIT] * (EVERY - LEARN - 1)), {**PERMIT, "csrq": "不详"}, *([PERMIT] * EVERY)]
    found = await told(tmp_path, *after)
    assert found.changes == ()


async def test_when_a_shape_is_known_few_answers_are_looked_at(tmp_path: Path) -> None:
    """Learning looks at every answer; afterwards one in so many is."""
    more = EVERY * 4

    async def behaviour(_: Any, writer: Any) -> None:
        writer.write(http(json.dumps({"code": "0", "data": [PERMIT]}, ensure_ascii=False)))

    async with serve(behaviour) as server:
        county = connected(tmp_path, server.url)
        for _ in range(more):
            await county.sources["permit"].answer(call(RESOURCE), within=3)
        await county.aclose()
    rows = json.loads((tmp_path / "data" / "shapes" / COUNTY / "permit.json").read_text())
    assert rows["resources"][RESOURCE]["answers"] == LEARN + more // EVERY


async def test_what_was_learnt_outlives_a_restart(tmp_path: Path) -> None:
    """A second process knows the shape, and reports what changed while none was running."""
    assert (await told(tmp_path)).changes == ()
    found = await told(tmp_path, without("xm"), learnt=0, most=EVERY + GONE_AFTER)
    assert [each.kind for each in found.changes] == [ChangeKind.GONE]
    kept = list(kept_changes(tmp_path / "data" / "shapes" / COUNTY))
    assert kept == list(found.changes)


@pytest.mark.parametrize("afterwards", [1, EVERY + GONE_AFTER])
async def test_what_is_taken_from_the_shelf_is_forgotten_while_it_runs(
    tmp_path: Path, afterwards: int
) -> None:
    """`drift --forget` needs no restart: what was reported is gone, the new shape is learnt, and the
    end of the process does not bring the old one back.
    """
    kept = tmp_path / "data" / "shapes" / COUNTY / "permit.json"
    row = PERMIT

    async def behaviour(_: Any, writer: Any) -> None:
        writer.write(http(json.dumps({"code": "0", "data": [row]}, ensure_ascii=False)))

    async with serve(behaviour) as server:
        county = connected(tmp_path, server.url)

        async def ask(times: int) -> None:
            for _ in range(times):
                await county.sources["permit"].answer(call(RESOURCE), within=3)

        await ask(LEARN)
        row = without("xm")
        await ask(EVERY + GONE_AFTER)
        before = [each.kind for each in kept_changes(kept.parent)]
        kept.unlink()
        await ask(afterwards)
        known = county.drifts["permit"].changes
        await county.aclose()
    assert before == [ChangeKind.GONE]
    assert list(kept_changes(kept.parent)) == []
    assert afterwards == 1 or known == ()


async def test_nothing_personal_is_kept(tmp_path: Path) -> None:
    """Neither values, nor codes that may be names, nor keys that are numbers or names."""
    row = {**PERMIT, "xb": "赵明示", ID_NUMBER: 1, "赵明示": {"x": 1}, "u" * 60: 2}
    await told(tmp_path, row, most=EVERY + GONE_AFTER)
    kept = (tmp_path / "data" / "shapes" / COUNTY / "permit.json").read_text(encoding="utf-8")
    for value in (ID_NUMBER, NAME, "1990-01-01", "街道", "J1", "u" * 60):
        assert value not in kept
    assert "residence_address" in kept


BROKEN = {
    "nothing": b"",
    "no JSON": b"\x00\xff",
    "another document": b'{"a": 1}',
    "a list": b"[]",
    "half a dump": b'{"resources": {"residence-permit.status": {"answers": 7}}}',
    "words for numbers": b'{"resources": {"residence-permit.status": {"answers": "x", "places": 1}}}',
    "a list of resources": b'{"resources": [1, 2]}',
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_shelf_is_an_empty_one(name: str, tmp_path: Path) -> None:
    """What cannot be read is learnt again; the source answers all the same."""
    shelf = tmp_path / "data" / "shapes" / COUNTY
    shelf.mkdir(parents=True)
    (shelf / "permit.json").write_bytes(BROKEN[name])
    assert list(kept_changes(shelf)) == []
    found = await told(tmp_path, without("xm"), most=EVERY + GONE_AFTER)
    assert [each.kind for each in found.changes] == [ChangeKind.GONE]


def test_a_shelf_that_cannot_be_written_is_no_reason_not_to_answer(tmp_path: Path) -> None:
    """The folder is a file."""
    (tmp_path / "shapes").write_text("", encoding="utf-8")
    shelf = FolderShelf(tmp_path / "shapes" / "x")
    shelf.save("permit", b"{}")
    assert shelf.load("permit") is None


def nested(depth: int, width: int) -> Any:
    """A document that grows fast."""
    value: Any = 1
    for _ in range(depth):
        value = {f"k{at}": value for at in range(width)}
    return value


DOCUMENTS: dict[str, Callable[[], Any]] = {
    "very wide": lambda: {f"k{at}": at for at in range(100_000)},
    "very long": lambda: {"a": [{"b": at} for at in range(100_000)]},
    "very deep": lambda: nested(60, 1),
    "a bush": lambda: nested(8, 4),
    "wide XML": lambda: etree.fromstring("<r>" + "<a b='1'>x</a>" * 50_000 + "</r>"),
    "odd keys": lambda: {"": 1, " ": 2, "a b": 3, "\x00": 4},
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_shape_is_bounded(name: str) -> None:
    """However large a document is, the shape is not, and the walk ends."""
    shape = shapes.signature(DOCUMENTS[name]())
    assert 1 <= len(shape.places) <= shapes.MAX_PLACES


PLACES: dict[str, tuple[Any, Mapping[tuple[str, ...], set[str]]]] = {
    "JSON": (
        {"a": [{"b": 1}, {"b": "x", "c": None}], "d": ["x", 2]},
        {
            (): {"object"}, ("a",): {"list", "object"}, ("a", "b"): {"number", "text"},
            ("a", "c"): {"nothing"}, ("d",): {"list"}, ("d", "[]"): {"text", "number"},
        },
    ),
    "XML": (
        etree.fromstring("<r k='1'><a><b>x</b></a><a><b/></a></r>"),
        {
            (): {"object"}, ("@k",): {"text"}, ("a",): {"object"}, ("a", "b"): {"text", "nothing"},
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLACES)
def test_places_and_types(name: str) -> None:
    """Lists are passed through; XML and JSON alike."""
    document, expected = PLACES[name]
    found: Iterator[Any] = iter(shapes.signature(document).places.items())
    assert {place: set(types) for place, types in found} == expected
