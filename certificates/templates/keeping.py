"""A template as bytes, to be kept under their digest, and back.

What is kept is what is painted: lines, boxes, pictures, nothing of the grammar they came from. So a
certificate can be drawn again, for a copy of it, when the layouts have long changed.
"""

from __future__ import annotations

from functools import cache

from pydantic import TypeAdapter, ValidationError

from certificates.templates.errors import TemplateInvalid
from certificates.templates.model import Complaint, Template

MAX_BYTES = 32 * 1024 * 1024


@cache
def _form() -> TypeAdapter[Template]:
    """Built when first needed: it takes longer than reading any template."""
    return TypeAdapter(Template)


def kept(template: Template) -> bytes:
    """The template in JSON; the same bytes for the same template."""
    return _form().dump_json(template)


def read(content: bytes) -> Template:
    """The template that was kept.

    Raises:
        TemplateInvalid: These bytes are none, or not as `kept` writes them.
    """
    if len(content) > MAX_BYTES:
        raise _no_template()
    try:
        template = _form().validate_json(content)
    except ValidationError:
        raise _no_template() from None
    if kept(template) != content:
        raise _no_template()
    return template


def _no_template() -> TemplateInvalid:
    found = "不是保存的模板 / no template that was kept"
    return TemplateInvalid([Complaint(where="", rule="template", found=found)])
