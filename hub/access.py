"""May this caller ask this, for this item, today? Pure, and able to say why not.

The decision is a list of rules tried in order on every grant the caller holds for the resource;
the refusal names the first rule that the *nearest* grant breaks, and what would change the answer.
Deny is the default: no grant, no field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from catalog.model import Bundle, Catalog, DataResource, ServiceItem, Sharing
from hub.model import Basis, BasisKind, Consumer, Grant


class Callers(Protocol):
    """Who may ask what, today."""

    async def consumer(self, client_id: str) -> Consumer | None:
        """The caller of that id."""
        ...

    async def grants(self, client_id: str) -> Sequence[Grant]:
        """Its grants."""
        ...


class Rule(StrEnum):
    """The rules of access, by stable key. The closed list that a `why` is taken from."""

    CONSUMER_ACTIVE = "access.consumer-active"
    ITEM_IN_COUNTY = "access.item-in-county"
    FIELD_EXISTS = "access.field-exists"
    SHARING_TERMS = "access.sharing-terms"
    CONSENT_REFERENCE = "access.consent-reference"
    GRANT_EXISTS = "access.grant-exists"
    GRANT_ACTIVE = "access.grant-active"
    GRANT_STARTED = "access.grant-started"
    GRANT_NOT_ENDED = "access.grant-not-ended"
    GRANT_ITEM = "access.grant-item"
    GRANT_BASIS = "access.grant-basis"
    GRANT_FIELD = "access.grant-field"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Which rule refused, and what would change the answer."""

    rule: Rule
    why: str
    fix: str
    grant: str | None = None
    """The nearest grant, where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The decision for one resource."""

    resource: str
    allowed: Mapping[str, str]
    """Field id → id of the grant that allows it."""
    refused: Mapping[str, Refusal]
    """Field id → refusal. Every field asked for stands in exactly one of the two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What the question serves, looked up once: the item, its bundle and its county."""

    ids: frozenset[str]
    """The item and the bundle it belongs to; a grant for either covers it."""
    name: str
    county: str


def purpose_of(catalog: Catalog, item_id: str) -> Purpose | None:
    """The purpose that `item_id` (a service item or a bundle) stands for; None if unknown."""
    bundle = catalog.bundles.get(item_id)
    if bundle is not None:
        return Purpose(ids=frozenset({bundle.id}), name=bundle.name, county=bundle.county)
    item = catalog.items.get(item_id)
    if item is None:
        return None
    home = _bundle_of(catalog, item)
    return Purpose(ids=frozenset({item.id, home.id}), name=item.name, county=home.county)


def decide(
    *,
    consumer: Consumer,
    basis: Basis,
    purpose: Purpose,
    resource: DataResource,
    fields: Iterable[str],
    grants: Iterable[Grant],
    now: datetime,
) -> Decision:
    """Decide each field of one resource.

    Adding a grant never takes a field away, and the allowed fields are always a subset of those
    asked for.
    """
    wanted = tuple(dict.fromkeys(fields))
    general = _general_refusal(consumer, basis, purpose, resource)
    if general is not None:
        return Decision(resource=resource.id, allowed={}, refused=dict.fromkeys(wanted, general))
    held = [g for g in grants if g.resource == resource.id and g.consumer == consumer.client_id]
    allowed: dict[str, str] = {}
    refused: dict[str, Refusal] = {}
    for name in wanted:
        if name not in resource.fields:
            refused[name] = Refusal(
                rule=Rule.FIELD_EXISTS,
                why=f"资源 {resource.id} 没有信息项 {name} / {resource.id} has no field {name}",
                fix="查看 GET /v1/catalog/resources / see the catalog",
            )
            continue
        verdict = _try_grants(held, resource, name, basis, purpose, now)
        if isinstance(verdict, Refusal):
            refused[name] = verdict
        else:
            allowed[name] = verdict.id
    return Decision(resource=resource.id, allowed=allowed, refused=refused)


def _bundle_of(catalog: Catalog, item: ServiceItem) -> Bundle:
    # Item ids are `<bundle id>-<seq>`; the loader checks it, so this look-up cannot fail.
    return catalog.bundles[item.id.rpartition("-")[0]]


