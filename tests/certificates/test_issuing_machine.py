"""Issues, crashes, resumptions, voids and replacements in any order: what must always hold."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from certificates.digests import sm3
from certificates.errors import CertificateError
from certificates.issuance import advance, issue, void
from certificates.issuing import Intent, Stage
from certificates.lifecycle import ENDED, Certificate, Lifecycle, Order
from certificates.preparing import Desk, Following, Request, begin
from certificates.register import MemoryRegister
from tests.certificates.test_issuance import Crash, Fuse, crashing
from tests.world.certificates import CLERK, TODAY, Clock, RealSealer, desk, request, values

KEYS = st.sampled_from([f"case-{n}" for n in range(6)])
FUSES = st.tuples(st.integers(1, 24), st.sampled_from(["before", "after"]))


class Issuing(RuleBasedStateMachine):
    """One desk, six cases, and a process that dies now and then."""

    @initialize()
    def open_(self) -> None:
        """Nothing yet."""
        self.register, self.sealer, self.clock = MemoryRegister(), RealSealer(), Clock()
        self.office = desk(register=self.register, sealer=self.sealer, clock=self.clock)
        self.seen: dict[str, Certificate] = {}

    @rule(key=KEYS, scope=st.sampled_from(["餐饮服务", "食品销售"]))
    def ask(self, key: str, scope: str) -> None:
        """A request from the beginning to the end."""
        with suppress(CertificateError):
            issue(wish(key, scope), self.office)

    @rule(key=KEYS, fuse=FUSES)
    def die(self, key: str, fuse: tuple[int, str]) -> None:
        """The process dies at some call, or comes through."""
        self.dying(wish(key), fuse)

    @rule(key=KEYS, fuse=FUSES, of=KEYS, following=st.sampled_from(Following))
    def die_replacing(self, key: str, fuse: tuple[int, str], of: str, following: Following) -> None:
        """The same with a certificate that follows another."""
        former = self.register.intent(of)
        if former is not None:
            self.dying(wish(key, replaces=former.identifier, following=following), fuse)

    def dying(self, asked: Request, fuse: tuple[int, str]) -> None:
        """One request over ports that die."""
        office: Desk = crashing(self.office, Fuse(left=fuse[0], when=fuse[1]))
        with suppress(CertificateError, Crash):
            issue(asked, office)

    @rule(key=KEYS)
    def prepare(self, key: str) -> None:
        """An intent, and no more."""
        with suppress(CertificateError):
            begin(wish(key), self.office)

    @rule(key=KEYS)
    def step(self, key: str) -> None:
        """One step of a case."""
        intent = self.register.intent(key)
        if intent is not None:
            with suppress(CertificateError):
                advance(intent, self.office)

    @rule(key=KEYS)
    def give_up(self, key: str) -> None:
        """Voided, unless it is recorded."""
        intent = self.register.intent(key)
        if intent is not None:
            with suppress(CertificateError):
                void(intent, self.office, "作废")

    @rule(key=KEYS)
    def cancel(self, key: str) -> None:
        """A recorded certificate ends."""
        self.clock.pass_(seconds=1)
        intent = self.register.intent(key)
        order = Order(by=CLERK, at=self.clock(), reason="注销", basis="条例")
        with suppress(CertificateError):
            if intent is not None:
                self.register.put(Lifecycle().cancel(self.register.get(intent.identifier), order))

    @property
    def intents(self) -> list[Intent]:
        """All of them."""
        if not hasattr(self, "register"):
            return []
        found = [self.register.intent(f"case-{n}") for n in range(6)]
        return [intent for intent in found if intent is not None]

    @invariant()
    def an_identifier_is_one_issues(self) -> None:
        """Whatever became of it."""
        assert max(Counter(i.identifier for i in self.intents).values(), default=1) == 1

    @invariant()
    def recorded_is_what_the_register_finds(self) -> None:
        """And nothing else; what is found proves itself."""
        for intent in self.intents:
            found = None
            with suppress(CertificateError):
                found = self.register.get(intent.identifier)
            assert (found is not None) == (intent.stage is Stage.RECORDED)
            if found is not None and intent.key not in self.seen:
                for name, digest in found.documents.items():
                    document = self.office.blobs.get(digest)
                    assert self.sealer.faults(document, name, found.data_digest) == ()
                self.seen[intent.key] = found

    @invariant()
    def nothing_is_sealed_that_was_not_intended(self) -> None:
        """Every document that ever met the seal is the draft of an intent."""
        drafts = {digest for intent in self.intents for digest in intent.drafts.values()}
        sealed = getattr(self, "sealer", RealSealer()).sealed
        assert {sm3(order.document) for order in sealed} <= drafts

    @invariant()
    def a_certificate_has_one_successor_at_most(self) -> None:
        """And whatever was followed counts no more."""
        followed = [i.certificate.predecessor for i in self.intents if i.stage is Stage.RECORDED]
        counts = Counter(identifier for identifier in followed if identifier)
        assert max(counts.values(), default=1) == 1
        for identifier in counts:
            assert self.register.get(identifier).decided(TODAY) in ENDED

    def teardown(self) -> None:
        """Everything that is left over can be brought to an end."""
        for intent in self.intents:
            if intent.stage not in {Stage.RECORDED, Stage.VOID}:
                assert void(intent, self.office, "收尾").stage is Stage.VOID
        if hasattr(self, "register"):
            assert not list(self.register.unfinished(self.clock() + timedelta(days=1)))


def wish(key: str, scope: str = "餐饮服务", **changes: object) -> Request:
    """A business licence."""
    asked = request(key=key, values=values("business-licence", scope=scope))
    return replace(asked, **changes)  # type: ignore[arg-type]  # a table of values


TestIssuing = Issuing.TestCase
TestIssuing.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
