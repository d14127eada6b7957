"""What can go wrong in the hub itself. HTTP statuses stand in `hub.http.problems` alone."""

from __future__ import annotations

from typing import ClassVar


class HubError(Exception):
    """Root of this room's errors."""

    code: ClassVar[str] = "hub.internal"
    origin: ClassVar[str] = "hub"
    retryable: ClassVar[bool] = False

    def __init__(self, why: str = "") -> None:
        self.why = why
        super().__init__(why)


class InvalidSettings(HubError):
    """The configuration cannot be used; every complaint names a setting, never its value."""

    code = "hub.invalid-settings"

    def __init__(self, complaints: tuple[str, ...]) -> None:
        self.complaints = complaints
        super().__init__("\n".join(complaints))


class MalformedRequest(HubError):
    """The body cannot be read, or can be read in two ways. `why` names the rule, never the body."""

    code = "hub.malformed-request"
    origin = "caller"


class TokenRefused(HubError):
    """The caller is not who it says, or no longer."""

    code = "hub.token-refused"
    origin = "caller"


class BundleNotAnalysed(HubError):
    """The bundle has no material list yet (尚未梳理)."""

    code = "hub.bundle-not-analysed"
    origin = "caller"


class UnknownReceipt(HubError):
    """No such receipt, or not one of this caller's."""

    code = "hub.unknown-receipt"
    origin = "caller"


class UnknownJob(HubError):
    """No such job, or not one of this caller's, or it has expired."""

    code = "hub.unknown-job"
    origin = "caller"


class UnknownCheck(HubError):
    """No such composite check, or none that this caller may see."""

    code = "hub.unknown-check"
    origin = "caller"


class CheckIncomplete(HubError):
    """Departments have not answered, and the delivery does not say that it goes without them."""

    code = "hub.check-incomplete"
    origin = "caller"

    def __init__(self, missing: tuple[str, ...]) -> None:
        self.missing = missing
        super().__init__("；".join(missing))


class CheckOver(HubError):
    """The check is delivered or withdrawn; nothing changes it any more."""

    code = "hub.check-over"
    origin = "caller"


class NotYourPart(HubError):
    """The part is another department's to answer, or is answered."""

    code = "hub.not-your-part"
    origin = "caller"


class DuplicateRequest(HubError):
    """The idempotency key came with another body, or its first use is still under way."""

    code = "hub.duplicate-request"
    origin = "caller"


class EvidenceUnavailable(HubError):
    """The log cannot be written: nothing may be disclosed."""

    code = "hub.evidence-unavailable"
    retryable = True


class CorruptLog(HubError):
    """What is stored does not fit the tree it was hashed into."""

    code = "hub.corrupt-log"


class KeyUnavailable(HubError):
    """A key is missing, damaged, or readable by others than us."""

    code = "hub.key-unavailable"


class CacheUnavailable(HubError):
    """The shared cache does not answer; what depends on it is refused, not waved through."""

    code = "hub.cache-unavailable"
    retryable = True


class UnknownTask(HubError):
    """No such task, or not one of this department's."""

    code = "hub.unknown-task"
    origin = "caller"


class TaskOver(HubError):
    """The task does not wait for this (any more); `why` is the state it is in."""

    code = "hub.task-over"
    origin = "caller"


class NotYourTask(HubError):
    """Four eyes: who typed an answer does not confirm it."""

    code = "hub.not-your-task"
    origin = "caller"


class AnswerRefused(HubError):
    """What a clerk typed cannot be read; `complaints` name the field and the rule, never a value."""

    code = "hub.answer-refused"
    origin = "caller"

    def __init__(self, complaints: tuple[str, ...]) -> None:
        self.complaints = complaints
        super().__init__("\n".join(complaints))


class HubLoop(HubError):
    """The question has passed this hub already: hubs ask each other in a circle."""

    code = "hub.loop"
    origin = "caller"


class TooManyHops(HubError):
    """The question has passed more hubs than this one goes along with."""

    code = "hub.too-many-hops"
    origin = "caller"


class UnknownQuery(HubError):
    """No deferred answer is kept under that id, or it is not this caller's."""

    code = "hub.unknown-query"
    origin = "caller"


class CallbackNotRegistered(HubError):
    """The callback's address is not registered for this caller."""

    code = "hub.callback-not-registered"
    origin = "caller"
