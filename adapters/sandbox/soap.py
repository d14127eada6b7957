"""The envelope that the SOAP departments of one vendor's making answer in."""

from __future__ import annotations

from xml.sax.saxutils import escape

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


def envelope(content: str, charset: str) -> bytes:
    """`content` as the body of a message in `charset`."""
    return (
        f'<?xml version="1.0" encoding="{charset}"?>'
        f'<soapenv:Envelope xmlns:soapenv="{SOAP}"><soapenv:Body>{content}'
        "</soapenv:Body></soapenv:Envelope>"
    ).encode(charset)


def response(namespace: str, method: str, code: str, message: str, rows: str) -> str:
    """The body that says how a method went, with what it found."""
    return (
        f'<t:QueryResponse xmlns:t="{namespace}"><Method>{escape(method)}</Method>'
        f"<Code>{code}</Code><Message>{message}</Message><Result>{rows}</Result></t:QueryResponse>"
    )
