"""One manifest and one good answer for each kind that speaks HTTP, so that what must hold for all
of them is tested once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tests.adapters.servers import http
from tests.adapters.small import NAME
from tests.adapters.test_rest import MANIFEST, PERMIT, envelope

WSDL = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:h="urn:hukou" targetNamespace="urn:hukou">
  <types><x:schema targetNamespace="urn:hukou" elementFormDefault="qualified">
    <x:element name="Query"><x:complexType><x:sequence>
      <x:element name="EndUser"><x:complexType><x:sequence>
        <x:element name="CallReason" type="x:string"/><x:element name="Case" type="x:string" minOccurs="0"/>
      </x:sequence></x:complexType></x:element>
      <x:element name="GMSFHM" type="x:string"/><x:element name="XM" type="x:string" minOccurs="0"/>
      <x:element name="Item" type="x:string" maxOccurs="unbounded" minOccurs="0"/>
    </x:sequence></x:complexType></x:element>
    <x:element name="QueryResponse"><x:complexType><x:sequence>
      <x:any processContents="skip" maxOccurs="unbounded"/></x:sequence></x:complexType></x:element>
  </x:schema></types>
  <message name="In"><part name="parameters" element="h:Query"/></message>
  <message name="Out"><part name="parameters" element="h:QueryResponse"/></message>
  <portType name="Port"><operation name="Query"><input message="h:In"/><output message="h:Out"/></operation></portType>
  <binding name="Binding" type="h:Port"><s:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Query"><s:operation soapAction="urn:hukou#Query"/>
      <input><s:body use="literal"/></input><output><s:body use="literal"/></output></operation></binding>
  <service name="Service"><port name="Port" binding="h:Binding"><s:address location="http://wsdl.invalid/"/></port></service>
</definitions>
"""

SOAP = """
source: hukou
name: 省公安厅人口信息共享服务
authority: 县公安局
kind: soap
connect:
  wsdl: hukou.wsdl
  endpoint: ${URL}/services/hukou
  namespaces: { h: "urn:hukou" }
  timeout: 2s
resources:
  hukou.household:
    ask:
      operation: Query
      body:
        EndUser: { CallReason: reason.item_name, Case: reason.case }
        GMSFHM: keys.id_number
        XM: optional.name
        Item: [{const: HH}, {const: CYXM}]
    answer:
      ok_when: { "h:Code": "000" }
      refused_when: { "h:Code": "503" }
      empty_when: { records: none }
      records: h:Result/h:Row
      lines: h:CY
      as_of: { at: h:Result/@sj, form: "%Y%m%d%H%M%S" }
      fields:
        household_no: { at: h:HH }
        address: { at: h:HJDXZ }
        issue_date: { at: h:QFRQ, form: "%Y%m%d" }
        member_name: { at: h:CYXM }
        member_gender: { at: h:CYXB }
        member_birth_date: { at: h:CYCSRQ }
"""

FHIR = """
source: immunization
name: 省免疫规划信息系统
authority: 县卫健委
kind: fhir
connect:
  base_url: ${URL}/fhir
  auth: { scheme: bearer, token: "${TOKEN}" }
  timeout: 2s
resources:
  immunization.record:
    ask:
      searches:
        - { resource: Patient, params: { identifier: {system: "urn:id", value: keys.id_number} } }
        - { resource: Immunization, params: { "patient.identifier": keys.id_number, status: {const: completed} } }
    answer:
      empty_when: { status: 404 }
      lines: Immunization
      fields:
        child_name: { at: "Patient[0].name[0].text" }
        birth_date: { at: "Patient[0].birthDate" }
        certificate_no: { at: 'Patient[0].identifier_by_system."urn:cert"' }
        vaccine: { at: 'coding_by_system.vaccineCode."urn:gb"' }
        dose_number: { at: "protocolApplied[0].doseNumberPositiveInt" }
        occurrence_date: { at: occurrenceDateTime, form: ["%Y-%m-%d", "%Y-%m"] }
"""

PATIENT = {
    "resourceType": "Patient", "id": "p1", "name": [{"text": "赵小样"}], "birthDate": "2018-06-01",
    "identifier": [{"system": "urn:cert", "value": "9901"}, {"system": "urn:cert", "value": "2"}],
}  # fmt: skip


def household(*rows: str, code: str = "000", namespace: str | None = None) -> str:
    """A SOAP answer of the population service."""
    soap = namespace or "http://schemas.xmlsoap.org/soap/envelope/"
    return (
        f'<s:Envelope xmlns:s="{soap}"><s:Header/><s:Body><r:QueryResponse xmlns:r="urn:hukou">'
        f'<r:Code>{code}</r:Code><r:Result sj="20261124080000">{"".join(rows)}</r:Result>'
        "</r:QueryResponse></s:Body></s:Envelope>"
    )


ROW = (
    f"<r:Row><r:HH>1</r:HH><r:HJDXZ/><r:QFRQ>20180620</r:QFRQ><r:CY><r:CYXM>{NAME}</r:CYXM><r:CYXB>1</r:CYXB>"
    "<r:CYCSRQ>00000000</r:CYCSRQ></r:CY><r:CY><r:CYXM>𠮷·<!-- c -->买买提</r:CYXM><r:CYXB>8</r:CYXB></r:CY></r:Row>"
)


def bundle(*resources: object, following: str | None = None) -> str:
    """A searchset Bundle."""
    link = [{"relation": "next", "url": following}] if following else []
    entry = [{"resource": each} for each in resources]
    return json.dumps(
        {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entry},
        ensure_ascii=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A kind over HTTP with a manifest and a good answer."""

    manifest: str
    source: str
    resource: str
    good: bytes


DIALECTS = {
    "rest": Dialect(
        manifest=MANIFEST.replace("${PERMIT_URL}", "${URL}"), source="permit",
        resource="residence-permit.status", good=envelope(PERMIT),
    ),
    "soap": Dialect(
        manifest=SOAP, source="hukou", resource="hukou.household",
        good=http(household(ROW), type_="text/xml; charset=utf-8"),
    ),
    "fhir": Dialect(
        manifest=FHIR, source="immunization", resource="immunization.record",
        good=http(bundle(PATIENT), type_="application/fhir+json"),
    ),
}  # fmt: skip


def prepare(folder: Path) -> Path:
    """Put the WSDL where the SOAP manifest will look for it."""
    (folder / "sources").mkdir(exist_ok=True)
    (folder / "sources" / "hukou.wsdl").write_text(WSDL, encoding="utf-8")
    return folder
