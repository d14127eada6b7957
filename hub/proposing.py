"""A grants file to hand to the providers: the least that a county's “one things” need.

Nothing is granted by it: providers strike out and sign, and an operator applies what is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from catalog.lookup import needs
from catalog.lookup import resource as resource_in
from catalog.model import Bundle, Catalog

_HEAD = """\
# 授权建议：{name}各“一件事”所需的最小信息项，按数据资源列出。供方审批、删改、签发后方可写入。
# Proposed grants: the least the county's bundles need, by resource; providers approve before they are applied.
grants:
"""


def proposed_grants(
    catalog: Catalog,
    county: str,
    *,
    consumer: str,
    legal_basis: str,
    valid_from: date,
    valid_to: date,
) -> str:
    """YAML in the grammar of `hub.onboarding`, for the resources that are connected.

    Args:
        catalog: With its bindings.
        county: The county.
        consumer: Who is to ask.
        legal_basis: The document the consumer relies on.
        valid_from: The first day.
        valid_to: The last day.
    """
    asked = _asked(catalog, county)
    lines = [_HEAD.format(name=catalog.counties[county].name)]
    for resource_id, by_bundle in sorted(asked.items()):
        resource = resource_in(catalog, county, resource_id)
        fields = sorted(set().union(*by_bundle.values()))
        lines.append(
            f"- consumer: {consumer}\n"
            f"  items: [{', '.join(sorted(by_bundle))}]\n"
            f"  legal_basis: {legal_basis}\n"
            "  basis_kinds: [statutory, consent]\n"
            f"  valid_from: {valid_from}\n"
            f"  valid_to: {valid_to}\n"
            "  resources:\n"
            f"    {resource_id}: {{provider: {resource.provider!r},"
            f" fields: [{', '.join(fields)}]}}  # {resource.name}\n"
        )
    return "".join(lines)


def _asked(catalog: Catalog, county: str) -> Mapping[str, Mapping[str, frozenset[str]]]:
    """Resource → bundle → fields, as far as somebody is connected for it."""
    connected = {b.resource: b.fields for b in catalog.bindings if b.county == county}
    asked: dict[str, dict[str, frozenset[str]]] = {}
    for bundle in _analysed(catalog, county):
        for (_, resource_id), fields in needs(catalog, bundle).items():
            offered = fields & connected.get(resource_id, frozenset())
            if offered:
                known = asked.setdefault(resource_id, {})
                known[bundle.id] = known.get(bundle.id, frozenset()) | offered
    return asked


def _analysed(catalog: Catalog, county: str) -> Iterable[Bundle]:
    return (b for b in catalog.bundles.values() if b.county == county and b.analysis is not None)
