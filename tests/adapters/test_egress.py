"""Where the hub may connect to: names lead to public and to listed addresses, checked and pinned."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from pathlib import Path

import aiohttp
import pytest

from adapters.egress import allowed, forbidden
from adapters.errors import InvalidManifest, SourceUnavailable
from adapters.model import Outcome, SourceReply
from adapters.ports import Surroundings
from adapters.registry import connect
from adapters.resolving import GuardedResolver
from tests.adapters.servers import says, serve
from tests.adapters.small import CATALOG, COUNTY, call, now, write
from tests.adapters.test_rest import MANIFEST, PERMIT, envelope

pytestmark = pytest.mark.anyio
NETWORKS = (ip_network("10.20.0.0/16"), ip_network("fd12::/16"))

ADDRESSES: dict[str, bool] = {
    "8.8.8.8": True,
    "2606:4700::1111": True,
    "10.20.3.4": True,
    "::ffff:10.20.3.4": True,
    "fd12::5": True,
    "10.21.0.1": False,
    "172.16.0.1": False,
    "192.168.1.1": False,
    "127.0.0.1": False,
    "127.8.8.8": False,
    "::1": False,
    "::ffff:127.0.0.1": False,
    "64:ff9b::7f00:1": False,
    "2002:7f00:1::": False,
    "100.64.0.1": False,
    "0.0.0.0": False,
    "::": False,
    "169.254.169.254": False,
    "100.100.100.200": False,
    "fd00:ec2::254": False,
    "fe80::1": False,
    "224.0.0.1": False,
    "255.255.255.255": False,
    "fd13::5": False,
    "198.18.0.1": False,
}


@pytest.mark.parametrize("text", ADDRESSES)
async def test_where_a_name_may_lead(text: str) -> None:
    """Public addresses and those of the listed networks; IPv4 inside IPv6 is seen through."""
    assert allowed(ip_address(text), NETWORKS) is ADDRESSES[text]


@pytest.mark.parametrize("text", ["169.254.169.254", "fe80::1", "0.0.0.0", "100.100.100.200"])
async def test_some_places_no_list_opens(text: str) -> None:
    """Link-local and metadata addresses stay closed where everything is listed."""
    everything = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    assert not allowed(ip_address(text), everything)
    assert allowed(ip_address("10.0.0.1"), everything)


WRITTEN = {
    "http://169.254.169.254/latest": True,
    "http://[fe80::1%25eth0]:80/": True,
    "http://[::ffff:169.254.169.254]/": True,
    "http://0.0.0.0:80": True,
    "http://127.0.0.1:9/x": False,
    "http://10.0.0.1": False,
    "http://[::1]:8080/": False,
    "https://department.example/x": False,
    "http://[broken": False,
}


@pytest.mark.parametrize("url", WRITTEN)
async def test_what_may_be_written(url: str) -> None:
    """Loopback and private literals are the operator's own word; metadata addresses are not."""
    assert forbidden(url) is WRITTEN[url]


async def asked(
    folder: Path, url: str, more: str = "", surroundings: Surroundings | None = None
) -> SourceReply:
    """The usual question to the residence permits at `url`."""
    manifest = MANIFEST.replace("timeout: 2s", f"timeout: 2s\n{more}")
    county = connect(
        write(folder, permit=manifest), county=COUNTY, catalog=CATALOG, now=now,
        environment={"PERMIT_URL": url, "NETS": "192.0.2.0/24, 127.0.0.0/8"},
        surroundings=surroundings,
    )  # fmt: skip
    reply = await county.sources["permit"].answer(call("residence-permit.status"), within=3)
    await county.aclose()
    return reply


# What a resolver takes for 127.0.0.1 and is no literal address: a name that needs no name server.
NAME = "0x7f.1"


@pytest.mark.parametrize("name", [NAME, "0x7f000001"])
async def test_a_name_that_leads_home_is_refused_before_connecting(
    tmp_path: Path, name: str
) -> None:
    """Nobody is connected to, and the source is told to be out of reach, without its address."""
    async with serve(says(envelope(PERMIT))) as server:
        reply = await asked(tmp_path, server.url.replace("127.0.0.1", name))
        assert server.connections == 0
    assert (reply.outcome, reply.why) == (Outcome.UNREACHABLE, "rest.address-refused")


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0177.0.0.1", "127.0.0.1."])
async def test_no_odd_spelling_gets_home(tmp_path: Path, host: str) -> None:
    """However loopback is spelt, whoever did not write it plainly does not reach it."""
    async with serve(says(envelope(PERMIT))) as server:
        reply = await asked(tmp_path, server.url.replace("127.0.0.1", host))
        assert server.connections == 0
    assert reply.outcome in {Outcome.UNREACHABLE, Outcome.FAILED}


ALLOWING = {
    "in the manifest": ("  allow_networks: [127.0.0.0/8]", None),
    "from a variable": ("  allow_networks: ['${NETS}']", None),
    "for the whole hub": ("", Surroundings(allow_networks=(ip_network("127.0.0.0/8"),))),
}


