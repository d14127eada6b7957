"""The other end of an enveloped source: what is played to it has to be sealed and signed first.

Its keys are made up for each run, and the source under test is given the matching ones; names,
modes and encodings stay those of the manifest. Samples hold what was in the envelope, so that a
case can change it, and what comes out of here is what travels.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from pydantic import SecretStr

from adapters.conformance.cases import Case, Expect, outcome
from adapters.conformance.specimens import dumped
from adapters.conformance.wires import Answers, Made, each, rewritten
from adapters.envelope import Envelope, SMEnvelopeAuth, compact, key_pair, ordered
from adapters.kinds import Now
from adapters.model import Outcome

FAILED = outcome(Outcome.FAILED, records=0)
_DATA_BODIES: Mapping[str, str] = {
    "html": "<html>系统维护</html>", "half": '{"a": [1, 2', "nan": '{"a": NaN}', "nothing": "",
    "deep": "[" * 100_000 + "]" * 100_000, "text": '"x"', "list": "[]", "null": "null",
}  # fmt: skip


class Platform:
    """Seals and signs as the manifest says the platform does."""

    def __init__(self, terms: SMEnvelopeAuth, now: Now) -> None:
        """Args:
        terms: The manifest's; its keys may be placeholders.
        now: UTC.
        """
        self._now, self._names = now, terms.names
        (ours, ours_public), (theirs, theirs_public) = key_pair(), key_pair()
        shared = terms.model_copy(
            update={
                "app_id": "conformance-kit-1",
                "app_secret": SecretStr(secrets.token_hex(16)),
                "sm4_key": SecretStr(secrets.token_hex(16)),
                "iv": SecretStr(secrets.token_hex(16)) if terms.iv is not None else None,
            }
        )
        self.terms: SMEnvelopeAuth = _between(shared, ours, theirs_public)
        """For the source under test."""
        self._own = _between(shared, theirs, ours_public)

    def sealed(self, text: str) -> str:
        """What travels of an opened message."""
        return self._message(text)

    def cases(self, good: Answers, made: Made, unchanged: Expect) -> Iterator[Case]:
        """The cases about the envelope itself.

        Args:
            good: The responses, opened.
            made: Makes a case of an id, responses and an expectation.
            unchanged: The expectation that all is as in the sample.
        """
        for what, way in self._ways().items():
            changed = each(good, partial(rewritten, change=way.change))
            yield made(f"sealed/{what}", changed, unchanged if way.sound else FAILED)

    def _ways(self) -> Mapping[str, _Way]:
        names = self._names
        late = timedelta(seconds=self._own.max_skew + 60)
        form = "der" if self._own.signature == "raw" else "raw"
        return {
            "signed-in-order": _Way(lambda t: self._message(t, shape=_in_order), sound=True),
            "signature-in-the-other-form": _Way(self._with(signature=form), sound=True),
            "in-clear-and-signed": _Way(self._in_clear, sound=True),
            "unsigned": _Way(self._turned(lambda m: m.pop(names.sign_data))),
            "opened-and-unsigned": _Way(lambda t: t),
            "signature-blank": _Way(self._turned(lambda m: m.update({names.sign_data: ""}))),
            "signature-of-zeros": _Way(
                self._turned(lambda m: m.update({names.sign_data: "A" * 86 + "=="}))
            ),
            "signature-of-another": _Way(self._with(private_key=key_pair()[0])),
            "signature-of-something-else": _Way(lambda t: self._message(t, shape=lambda _: "{}")),
            "field-added": _Way(self._turned(lambda m: m.update({"mianti_extra": "1"}))),
            "sealed-with-another-key": _Way(self._with(sm4_key=SecretStr("5a" * 16))),
            "sealed-is-no-ciphertext": _Way(self._turned(lambda m: m.update({names.enc_data: "张"}))),
            "sealed-is-missing": _Way(self._turned(lambda m: m.pop(names.enc_data))),
            "from-the-past": _Way(lambda t: self._message(t, by=-late)),
            "from-the-future": _Way(lambda t: self._message(t, by=late)),
            **{f"inside-{what}": _Way(self._with(data=data)) for what, data in _DATA_BODIES.items()},
        }  # fmt: skip

    def _message(
        self,
        text: str,
        *,
        data: str | None = None,
        shape: Callable[[str], str] = str,
        by: timedelta = timedelta(0),
        **terms: Any,
    ) -> str:
        """A message from the platform.

        Args:
            text: The opened message.
            data: Instead of what is in it.
            shape: How the data is written where it is signed.
            by: How far its clock is from ours.
            terms: Instead of those agreed on.
        """
        fields = json.loads(text)
        inside = dumped(fields.pop(self._names.data, None)) if data is None else data
        end = Envelope(self._own.model_copy(update=terms), lambda: self._now() + by)
        if self._names.timestamp in fields:
            fields[self._names.timestamp] = end.time()
        return end.message(fields, inside, signed=shape(inside)).decode()

    def _with(self, **terms: Any) -> Callable[[str], str]:
        return lambda text: self._message(text, **terms)

    def _turned(self, change: Callable[[dict[str, Any]], object]) -> Callable[[str], str]:
        """A right message, and something done to it on its way."""

        def turned(text: str) -> str:
            message = json.loads(self._message(text))
            change(message)
            return json.dumps(message)

        return turned

    def _in_clear(self, text: str) -> str:
        data = json.loads(text)[self._names.data]
        message = json.loads(self._message(text, data=compact(data)))
        del message[self._names.enc_data]
        return dumped({**message, self._names.data: data})


@dataclass(frozen=True, slots=True)
class _Way:
    """One way a message may be."""

    change: Callable[[str], str]
    sound: bool = False


def _in_order(data: str) -> str:
    return compact(ordered(json.loads(data)))


def _between(terms: SMEnvelopeAuth, private: SecretStr, public: SecretStr) -> SMEnvelopeAuth:
    """The terms of one end: its own key, and the other's public one."""
    return terms.model_copy(update={"private_key": private, "platform_key": public})
