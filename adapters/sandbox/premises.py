"""What stands on each department's port or lies in its folder, and what its callers have to know.

Keys, tokens, passwords and certificates are made up at start; the environment carries them to
whoever connects.
"""

from __future__ import annotations

import base64
import json
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from starlette.types import ASGIApp

from adapters.sandbox import (
    business_registry,
    credit,
    education_office,
    employment_service,
    housing_fund,
    hukou,
    immunization,
    keys,
    marriage,
    medical_insurance,
    realestate,
    relief,
    residence_permits,
    social_insurance,
    tax,
    traffic,
    veterans,
    vital_records,
)
from adapters.sandbox.dropping import Export
from adapters.sandbox.faults import Fault, Faulty, Switch
from adapters.sandbox.gateway import Caller, Gateway, SOAPGateway
from adapters.sandbox.guangdong import Guangdong
from adapters.sandbox.medical_insurance import Seals
from adapters.sandbox.oauth import TokenDesk, by_assertion, by_secret
from adapters.sandbox.pgwire import SQLConnections
from adapters.sandbox.population import Population
from adapters.sandbox.serving import LOOPBACK, Connections, EncryptedConnections, HTTPConnections
from adapters.sandbox.zhejiang import Zhejiang


def _secret() -> str:
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What callers identify themselves with. Made up anew at each start."""

    app_key: str = field(default_factory=_secret, repr=False)
    traffic_app_key: str = field(default_factory=_secret, repr=False)
    sql_password: str = field(default_factory=_secret, repr=False)
    fhir_token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    permit_key: str = field(default_factory=_secret, repr=False)
    vital_secret: str = field(default_factory=_secret, repr=False)
    marriage_token: str = field(default_factory=_secret, repr=False)
    business_secret: str = field(default_factory=_secret, repr=False)
    tax_key: tuple[str, Mapping[str, str]] = field(default_factory=keys.jwk, repr=False)
    """Private JWK as text, public one."""
    credit_password: str = field(default_factory=_secret, repr=False)
    hub_key: str = field(default_factory=lambda: keys.jwk()[0], repr=False)
    """Private JWK as text, of the county's hub at the city's."""
    seals: Seals = field(default_factory=lambda: Seals(app_id="MIANTI990101"), repr=False)
    rid: str = "mianti@990101"
    sid: str = "s_9901010000000_0001"
    traffic_sid: str = "s_9901010000000_0002"
    sql_user: str = "mianti_ro"
    permit_key_id: str = "mianti"
    client: str = "mianti-990101"
    """Who we are to the platforms of Zhejiang's and Guangdong's style and to token desks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What a department is opened with."""

    population: Population
    credentials: Credentials
    papers: keys.Papers
    folder: Path
    """Where the folders are into which files are dropped."""
    secret_seconds: float


Build = Callable[[Premises, Switch], Connections]


def _hukou(at: Premises, switch: Switch) -> Connections:
    return HTTPConnections(Faulty(hukou.app(at.population), switch, hukou.MISBEHAVIOUR))


def _realestate(at: Premises, switch: Switch) -> Connections:
    # The gateway works while the department behind it does not.
    behind = Faulty(realestate.app(at.population), switch, realestate.MISBEHAVIOUR)
    who = at.credentials
    caller = Caller(rid=who.rid, sid=who.sid, app_key=who.app_key)
    return HTTPConnections(Gateway(behind, caller, switch, secret_seconds=at.secret_seconds))


def _social_insurance(at: Premises, switch: Switch) -> Connections:
    who, database = at.credentials, social_insurance.database(at.population)
    return SQLConnections(database, switch, {who.sql_user: who.sql_password})


def _immunization(at: Premises, switch: Switch) -> Connections:
    app = immunization.app(at.population, at.credentials.fhir_token)
    return HTTPConnections(Faulty(app, switch, immunization.MISBEHAVIOUR))


def _residence_permit(at: Premises, switch: Switch) -> Connections:
    who = at.credentials
    app = residence_permits.app(at.population, who.permit_key_id, who.permit_key, switch)
    return HTTPConnections(Faulty(app, switch, residence_permits.MISBEHAVIOUR))


def _vital_records(at: Premises, switch: Switch) -> Connections:
    behind = Faulty(vital_records.app(at.population), switch, vital_records.MISBEHAVIOUR)
    who = at.credentials
    return HTTPConnections(Zhejiang(behind, who.client, who.vital_secret, switch))


def _marriage(at: Premises, switch: Switch) -> Connections:
    behind = Faulty(marriage.app(at.population), switch, marriage.MISBEHAVIOUR)
    who = at.credentials
    return HTTPConnections(Guangdong(behind, who.client, who.marriage_token, switch))


def _business_registry(at: Premises, switch: Switch) -> Connections:
    behind = Faulty(business_registry.app(at.population), switch, business_registry.MISBEHAVIOUR)
    proof = by_secret(at.credentials.client, at.credentials.business_secret)
    desk: ASGIApp = TokenDesk(behind, business_registry.TOKEN_PATH, proof, switch, counted_in=60)
    return HTTPConnections(desk)


def _tax(at: Premises, switch: Switch) -> Connections:
    behind = Faulty(tax.app(at.population), switch, tax.MISBEHAVIOUR)
    proof = by_assertion(at.credentials.client, at.credentials.tax_key[1], tax.TOKEN_PATH)
    return HTTPConnections(TokenDesk(behind, tax.TOKEN_PATH, proof, switch))


def _medical_insurance(at: Premises, switch: Switch) -> Connections:
    app = medical_insurance.app(at.population, at.credentials.seals, switch)
    return HTTPConnections(Faulty(app, switch, medical_insurance.MISBEHAVIOUR))


def _housing_fund(at: Premises, switch: Switch) -> Connections:
    app = Faulty(housing_fund.app(at.population), switch, housing_fund.MISBEHAVIOUR)

    def tls() -> ssl.SSLContext:
        over = switch.fault is Fault.EXPIRED_CERTIFICATE
        return keys.mutual(at.papers, at.papers.expired if over else at.papers.server)

    return EncryptedConnections(app, tls)


def _vehicles(at: Premises, switch: Switch) -> Connections:
    behind = Faulty(traffic.app(at.population), switch, traffic.MISBEHAVIOUR)
    who = at.credentials
    caller = Caller(rid=who.rid, sid=who.traffic_sid, app_key=who.traffic_app_key)
    return HTTPConnections(SOAPGateway(behind, caller, switch, secret_seconds=at.secret_seconds))


def _credit(at: Premises, switch: Switch) -> Connections:
    who = at.credentials
    app = credit.app(at.population, who.client, who.credit_password)
    return HTTPConnections(Faulty(app, switch, credit.MISBEHAVIOUR))


BUILDS: Mapping[str, Build] = {
    "hukou": _hukou,
    "realestate": _realestate,
    "social-insurance": _social_insurance,
    "immunization": _immunization,
    "residence-permit": _residence_permit,
    "vital-records": _vital_records,
    "marriage": _marriage,
    "business-registry": _business_registry,
    "tax": _tax,
    "medical-insurance": _medical_insurance,
    "housing-fund": _housing_fund,
    "vehicles": _vehicles,
    "credit": _credit,
}
"""Department → what stands on its port, in the order of the ports."""
EXPORTS: Mapping[str, Export] = {
    "employment": employment_service.EXPORT,
    "education": education_office.EXPORT,
    "relief": relief.EXPORT,
    "veterans": veterans.EXPORT,
}
"""Department → what it drops into a folder; these have no port."""

_ONLY: Mapping[Fault, frozenset[str]] = {
    Fault.CLOCK_SKEW: frozenset({"realestate", "residence-permit", "vital-records", "marriage",
                                 "tax", "medical-insurance", "vehicles"}),
    Fault.TOKEN_RACE: frozenset({"realestate", "vital-records", "business-registry", "tax",
                                 "vehicles"}),
    Fault.EXPIRED_CERTIFICATE: frozenset({"housing-fund"}),
}  # fmt: skip
"""Faults that only some departments can have: a clock they look at, tokens, a certificate."""


def can_have(department: str, fault: Fault) -> bool:
    """Does that fault mean anything there? An encrypted answer has no charset of its own."""
    if (export := EXPORTS.get(department)) is not None:
        return export.can_have(fault)
    if fault is Fault.WRONG_ENCODING:
        return department != "medical-insurance"
    return department in _ONLY.get(fault, frozenset(BUILDS))


def environment(at: Premises, ports: Mapping[str, int]) -> Mapping[str, str]:
    """What the manifests of the counties need, by the names they use."""
    who, papers = at.credentials, at.papers
    http = {name: f"http://{LOOPBACK}:{port}" for name, port in ports.items()}
    dsn = f"{who.sql_user}:{who.sql_password}@{LOOPBACK}:{ports['social-insurance']}"
    seals = who.seals
    return {
        "HUKOU_URL": http["hukou"] + hukou.PATH,
        "REALESTATE_URL": http["realestate"],
        "REALESTATE_RID": who.rid,
        "REALESTATE_SID": who.sid,
        "REALESTATE_APP_KEY": who.app_key,
        "SOCIAL_INSURANCE_DSN": f"postgresql://{dsn}/front?gssencmode=disable",
        "IMMUNIZATION_URL": http["immunization"],
        "IMMUNIZATION_TOKEN": who.fhir_token,
        "RESIDENCE_PERMIT_URL": http["residence-permit"],
        "RESIDENCE_PERMIT_KEY_ID": who.permit_key_id,
        "RESIDENCE_PERMIT_KEY": who.permit_key,
        "VITAL_RECORDS_URL": http["vital-records"],
        "VITAL_RECORDS_APP_KEY": who.client,
        "VITAL_RECORDS_APP_SECRET": who.vital_secret,
        "MARRIAGE_URL": http["marriage"],
        "MARRIAGE_PAAS_ID": who.client,
        "MARRIAGE_TOKEN": who.marriage_token,
        "BUSINESS_REGISTRY_URL": http["business-registry"],
        "BUSINESS_REGISTRY_CLIENT_ID": who.client,
        "BUSINESS_REGISTRY_CLIENT_SECRET": who.business_secret,
        "TAX_URL": http["tax"],
        "TAX_CLIENT_ID": who.client,
        "TAX_KEY": who.tax_key[0],
        "MEDICAL_INSURANCE_URL": http["medical-insurance"],
        "MEDICAL_INSURANCE_APP_ID": seals.app_id,
        "MEDICAL_INSURANCE_APP_SECRET": seals.app_secret,
        "MEDICAL_INSURANCE_SM4_KEY": seals.sm4_key.hex(),
        "MEDICAL_INSURANCE_PRIVATE_KEY": seals.caller.d.to_bytes(32).hex(),
        "MEDICAL_INSURANCE_PLATFORM_KEY": seals.platform.public().raw.hex(),
        "HOUSING_FUND_URL": f"https://{LOOPBACK}:{ports['housing-fund']}",
        "HOUSING_FUND_CA": _path(papers.authority),
        "HOUSING_FUND_CERTIFICATE": _path(papers.client),
        "HOUSING_FUND_KEY": _path(papers.client_key),
        "VEHICLES_URL": http["vehicles"] + traffic.PATH,
        "VEHICLES_RID": who.rid,
        "VEHICLES_SID": who.traffic_sid,
        "VEHICLES_APP_KEY": who.traffic_app_key,
        "CREDIT_URL": http["credit"],
        "CREDIT_USER": who.client,
        "CREDIT_PASSWORD": who.credit_password,
        **{f"{name.upper()}_FOLDER": _path(folder_of(at, name)) for name in EXPORTS},
        **_without_city(who),
    }


def folder_of(at: Premises, department: str) -> Path:
    """Where a department drops its files."""
    return at.folder / department


def _without_city(who: Credentials) -> Mapping[str, str]:
    """The city's hub, while nobody runs one: at this address everybody is refused. Whoever runs one
    says where it is instead.
    """
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return {
        "CITY_HUB_URL": f"http://{LOOPBACK}:9",
        "CITY_HUB_CLIENT_KEY": who.hub_key,
        "CITY_HUB_EVIDENCE_KEY": json.dumps({"origin": f"{LOOPBACK}:9", "key": key}),
    }


def _path(path: Path) -> str:
    return str(path)
