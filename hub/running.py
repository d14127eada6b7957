"""`mianti serve`: the hub, and beside it the sandbox where that is wanted."""

from __future__ import annotations

import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from hub import logs
from hub.app import now
from hub.errors import HubError
from hub.http.context import Context
from hub.model import Consumer
from hub.onboarding import apply_grants, new_client_key, read_grants, register_consumer
from hub.serving import HubServer, bind
from hub.settings import Configuration, read_configuration

START_SECONDS = 20


@contextmanager
def sandbox_process() -> Iterator[Mapping[str, str]]:
    """The simulated departments in a process of their own; gives what the manifests need of them.

    Raises:
        HubError: it did not start.
    """
    with tempfile.TemporaryDirectory(prefix="mianti-") as folder:
        path = Path(folder) / "environment"
        command = [sys.executable, "-m", "adapters.sandbox", "--with-parent"]
        command += ["--environment-file", str(path)]
        process = subprocess.Popen(command)  # noqa: S603  (our own module, fixed arguments)
        try:
            until = time.monotonic() + START_SECONDS
            while not path.exists():
                if process.poll() is not None or time.monotonic() > until:
                    raise HubError("sandbox-did-not-start")
                time.sleep(0.02)
            lines = path.read_text(encoding="utf-8").splitlines()
            yield dict(line.split("=", 1) for line in lines if "=" in line)
        finally:
            process.terminate()
            process.wait(timeout=10)


def admit_intake(context: Context, folder: Path) -> None:
    """Register the intake system of each county, with the grants of the county's example file.

    Only for the sandbox: in production an operator registers callers with their own public keys.
    """
    for county in context.catalog.counties.values():
        path = context.settings.counties_dir / county.id / "grants.yaml"
        if not path.exists():
            continue
        grants = read_grants(path, county.id, context.catalog)
        for client_id in sorted({grant.consumer for grant in grants}):
            consumer = Consumer(
                client_id=client_id,
                name=f"{county.name}综窗受理系统",
                authority=f"{county.id}/县行政审批和政务信息管理局",
                county=county.id,
                jwks=new_client_key(folder / f"{client_id}.jwk"),
            )
            register_consumer(context.database, context.evidence, consumer, now)
        apply_grants(context.database, context.evidence, grants, now)


def run(*, with_sandbox: bool, with_intake: bool) -> None:
    """Serve until a signal says stop."""
    logs.configure(sys.stderr)
    logs.quiet_libraries()
    configuration = read_configuration()
    if not with_sandbox:
        _serve(configuration, with_intake=with_intake, with_hints=False)
        return
    with sandbox_process() as environment:
        joined = replace(configuration, environment={**configuration.environment, **environment})
        _serve(joined, with_intake=with_intake, with_hints=True)


def _serve(configuration: Configuration, *, with_intake: bool, with_hints: bool) -> None:
    settings = configuration.settings
    listener = bind(settings.host, settings.port)

    def on_ready() -> None:
        # What stands now, stands until the process ends: catalog, routes, mappings. Left to the
        # collector, all of it would be looked through again and again while answers wait.
        gc.collect()
        gc.freeze()
        if with_hints:
            _print_what_to_try(settings.public_url, settings.data_dir)

    server = HubServer(configuration, on_ready)
    context: Context = server.config.app.state.context  # type: ignore[union-attr]
    if with_intake:
        admit_intake(context, settings.data_dir / "clients")
    server.serve_on(listener)


def _print_what_to_try(url: str, data_dir: Path) -> None:
    key = data_dir / "clients" / "xinxiang-intake.jwk"
    Console().print(
        f"""
[bold]免提 mianti 正在运行 / is running[/]

  接口文档 / API docs   {url}/docs
  目录 / catalog        curl -s {url}/v1/catalog/bundles/xinxiang-10
  令牌 / a token        TOKEN=$(mianti token --url {url} --client xinxiang-intake --key {key})
  查询 / a query        curl -s {url}/v1/queries -H "Authorization: Bearer $TOKEN" \\
                          -H 'Content-Type: application/json' -d @question.json

  Ctrl-C 停止 / stops it
""",
        highlight=False,
        soft_wrap=True,
    )
