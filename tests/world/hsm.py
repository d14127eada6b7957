"""A key device in software: SoftHSM, with a token of this worker's own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from seals.devices import Slot

TOKEN, PIN = "mianti-test", "4711-0815"
_MODULES = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
    Path("/usr/local/lib/softhsm/libsofthsm2.so"),
)


@pytest.fixture(scope="session")
def device() -> Iterator[Path]:
    """The module of a token with the keys `p256` and `rsa`, twice 2048 bits."""
    module = next((each for each in _MODULES if each.exists()), None)
    program = shutil.which("softhsm2-util")
    if module is None or program is None:
        # SoftHSM is no wheel: where the machine has none, only this device goes untested.
        pytest.skip("no SoftHSM on this machine (Debian: softhsm2)")
    if importlib.util.find_spec("pkcs11") is None:
        pytest.skip("the extra pkcs11 is not installed")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tokens").mkdir()
        (folder / "conf").write_text(f"directories.tokendir = {folder}/tokens\n", encoding="ascii")
        os.environ["SOFTHSM2_CONF"] = str(folder / "conf")
        subprocess.run(
            [program, "--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", PIN],
            check=True,
            capture_output=True,
        )
        _fill(module)
        yield module


def slot(module: Path, label: str, pin: str = PIN) -> Slot:
    """Where that key is."""
    return Slot(module=module, token=TOKEN, label=label, pin=pin)


def _fill(module: Path) -> None:
    import pkcs11  # noqa: PLC0415  (an extra)
    from pkcs11.util.ec import encode_named_curve_parameters  # noqa: PLC0415  (as above)

    token = pkcs11.lib(str(module)).get_token(token_label=TOKEN)
    with token.open(user_pin=PIN, rw=True) as session:
        session.generate_keypair(pkcs11.KeyType.RSA, 2048, store=True, label="rsa")
        curve = encode_named_curve_parameters("secp256r1")
        parameters = session.create_domain_parameters(
            pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: curve}, local=True
        )
        parameters.generate_keypair(store=True, label="p256")
