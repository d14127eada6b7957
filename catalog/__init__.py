"""What exists and who answers for it, as one immutable value.

`load()` reads the national data of this package and the counties' folders, and gives a `Catalog`
or every complaint at once. The values are described in `catalog.model`; pure questions to them are
in `catalog.lookup`, identifiers with their check digits in `catalog.codes`, desk figures in
`catalog.figures`, the import of published lists in `catalog.importing`.

This room imports no other room, no web framework, no cryptography and no SQL. It never knows who
asks, whether they may, or whether a source is up.
"""

from __future__ import annotations

from catalog.codes import (
    CertificateIdentifier,
    certificate_id,
    citizen_id,
    citizen_id_from_15,
    new_certificate_id,
    parse_certificate_id,
    real_estate_unit,
    uscc,
)
from catalog.errors import (
    CatalogError,
    Complaint,
    InvalidCatalog,
    InvalidCode,
    InvalidList,
    InvalidPath,
    UnknownEntry,
)
from catalog.figures import Figures, Goals, Overview, Reached, by_county, of_bundle, overview
from catalog.live import LiveFigures, read_live
from catalog.loading import COUNTIES, NATIONAL, load
from catalog.lookup import (
    Exempting,
    FieldPath,
    bundle_of_item,
    county_of_item,
    exempting,
    needs,
    parse_path,
    sources_for,
    terms_of,
)
from catalog.model import (
    Analysis,
    Authority,
    Bundle,
    Catalog,
    CertificateType,
    Code,
    CodeTable,
    County,
    DataResource,
    ExemptWhen,
    FaceItem,
    Field,
    FieldType,
    FormField,
    ItemKind,
    LeftCode,
    Material,
    QueryKey,
    Sensitivity,
    ServiceItem,
    Sharing,
    SharingTerms,
    SourceBinding,
    Subject,
    SubjectKind,
)

__all__ = [
    "COUNTIES",
    "NATIONAL",
    "Analysis",
    "Authority",
    "Bundle",
    "Catalog",
    "CatalogError",
    "CertificateIdentifier",
    "CertificateType",
    "Code",
    "CodeTable",
    "Complaint",
    "County",
    "DataResource",
    "ExemptWhen",
    "Exempting",
    "FaceItem",
    "Field",
    "FieldPath",
    "FieldType",
    "Figures",
    "FormField",
    "Goals",
    "InvalidCatalog",
    "InvalidCode",
    "InvalidList",
    "InvalidPath",
    "ItemKind",
    "LeftCode",
    "LiveFigures",
    "Material",
    "Overview",
    "QueryKey",
    "Reached",
    "Sensitivity",
    "ServiceItem",
    "Sharing",
    "SharingTerms",
    "SourceBinding",
    "Subject",
    "SubjectKind",
    "UnknownEntry",
    "bundle_of_item",
    "by_county",
    "certificate_id",
    "citizen_id",
    "citizen_id_from_15",
    "county_of_item",
    "exempting",
    "load",
    "needs",
    "new_certificate_id",
    "of_bundle",
    "overview",
    "parse_certificate_id",
    "parse_path",
    "read_live",
    "real_estate_unit",
    "sources_for",
    "terms_of",
    "uscc",
]
