"""Why there is no template, or no drawing of a face."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from certificates.errors import CertificateError
from certificates.templates.model import Complaint


class TemplateError(CertificateError):
    """Root of what can go wrong with templates; all complaints at once."""

    code: ClassVar[str] = "certificates.template"
    origin: ClassVar[str] = "caller"

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("; ".join(f"{each.where} {each.rule}" for each in self.complaints))


class TemplateInvalid(TemplateError):
    """A file of templates that does not follow the grammar, or does not fit the catalog."""

    code = "certificates.template-invalid"
    origin = "hub"


class FaceRejected(TemplateError):
    """A face that cannot be painted with this template as it is."""

    code = "certificates.face-rejected"
