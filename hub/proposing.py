"""A grants file to hand to the providers: the least that a county's “one things” need.

Nothing is granted by it: providers strike out and sign, and an operator applies what is left.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from catalog.lookup import needs
from catalog.lookup import resource as resource_in
from catalog.model import Bundle, Catalog

_HEAD = """\
# 授权建议：{name}各“一件事”所需的最小信息项，按数据资源列出。供方审批、删改、签发后方可写入。
# Proposed grants: the least the county's bundles need, by resource; providers approve before they are applied.
grants:
"""


Asked = Mapping[str, Mapping[str, frozenset[str]]]
"""Resource → bundle → fields."""


def proposed_grants(
    catalog: Catalog,
    county: str,
    asked: Asked,
    *,
    consumer: str,
    legal_basis: str,
    valid_from: date,
    valid_to: date,
) -> str:
    """YAML in the grammar of `hub.onboarding`.

    Args:
        catalog: Names the resources.
        county: The county.
        asked: What is to be granted: `needed` or `connected_needs`.
        consumer: Who is to ask.
        legal_basis: The document the consumer relies on.
        valid_from: The first day.
        valid_to: The last day.
    """
    lines = [_HEAD.format(name=catalog.counties[county].name)]
    for resource_id, by_bundle in sorted(asked.items()):
        resource = resource_in(catalog, county, resource_id)
        fields = sorted(set().union(*by_bundle.values()))
        lines.append(
            f"- consumer: {_quoted(consumer)}\n"
            f"  items: [{', '.join(sorted(by_bundle))}]\n"
            f"  legal_basis: {_quoted(legal_basis)}\n"
            "  basis_kinds: [statutory, consent]\n"
            f"  valid_from: {valid_from}\n"
            f"  valid_to: {valid_to}\n"
            "  resources:\n"
            f"    {resource_id}: {{provider: {_quoted(resource.provider)},"
            f" fields: [{', '.join(fields)}]}}  # {resource.name}\n"
        )
    return "".join(lines)


def needed(catalog: Catalog, county: str) -> Asked:
    """All that the county's bundles would ask if every source were connected."""
    return _by_resource(
        (resource_id, bundle, fields)
        for bundle in _analysed(catalog, county)
        for (_, resource_id), fields in needs(catalog, bundle).items()
    )


def connected_needs(catalog: Catalog, county: str) -> Asked:
    """What of it somebody is connected for; the catalog holds its bindings."""
    connected = {b.resource: b.fields for b in catalog.bindings if b.county == county}
    return _by_resource(
        (resource_id, bundle, offered)
        for bundle in _analysed(catalog, county)
        for (_, resource_id), fields in needs(catalog, bundle).items()
        if (offered := fields & connected.get(resource_id, frozenset()))
    )


def _by_resource(rows: Iterator[tuple[str, Bundle, frozenset[str]]]) -> Asked:
    asked: dict[str, dict[str, frozenset[str]]] = {}
    for resource_id, bundle, fields in rows:
        known = asked.setdefault(resource_id, {})
        known[bundle.id] = known.get(bundle.id, frozenset()) | fields
    return asked


def _quoted(text: str) -> str:
    """A YAML scalar that is this text, whatever is in it: a string of JSON is one."""
    return json.dumps(text, ensure_ascii=False)


def _analysed(catalog: Catalog, county: str) -> Iterable[Bundle]:
    return (b for b in catalog.bundles.values() if b.county == county and b.analysis is not None)
