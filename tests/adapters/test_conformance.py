"""Every source of both counties passes the kit, and the kit finds what is wrong with one that is."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters import conformance
from adapters.conformance.record import FILE
from adapters.errors import InvalidManifest, SourceAnswerInvalid
from adapters.model import RawReply, SourceCall
from adapters.registry import Agreed, read, rehearsed
from adapters.rest import RestTransport
from catalog import loading
from catalog.model import Catalog
from tests.adapters.small import now

pytestmark = pytest.mark.anyio

COUNTIES = loading.COUNTIES
UNREHEARSED = {"disability", "credit"}
"""What a clerk types leaves nothing to play again, and another hub's receipts cannot be made up."""
SOURCES = [
    (path.parents[1].name, path.stem)
    for path in sorted(COUNTIES.glob("*/sources/*.yaml"))
    if path.stem not in UNREHEARSED
]
LEAST = 60
"""Cases that any source over HTTP has to stand."""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """Everything the product knows."""
    return loading.load()


def agreed(county: str, source: str, catalog: Catalog, folder: Path = COUNTIES) -> Agreed:
    """One source of a county."""
    (found,) = read(
        folder / county, county=county, catalog=catalog, environment=None, now=now, only=source
    )
    return found


@pytest.mark.parametrize(("county", "source"), SOURCES)
async def test_every_source_stands_every_case(county: str, source: str, catalog: Catalog) -> None:
    """Over real sockets where the kind has any: the right outcome, in time, nothing raised,
    nothing else changed.
    """
    found = agreed(county, source, catalog)
    result = await conformance.run(found, now=now)
    assert [(each.case, each.wrong) for each in result.failures] == []
    assert result.unsampled == ()
    cases = [each.case for each in result.verdicts]
    assert len(cases) == len(set(cases))
    assert len(cases) >= LEAST or found.manifest.kind not in {"rest", "soap", "fhir"}


def test_only_clerks_and_other_hubs_are_left_out(catalog: Catalog) -> None:
    """Whatever could be rehearsed has to be."""
    for county in catalog.counties:
        found = read(COUNTIES / county, county=county, catalog=catalog, environment=None, now=now)
        assert {each.manifest.source for each in found if not rehearsed(each)} == UNREHEARSED


async def test_an_envelope_stands_what_may_be_done_to_it(catalog: Catalog) -> None:
    """Sealed and signed with the kit's own keys: what is not signed, not sealed or not timely is no
    answer, and whatever else can go wrong goes wrong inside a sound envelope too.
    """
    result = await conformance.run(agreed("xinxiang", "medical-insurance", catalog), now=now)
    ended = {each.case.partition("/")[2]: each.outcome for each in result.verdicts}
    assert ended["envelope/as-recorded"] == ended["sealed/in-clear-and-signed"] == "answered"
    assert ended["envelope/empty"] == "no_record"
    for way in ("unsigned", "opened-and-unsigned", "signature-of-another", "field-added",
                "sealed-with-another-key", "from-the-past", "inside-half"):  # fmt: skip
        assert ended[f"sealed/{way}"] == "failed"
    assert {each.split("/")[0] for each in ended} >= {"field", "status", "gzip", "pace", "body"}


async def test_what_an_http_source_has_to_stand(catalog: Catalog) -> None:
    """Each group the issue names is there."""
    result = await conformance.run(agreed("xinxiang", "residence-permit", catalog), now=now)
    groups = Counter(each.case.split("/")[1] for each in result.verdicts)
    assert set(groups) >= {
        "envelope", "field", "status", "type", "charset", "gzip", "coding", "size", "pace", "head",
        "body",
    }  # fmt: skip
    outcomes = {each.outcome for each in result.verdicts}
    assert outcomes >= {"answered", "no_record", "refused", "failed", "timed_out", "unreachable"}


class _Careless(RestTransport):
    """A transport with a fault of its own, which the kit has to see."""

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        reply = await super().fetch(call, within=within)
        return self.spoiled(reply)

    def spoiled(self, reply: RawReply) -> RawReply:
        """The fault."""
        raise NotImplementedError


class _ForgetsCharset(_Careless):
    """Reads everything as UTF-8."""

    def spoiled(self, reply: RawReply) -> RawReply:
        return replace(reply, charset=None)


class _Repairs(_Careless):
    """Cuts off what it cannot read."""

    def spoiled(self, reply: RawReply) -> RawReply:
        end = reply.body.rfind(b"}") + 1
        return replace(reply, body=reply.body[:end])


class _Believes(_Careless):
    """Takes any error for an empty answer."""

    def spoiled(self, reply: RawReply) -> RawReply:
        broken = b'"code"' not in reply.body or b"E-OTHER" in reply.body
        return replace(reply, body=b'{"code": "0", "data": []}') if broken else reply


class _Late(_Careless):
    """Does not keep to its deadline, and swallows that it is cancelled."""

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        try:
            return await RestTransport.fetch(self, call, within=within)
        except BaseException as error:
            raise ValueError("张三") from error


