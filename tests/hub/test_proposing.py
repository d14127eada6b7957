"""Proposed grants: the least the bundles need, in the grammar that is read back."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from catalog.loading import load
from catalog.lookup import needs
from catalog.model import Catalog
from hub.app import connected_catalog
from hub.onboarding import read_grants
from hub.proposing import connected_needs, needed, proposed_grants
from tests.world.hub import COUNTIES


@pytest.fixture(scope="module")
def whole() -> Catalog:
    """Both counties; nobody is connected."""
    return load(COUNTIES)


@pytest.mark.parametrize("county", ["xinxiang", "shenqiu"])
def test_the_example_grants_cover_every_analysed_bundle(whole: Catalog, county: str) -> None:
    """Connected or not: a source that is added answers at once. Missing: `grants propose --all`."""
    grants = read_grants(COUNTIES / county / "grants.yaml", county, whole)
    lacking = [
        (bundle.id, resource, sorted(fields))
        for bundle in whole.bundles.values()
        if bundle.county == county
        for (_, resource), fields in needs(whole, bundle).items()
        if not any(
            grant.resource == resource
            and bundle.id in grant.items
            and (fields <= grant.fields or "*" in grant.fields)
            for grant in grants
        )
    ]
    assert lacking == []


def test_a_proposal_is_read_back_as_it_was_meant(whole: Catalog, tmp_path: Path) -> None:
    """One grant a resource, with the bundles and the fields that need it, for the days given."""
    asked = needed(whole, "xinxiang")
    file = tmp_path / "grants.yaml"
    file.write_text(
        proposed_grants(
            whole, "xinxiang", asked, consumer="someone", legal_basis="〔2024〕1号: 附件",
            valid_from=date(2026, 1, 1), valid_to=date(2026, 12, 31),
        ),
        encoding="utf-8",
    )  # fmt: skip
    grants = {grant.resource: grant for grant in read_grants(file, "xinxiang", whole)}
    assert grants.keys() == asked.keys()
    for resource, by_bundle in asked.items():
        assert grants[resource].items == by_bundle.keys()
        assert grants[resource].fields == frozenset().union(*by_bundle.values())
        assert grants[resource].legal_basis == "〔2024〕1号: 附件"


def test_what_nobody_is_connected_for_is_proposed_only_on_request(whole: Catalog) -> None:
    """The usual proposal holds what manifests map, and nothing a provider could not answer."""
    catalog = connected_catalog(COUNTIES, "xinxiang")
    offered = {b.resource: b.fields for b in catalog.bindings}
    connected, everything = connected_needs(catalog, "xinxiang"), needed(catalog, "xinxiang")
    assert connected.keys() == everything.keys() & offered.keys()
    assert connected.keys() < everything.keys()
    for resource, by_bundle in connected.items():
        for bundle, fields in by_bundle.items():
            assert fields == everything[resource][bundle] & offered[resource]
    assert connected_needs(whole, "xinxiang") == {}
