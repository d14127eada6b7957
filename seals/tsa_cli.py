"""`mianti seals tsa …`: a small timestamp authority, and a timestamp for a file."""

from __future__ import annotations

import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from seals import keyfiles
from seals.terminal import PasswordFile, password, read_file, told
from seals.tsa import POLICY, TSA
from seals.tsa_serving import listening
from seals.x509 import MAX_BUNDLE, read_bundle

app = typer.Typer(no_args_is_help=True, help="时间戳机构 a timestamp authority")


@app.callback()
def _several() -> None:
    """Verbs may be added."""


@app.command("serve")
def serve(
    key: Annotated[Path, typer.Option(help="密钥文件 its key file")],
    certificate: Annotated[
        Path,
        typer.Option(help="时间戳数字证书，其后可有上级 its X.509 certificate, then those above"),
    ],
    host: Annotated[
        str, typer.Option(help="监听地址，默认只有本机 where to listen; this machine alone")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="端口，0 为任选 0 for any")] = 8318,
    policy: Annotated[str, typer.Option(help="时间戳策略 OID its policy")] = POLICY,
    password_file: PasswordFile = None,
) -> None:
    """时间戳服务（RFC 3161，HTTP），用于沙箱和内网；TLS 由前置代理负责 serve timestamps until stopped."""
    with told():
        keyfiles.no_dumps()
        chain = tuple(each.der for each in read_bundle(read_file(certificate, MAX_BUNDLE)))
        own = replace(keyfiles.load(key, password(password_file)), chain=chain)
        with listening(TSA(key=own, policy=policy), host, port) as url:
            typer.echo(f"✔ {url}  {own.algorithm}")
            _until_stopped()


def _until_stopped() -> None:
    stopped = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stopped.set())
    stopped.wait()
