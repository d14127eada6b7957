"""The last net: what nobody foresaw is a problem of ours, and not a word of it gets anywhere."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from starlette.types import Receive, Scope, Send

from hub import logs
from hub.http.middleware import Envelope
from hub.http.problems import Problem

NUMBER, NAME = "990101199001010019", "赵明示"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged meanwhile, by us and by libraries."""
    before = (list(logging.root.handlers), logging.root.level)
    file = io.StringIO()
    logs.configure(file)
    structlog.configure(cache_logger_on_first_use=False)
    logging.root.handlers = [logs.Foreign()]
    yield file
    logging.root.handlers, logging.root.level = before
    structlog.reset_defaults()


async def answer_of(app: Any) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of one request to `app` behind the envelope."""
    scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await Envelope(app, max_body_bytes=1000, receive_seconds=1)(scope, receive, send)
    start, *bodies = sent
    return start["status"], dict(start["headers"]), b"".join(each["body"] for each in bodies)


FAILURES = {
    "of a value": ValueError(f"{NUMBER} is not {NAME}"),
    "of a key": KeyError(NUMBER),
    "without words": RuntimeError(),
    "of the machine": OSError(28, "No space left", f"/var/{NUMBER}"),
    "of the stack": RecursionError(NAME),
}


@pytest.mark.anyio
@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
async def test_what_nobody_foresaw_is_a_problem_without_words(
    lines: io.StringIO, failure: Exception
) -> None:
    """A trace for the caller, a type and a place for us, and nothing of the message."""

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise failure

    status, headers, body = await answer_of(app)
    problem = Problem.model_validate_json(body)

    assert (status, problem.code, problem.origin) == (500, "hub.internal", "hub")
    assert headers[b"exchange-error"] == b"hub.internal"
    assert problem.trace.encode() in headers[b"traceparent"]
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    internal = next(line for line in told if line["event"] == "internal")
    assert internal["error"] == type(failure).__name__
    assert internal["where"].startswith("test_envelope.py:")
    assert internal["trace"] == problem.trace
    assert [word for word in (NUMBER, NAME) if word in body.decode() + lines.getvalue()] == []


@pytest.mark.anyio
async def test_a_failure_after_the_answer_began_says_nothing_more(lines: io.StringIO) -> None:
    """The caller sees an answer cut off; it is not followed by another one."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise ValueError(NUMBER)

    status, _, body = await answer_of(app)

    assert (status, body) == (200, b"{")
    assert NUMBER not in lines.getvalue()


def _raise() -> None:
    raise ValueError(NUMBER)


@pytest.mark.parametrize("message", [NUMBER, f"GET /people?id={NUMBER} %s", "%s"])
def test_libraries_are_heard_without_their_words(lines: io.StringIO, message: str) -> None:
    """Who spoke, from where, and which type of exception; neither text, arguments nor traceback."""
    speaker = logging.getLogger("some.library")
    try:
        _raise()
    except ValueError:
        speaker.warning(message, *([NAME] if "%" in message else []), exc_info=sys.exc_info())
    (line,) = [json.loads(each) for each in lines.getvalue().splitlines()]

    assert (line["event"], line["level"], line["logger"]) == ("library", "warning", "some.library")
    assert line["error"] == "ValueError"
    assert line["where"].startswith("test_envelope.py:")
    assert [word for word in (NUMBER, NAME, "Traceback") if word in lines.getvalue()] == []


def test_a_value_under_an_unknown_key_is_not_written(lines: io.StringIO) -> None:
    """The redactor denies by default."""
    structlog.get_logger().info("asked", source="hukou", subject=NUMBER, name=NAME)
    line = json.loads(lines.getvalue())

    assert (line["source"], line["subject"], line["name"]) == ("hukou", "…", "…")