class _Trusting(_Careless):
    """Takes what is in clear and unsigned."""

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        try:
            return await super().fetch(call, within=within)
        except SourceAnswerInvalid as error:
            if error.why != "envelope-unsigned":
                raise
            return RawReply(document={"data": {"infcode": "0", "output": {"insuinfo": []}}})

    def spoiled(self, reply: RawReply) -> RawReply:
        return reply


CARELESS: dict[str, tuple[str, type[Any], str]] = {
    "forgets the charset": ("residence-permit", _ForgetsCharset, "charset/gb18030"),
    "repairs what is broken": ("residence-permit", _Repairs, "body/rest-behind"),
    "takes errors for empties": ("residence-permit", _Believes, "envelope/ok-1-other"),
    "turns every error into another": ("residence-permit", _Late, "pace/half"),
    "trusts what nobody signed": ("medical-insurance", _Trusting, "sealed/unsigned"),
}


@pytest.mark.parametrize("name", CARELESS)
async def test_the_kit_finds_a_careless_transport(name: str, catalog: Catalog) -> None:
    """A kit that everything passes would be worth nothing."""
    source, kind, case = CARELESS[name]
    found = replace(agreed("xinxiang", source, catalog), kind=kind)
    result = await conformance.run(found, now=now)
    assert not result.passed
    assert any(each.case.endswith(case) for each in result.failures), [
        each.case for each in result.failures
    ]


CHANGES = {
    "a form that takes nothing of what is sent": ('form: "%Y-%m-%d %H:%M:%S"', "form: epoch-s"),
    "a condition that everything fulfils": ('ok_when: {code: "0"}', "ok_when: {}"),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_the_kit_finds_a_careless_manifest(
    name: str, tmp_path: Path, catalog: Catalog
) -> None:
    """The sample stays as it was; the manifest does not read it any more, or reads too much."""
    shutil.copytree(COUNTIES / "xinxiang" / "sources", tmp_path / "xinxiang" / "sources")
    path = tmp_path / "xinxiang" / "sources" / "residence-permit.yaml"
    old, new = CHANGES[name]
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    found = agreed("xinxiang", "residence-permit", catalog, tmp_path)
    before = await conformance.run(agreed("xinxiang", "residence-permit", catalog), now=now)
    after = await conformance.run(found, now=now)
    if "ok_when" in old:
        # Nothing is asserted about a condition that is not there: the cases are gone with it.
        assert len(after.verdicts) < len(before.verdicts)
    else:
        assert not after.passed


def touch(manifest: Path) -> None:
    """Change a manifest without changing what it means."""
    manifest.write_text(manifest.read_text(encoding="utf-8") + "# touched\n", encoding="utf-8")


def rules(folder: Path, catalog: Catalog) -> set[str]:
    """The rules of the complaints about one source's record."""
    try:
        conformance.check(folder, county="xinxiang", catalog=catalog, now=now)
    except InvalidManifest as error:
        return {each.rule for each in error.complaints}
    return set()


async def test_the_record_is_about_the_files_as_they_stand(
    tmp_path: Path, catalog: Catalog
) -> None:
    """No record, an old one, and one of a failure are three complaints; passing again mends it."""
    folder = tmp_path / "xinxiang"
    sources = COUNTIES / "xinxiang" / "sources"
    (folder / "sources").mkdir(parents=True)
    manifest = Path(shutil.copy(sources / "residence-permit.yaml", folder / "sources"))
    shutil.copytree(
        sources / "samples/residence-permit", folder / "sources/samples/residence-permit"
    )
    record = folder / "sources" / FILE
    assert rules(folder, catalog) == {"conformance-missing"}
    found = agreed("xinxiang", "residence-permit", catalog, tmp_path)
    result = await conformance.run(found, now=now)
    assert conformance.written(found, result) == record
    assert rules(folder, catalog) == set()
    touch(manifest)
    assert rules(folder, catalog) == {"conformance-stale"}
    conformance.written(found, result)
    assert rules(folder, catalog) == set()
    rows = json.loads(record.read_text(encoding="utf-8"))
    rows["residence-permit"]["passed"] -= 1
    record.write_text(json.dumps(rows), encoding="utf-8")
    assert rules(folder, catalog) == {"conformance-failed"}
    record.write_text("not json", encoding="utf-8")
    assert rules(folder, catalog) == {"conformance-missing"}


async def test_a_resource_without_a_sample_does_not_pass(tmp_path: Path, catalog: Catalog) -> None:
    """What was not tried was not passed."""
    shutil.copytree(COUNTIES / "xinxiang" / "sources", tmp_path / "xinxiang" / "sources")
    shutil.rmtree(tmp_path / "xinxiang" / "sources" / "samples" / "residence-permit")
    found = agreed("xinxiang", "residence-permit", catalog, tmp_path)
    result = await conformance.run(found, now=now)
    assert (result.passed, result.unsampled) == (False, ("residence-permit.status",))
