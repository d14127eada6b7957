"""The city's hub over the sandbox: what the counties' `credit.yaml` asks, as a county asks its city.

A hub like any other, in a process of its own with a database and keys of its own. It has the
counties' catalogs, one source, the sandbox's credit platform, and one caller for each county. Only
for the sandbox: a county in production asks the hub of its own city.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from adapters.sandbox import credit
from catalog.loading import load
from catalog.model import Catalog
from hub.app import log_of, now, opened_vault
from hub.model import Consumer, Grant
from hub.onboarding import apply_grants, new_client_key, register_consumer
from hub.processes import free_address, hub_process
from hub.settings import Settings

RESOURCE = "credit.compliance"
CLIENT_SUFFIX = "-hub"
"""How a county's hub is called at the city's: `<county>-hub`."""
_KEY_FILE = "counties.jwk"
_GRANTED = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class City:
    """The city's hub, on its way."""

    variables: Mapping[str, str] = field(repr=False)
    """The sandbox's, with its own among them."""
    ready: Callable[[], None]
    """Waits until it answers; raises `HubError` where it does not start."""


@contextmanager
def city_hub(folder: Path, counties: Path, sandbox: Mapping[str, str]) -> Iterator[City]:
    """The city's hub while the block runs.

    Args:
        folder: Where its data goes; nothing of an earlier one is there.
        counties: The folder of counties.
        sandbox: The sandbox's variables.
    """
    url, places, catalog = free_address(), folder / "counties", load(counties)
    _copied(catalog, counties, places)
    settings = Settings(
        data_dir=folder / "hub", database_url="", cache_url="", counties_dir=places, public_url=url
    )
    variables = {**sandbox, "CITY_HUB_URL": url, **_admitted(settings, catalog, folder / _KEY_FILE)}
    # What is set for the county's hub is not meant for the city's.
    others = {name: value for name, value in os.environ.items() if not name.startswith("MIANTI_")}
    environment = {**others, **variables, "MIANTI_COUNTIES_DIR": str(places)}
    with hub_process(folder, url, environment) as ready:
        yield City(variables, ready)


def _copied(catalog: Catalog, counties: Path, places: Path) -> None:
    """The counties' catalogs, each with the one source that is the city's."""
    for county in catalog.counties:
        sources = places / county / "sources"
        sources.mkdir(parents=True)
        shutil.copytree(counties / county / "catalog", sources.with_name("catalog"))
        shutil.copy(credit.MANIFEST, sources)


def _admitted(settings: Settings, catalog: Catalog, key_file: Path) -> Mapping[str, str]:
    """Register the counties' hubs; gives the variables that let them in and let them check."""
    jwks = new_client_key(key_file)
    with opened_vault(settings) as (database, vault):
        log = log_of(settings, database, vault)
        try:
            for county in catalog.counties.values():
                consumer = Consumer(
                    client_id=f"{county.id}{CLIENT_SUFFIX}",
                    name=f"{county.name}数据共享枢纽",
                    authority=f"{county.id}/县政务服务和大数据局",
                    county=county.id,
                    jwks=jwks,
                )
                register_consumer(database, log, consumer, now)
                apply_grants(database, log, [_grant(catalog, county.id, consumer)], now)
        finally:
            log.close()
        key = base64.b64encode(vault.public_key).decode()
    return {
        "CITY_HUB_CLIENT_KEY": key_file.read_text(encoding="utf-8"),
        "CITY_HUB_EVIDENCE_KEY": json.dumps({"origin": log.origin, "key": key}),
    }


def _grant(catalog: Catalog, county: str, consumer: Consumer) -> Grant:
    """What the platform knows, for all “one things” of the county."""
    bundles = (each.id for each in catalog.bundles.values() if each.county == county)
    return Grant(
        id=f"{consumer.client_id}/{RESOURCE}",
        consumer=consumer.client_id,
        provider="市公共信用信息平台",
        county=county,
        resource=RESOURCE,
        fields=frozenset({"*"}),
        items=frozenset(bundles),
        legal_basis="公共信用信息目录",
        basis_kinds=frozenset({"statutory", "consent"}),
        valid_from=now() - timedelta(days=1),
        valid_to=now() + _GRANTED,
    )