@pytest.mark.parametrize("name", ALLOWING)
async def test_a_listed_network_is_open(tmp_path: Path, name: str) -> None:
    """The operator lists the department's network, and its name works."""
    more, surroundings = ALLOWING[name]
    async with serve(says(envelope(PERMIT))) as server:
        url = server.url.replace("127.0.0.1", NAME)
        reply = await asked(tmp_path, url, more, surroundings)
    assert reply.outcome is Outcome.ANSWERED


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_the_operators_own_word_needs_no_list(tmp_path: Path, host: str) -> None:
    """A literal address and `localhost` are connected to as they stand."""
    async with serve(says(envelope(PERMIT))) as server:
        reply = await asked(tmp_path, server.url.replace("127.0.0.1", host))
    assert reply.outcome is Outcome.ANSWERED


async def test_a_name_that_does_not_exist_is_unreachable(tmp_path: Path) -> None:
    """As before: no address, no connection, no odd error."""
    reply = await asked(tmp_path, "http://no-such-host.invalid")
    assert (reply.outcome, reply.why) == (Outcome.UNREACHABLE, "rest.connect")


WRONG = {
    "a metadata address": ("${PERMIT_URL}", "http://169.254.169.254/x", "value"),
    "no network": ("timeout: 2s", "allow_networks: [department]", "value"),
    "host bits": ("timeout: 2s", "allow_networks: [10.0.0.1/8]", "value"),
    "a number": ("timeout: 2s", "allow_networks: [10]", "value"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_is_a_complaint(tmp_path: Path, name: str) -> None:
    """At start, on its line; nothing is connected."""
    old, new, rule = WRONG[name]
    folder = write(tmp_path, permit=MANIFEST.replace(old, new))
    environment = {"PERMIT_URL": "http://127.0.0.1:9"}
    with pytest.raises(InvalidManifest) as caught:
        connect(folder, county=COUNTY, catalog=CATALOG, now=now, environment=environment)
    assert [complaint.rule for complaint in caught.value.complaints] == [rule]


class Rebinding:
    """A name server that gives one answer to the check and another to whoever asks again."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, _host: str, _port: int) -> Iterable[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    """The name server is asked once; its second answer, where nobody listens, is never heard."""
    names = Rebinding(["127.0.0.1"], ["127.0.0.2"])
    resolver = GuardedResolver((ip_network("127.0.0.1/32"),), names)
    async with serve(says(envelope(PERMIT))) as server:
        connector = aiohttp.TCPConnector(resolver=resolver)
        async with aiohttp.ClientSession(connector=connector) as session:
            url = server.url.replace("127.0.0.1", "department.example")
            async with session.get(url) as response:
                assert response.status == 200
    assert names.asked == 1
    assert server.requests[0].headers["host"].startswith("department.example")


async def test_a_name_that_moved_is_refused_when_it_is_asked_again() -> None:
    """The guard judges each answer anew."""
    resolver = GuardedResolver((), Rebinding(["8.8.8.8"], ["127.0.0.1"]))
    assert [each["host"] for each in await resolver.resolve("d.example", 80)] == ["8.8.8.8"]
    with pytest.raises(SourceUnavailable, match="address-refused"):
        await resolver.resolve("d.example", 80)


MIXED = {
    "one of two": ["8.8.8.8", "10.0.0.1"],
    "the other of two": ["10.0.0.1", "8.8.8.8"],
    "of both families": ["2606:4700::1111", "::1"],
    "with a zone": ["fe80::1%eth0"],
}


@pytest.mark.parametrize("name", MIXED)
async def test_one_bad_address_spoils_the_answer(name: str) -> None:
    """Otherwise the bad one would be the next to be tried."""
    with pytest.raises(SourceUnavailable, match="address-refused"):
        await GuardedResolver((), Rebinding(MIXED[name])).resolve("d.example", 80)


async def test_both_families_are_given_once_each() -> None:
    """As the library wants them."""
    names = Rebinding(["8.8.8.8", "8.8.8.8", "2606:4700::1111"])
    found = await GuardedResolver((), names).resolve("d.example", 443)
    assert [(each["host"], each["family"]) for each in found] == [
        ("8.8.8.8", socket.AF_INET), ("2606:4700::1111", socket.AF_INET6),
    ]  # fmt: skip
    assert {each["port"] for each in found} == {443}


async def test_many_at_once_are_all_refused(tmp_path: Path) -> None:
    """Calls that wait for one resolution are all told, and none hangs."""
    async with serve(says(envelope(PERMIT))) as server:
        url = server.url.replace("127.0.0.1", NAME)
        manifest = MANIFEST.replace("timeout: 2s", "timeout: 2s\nbreaker: { failures: 100 }")
        county = connect(
            write(tmp_path, permit=manifest), county=COUNTY, catalog=CATALOG, now=now,
            environment={"PERMIT_URL": url},
        )  # fmt: skip
        replies = await asyncio.gather(
            *(county.sources["permit"].answer(call("residence-permit.status"), within=3)
              for _ in range(20))
        )  # fmt: skip
        await county.aclose()
    assert {reply.why for reply in replies} == {"rest.address-refused"}
    assert server.connections == 0