def _general_refusal(
    consumer: Consumer, basis: Basis, purpose: Purpose, resource: DataResource
) -> Refusal | None:
    if not consumer.active:
        return Refusal(
            rule=Rule.CONSUMER_ACTIVE,
            why="调用方已停用 / the caller is suspended",
            fix="请枢纽运行单位恢复该调用方 / ask the bureau that runs the hub to resume it",
        )
    if consumer.county != purpose.county:
        return Refusal(
            rule=Rule.ITEM_IN_COUNTY,
            why="事项不属于调用方所在县区 / the item is not of the caller's county",
            fix="使用本县区的事项编号 / name an item of your own county",
        )
    if resource.sharing.kind is Sharing.WITHHELD:
        return Refusal(
            rule=Rule.SHARING_TERMS,
            why=f"不予共享类资源：{resource.sharing.note or resource.name} / withheld by law",
            fix="该资源不共享，只能由申请人提供 / not shared; the applicant has to provide it",
        )
    if basis.kind is BasisKind.CONSENT and not basis.ref:
        return Refusal(
            rule=Rule.CONSENT_REFERENCE,
            why="以同意为依据时须给出同意书编号 / consent is claimed without its reference",
            fix="在 basis.ref 填写同意书编号 / put the consent's reference into basis.ref",
        )
    return None


# Each rule: does the grant satisfy it, what is said when not, what would change the answer.
# The order is the order of nearness: a grant that breaks a later rule is nearer to allowing.
_GRANT_RULES: tuple[
    tuple[Rule, Callable[[Grant, str, Basis, Purpose, datetime], bool], str, str], ...
] = (
    (
        Rule.GRANT_ACTIVE,
        lambda g, _f, _b, _p, _now: g.active,
        "授权已暂停 / the grant is suspended",
        "请提供方恢复授权 {grant} / ask the provider to resume grant {grant}",
    ),
    (
        Rule.GRANT_STARTED,
        lambda g, _f, _b, _p, now: g.valid_from <= now,
        "授权尚未生效 / the grant has not started",
        "授权自 {from_} 起生效 / it starts on {from_}",
    ),
    (
        Rule.GRANT_NOT_ENDED,
        lambda g, _f, _b, _p, now: now < g.valid_to,
        "授权已到期 / the grant has ended",
        "请续期授权 {grant}（{to} 到期）/ renew grant {grant}, which ended on {to}",
    ),
    (
        Rule.GRANT_ITEM,
        lambda g, _f, _b, p, _now: not g.items.isdisjoint(p.ids),
        "授权不含该事项 / the grant does not cover this item",
        "可用事项：{items} / the grant covers: {items}",
    ),
    (
        Rule.GRANT_BASIS,
        lambda g, _f, b, _p, _now: str(b.kind) in g.basis_kinds,
        "授权不接受这种办事依据 / the grant does not accept this kind of basis",
        "可用依据：{bases} / accepted: {bases}",
    ),
    (
        Rule.GRANT_FIELD,
        lambda g, f, _b, _p, _now: "*" in g.fields or f in g.fields,
        "授权不含该信息项 / the grant does not cover this field",
        "请提供方在授权 {grant} 中增加 {field} / ask the provider to add {field} to grant {grant}",
    ),
)


def _try_grants(
    held: list[Grant],
    resource: DataResource,
    name: str,
    basis: Basis,
    purpose: Purpose,
    now: datetime,
) -> Grant | Refusal:
    nearest: tuple[int, Grant] | None = None
    for grant in held:
        broken = next(
            (
                i
                for i, rule in enumerate(_GRANT_RULES)
                if not rule[1](grant, name, basis, purpose, now)
            ),
            None,
        )
        if broken is None:
            return grant
        if nearest is None or broken > nearest[0]:
            nearest = (broken, grant)
    if nearest is None:
        return Refusal(
            rule=Rule.GRANT_EXISTS,
            why=f"没有 {resource.id} 的授权 / no grant for {resource.id}",
            fix=f"向 {resource.provider} 申请 {resource.id}.{name} / apply for it with the provider",
        )
    rule, _, why, fix = _GRANT_RULES[nearest[0]]
    grant = nearest[1]
    return Refusal(
        rule=rule,
        why=why,
        grant=grant.id,
        fix=fix.format(
            grant=grant.id,
            field=f"{resource.id}.{name}",
            from_=grant.valid_from.date().isoformat(),
            to=grant.valid_to.date().isoformat(),
            items="、".join(sorted(grant.items)),
            bases="、".join(sorted(grant.basis_kinds)),
        ),
    )
