"""A key device in software: SoftHSM, with a token of this worker's own."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pkcs11
import pytest
from pkcs11.util.ec import encode_named_curve_parameters

from seals.devices import Slot
from tests.world.debian import missing
from tests.world.services import without

PROGRAM = "softhsm2-util"
TOKEN, PIN = "mianti-test", "4711-0815"
_MODULES = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
    Path("/usr/local/lib/softhsm/libsofthsm2.so"),
)


@pytest.fixture(scope="session")
def device() -> Iterator[Path]:
    """The module of a token with the keys `p256` and `rsa`, twice 2048 bits."""
    if problem := missing(PROGRAM, "softhsm2"):
        without(problem)
    module = next((each for each in _MODULES if each.exists()), None)
    if module is None:
        without("softhsm2-util is here and its module is not where Debian has it")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tokens").mkdir()
        (folder / "conf").write_text(f"directories.tokendir = {folder}/tokens\n", encoding="ascii")
        os.environ["SOFTHSM2_CONF"] = str(folder / "conf")
        subprocess.run(
            [PROGRAM, "--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", PIN],
            check=True,
            capture_output=True,
        )
        _fill(module)
        yield module


def slot(module: Path, label: str, pin: str = PIN) -> Slot:
    """Where that key is."""
    return Slot(module=module, token=TOKEN, label=label, pin=pin)


def _fill(module: Path) -> None:
    token = pkcs11.lib(str(module)).get_token(token_label=TOKEN)
    with token.open(user_pin=PIN, rw=True) as session:
        session.generate_keypair(pkcs11.KeyType.RSA, 2048, store=True, label="rsa")
        curve = encode_named_curve_parameters("secp256r1")
        parameters = session.create_domain_parameters(
            pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: curve}, local=True
        )
        parameters.generate_keypair(store=True, label="p256")
