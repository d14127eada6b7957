"""The door sign is true: its lists are what there is, and its example runs."""

from __future__ import annotations

import re
from pathlib import Path

from adapters import sandbox as room
from adapters.sandbox import NAMES, Fault, Population

README = Path(str(room.__file__)).with_name("README.md").read_text(encoding="utf-8")


def rows(title: str) -> list[list[str]]:
    """The rows of the first table under a heading, without its head."""
    section = README.split(f"## {title}")[1].split("\n## ")[0]
    table = re.findall(r"^\|(.*)\|$", section, re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in table[2:]]


def test_the_personas_are_those_there_are(population: Population) -> None:
    """Each with its own words and its subjects, in order."""
    expected = [
        [f"`{each.id}`", each.description, " ".join(each.subjects)]
        for each in population.personas.values()
    ]
    assert rows("人物 personas") == expected


def test_the_faults_and_departments_are_those_there_are() -> None:
    """None is missing, none is invented."""
    listed = [row[0].strip("`") for row in rows("故障 faults")]
    assert listed[: len(Fault)] == [str(each) for each in Fault]
    assert [row[0].split("`")[1] for row in rows("部门 departments")] == list(NAMES)


def test_the_example_runs() -> None:
    """As printed."""
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)  # noqa: S102 -- the example is ours
    records = names["records"]
    assert isinstance(records, tuple)
    assert len(records) == 1
