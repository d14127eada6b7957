"""What the verbs that ask a live source have in common: which source, which environment, whom.

Keys are personal, so they never stand in the arguments of a command, where every process sees
them: `--key id_number=-` reads one from the prompt or from standard input, `=@file` from a file.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from adapters.errors import Complaint, InvalidManifest
from adapters.invented import CONTROL, Candidate
from adapters.ports import Surroundings
from adapters.registry import FOLDER, Agreed, read
from adapters.values import parsed_networks
from catalog.model import Catalog

NETWORKS = "MIANTI_SOURCE_NETWORKS"
"""The hub's setting for private networks that names may lead to."""


class NotAskable(ValueError):
    """The command cannot be carried out; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where manifests stand and what they have to agree with."""

    counties: Path
    catalog: Catalog

    def holding(self, source: str, county: str | None) -> str:
        """The county whose source is meant: the named one, or the first that has it.

        Raises:
            NotAskable: There is none.
        """
        wanted = [county] if county else sorted(self.catalog.counties)
        for each in wanted:
            if (self.counties / each / FOLDER / f"{source}.yaml").is_file():
                return each
        raise NotAskable(f"没有这个数据源 no such source: {source}（{', '.join(wanted)}）")

    def agreed(self, county: str, source: str, environment: Mapping[str, str] | None) -> Agreed:
        """One source of a county. What is wrong with its neighbours does not matter here.

        Raises:
            InvalidManifest: With the complaints about this source.
        """
        found = self._read(county, environment, only=source)
        return next(each for each in found if each.manifest.source == source)

    def all(self, county: str, environment: Mapping[str, str] | None) -> tuple[Agreed, ...]:
        """All sources of a county.

        Raises:
            InvalidManifest: With all complaints.
        """
        return self._read(county, environment, only="*")

    def _read(
        self, county: str, environment: Mapping[str, str] | None, only: str
    ) -> tuple[Agreed, ...]:
        return read(
            self.counties / county, county=county, catalog=self.catalog,
            environment=environment, now=now, only=only,
        )  # fmt: skip


def now() -> datetime:
    """The clock of these verbs."""
    return datetime.now(UTC)


def secrets(agreed: Agreed, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values of the variables that a manifest names."""
    text = (agreed.folder / f"{agreed.manifest.source}.yaml").read_text(encoding="utf-8")
    return tuple(value for name, value in environment.items() if f"${{{name}}}" in text
                 and not value.startswith(("http://", "https://")))  # fmt: skip


@contextmanager
def environment(file: Path | None, *, people: str) -> Iterator[Mapping[str, str]]:
    """The variables for manifests.

    Args:
        file: With lines `NAME=value`, such as the sandbox writes; None: none.
        people: `invented`: start a sandbox for as long as the block runs; `real`: none.

    Raises:
        NotAskable: The file cannot be read.
    """
    found = dict(os.environ)
    if file is not None:
        found.update(_lines(file))
    if people != "invented":
        yield found
        return
    from adapters.sandbox import sandbox  # noqa: PLC0415 -- a dozen simulated systems, for this case only

    with sandbox(people=1) as running:
        yield {**found, **running.environment, CONTROL: running.control_url}


def surroundings(variables: Mapping[str, str]) -> Surroundings:
    """What the hub's own environment says about where names may lead.

    Raises:
        NotAskable: It cannot be read.
    """
    try:
        return Surroundings(allow_networks=parsed_networks((variables.get(NETWORKS, ""),)))
    except ValueError:
        raise NotAskable(f"{NETWORKS}: 不是网段 no network") from None


def control(variables: Mapping[str, str]) -> str:
    """The control socket of a running sandbox.

    Raises:
        NotAskable: None is known.
    """
    if CONTROL not in variables:
        raise NotAskable("只对沙盒：--sandbox 或 --environment-file / only with a sandbox")
    return variables[CONTROL]


def _lines(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NotAskable(
            f"读不了环境文件 cannot read {file.name}: {type(error).__name__}"
        ) from None
    pairs = (line.partition("=") for line in lines if line.strip() and not line.startswith("#"))
    return {name.strip(): value for name, _, value in pairs}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Which keys a resource is asked by."""

    needed: frozenset[str]
    optional: frozenset[str] = field(default_factory=frozenset)


def keys_of(agreed: Agreed, resource: str) -> Keys:
    """The query keys that a resource's question uses."""
    pairs = [name.partition(".") for name in agreed.manifest.resources[resource].ask.names()]
    needed = frozenset(key for root, _, key in pairs if root == "keys")
    optional = frozenset(key for root, _, key in pairs if root == "optional")
    return Keys(needed=needed, optional=optional - needed)


def given_keys(terms: Sequence[str]) -> dict[str, str]:
    """The keys that `--key` names.

    Raises:
        NotAskable: One stands in the argument itself, or its file cannot be read.
    """
    return dict(_given(each) for each in terms)


def _given(terms: str) -> tuple[str, str]:
    name, _, where = terms.partition("=")
    if where == "-":
        return name, _prompted(name)
    if where.startswith("@"):
        try:
            return name, Path(where[1:]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise NotAskable(f"读不了 cannot read {name}: {type(error).__name__}") from None
    raise NotAskable(
        f"键值不写在命令里（别人看得见）：--key {name}=- 或 {name}=@文件 / "
        f"a key does not stand in the command: --key {name}=- or {name}=@file"
    )


def _prompted(name: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"{name}（不显示 not shown）: ").strip()
    return sys.stdin.readline().strip()


def typed(given: Mapping[str, str]) -> Candidate:
    """Somebody whose keys were typed."""
    return Candidate(persona="given", subject="", title="", keys=given, records=0)


def complaint_lines(error: InvalidManifest) -> list[str]:
    """Complaints as lines; a variable that is not set says where one could come from."""
    lines = [str(each) for each in error.complaints]
    if any(_unset(each) for each in error.complaints):
        lines.append(
            "提示 hint：--sandbox 现起沙盒 starts a sandbox；--environment-file 文件 reads variables"
        )
    return lines


def _unset(complaint: Complaint) -> bool:
    return complaint.rule == "missing-variable"
