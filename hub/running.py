"""`mianti serve`: the hub, and beside it the sandbox where that is wanted."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from hub import logs
from hub.app import now
from hub.city import City, city_hub
from hub.http.context import Context
from hub.model import Consumer
from hub.onboarding import apply_grants, new_client_key, read_grants, register_consumer
from hub.processes import sandbox_process
from hub.serving import HubServer, bind
from hub.settings import Configuration, read_configuration

DESK_SUFFIX = "-desk"
"""How the ids of the callers end that speak for clerks."""


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


def admit_desks(context: Context, folder: Path) -> None:
    """Register, for each source that clerks answer for, a caller of its department. Only for the
    sandbox, as above.
    """
    authorities = {(b.county, b.source): b.authority for b in context.catalog.bindings}
    for (county, source), connected in context.sources.items():
        if connected.status().kind != "manual":
            continue
        client_id = f"{county}-{source}{DESK_SUFFIX}"
        authority = authorities[county, source]
        consumer = Consumer(
            client_id=client_id,
            name=f"{authority.partition('/')[2]}经办人",
            authority=authority,
            county=county,
            jwks=new_client_key(folder / f"{client_id}.jwk"),
        )
        register_consumer(context.database, context.evidence, consumer, now)


def run(*, with_sandbox: bool, with_intake: bool, with_parent: bool) -> None:
    """Serve until a signal says stop, or until whoever started us is gone where that is wanted."""
    if with_parent:
        _end_with(os.getppid())
    logs.configure(sys.stderr)
    logs.quiet_libraries()
    configuration = read_configuration()
    if not with_sandbox:
        _serve(configuration, with_intake=with_intake, city=None)
        return
    settings = configuration.settings
    folder = settings.data_dir / "city"
    shutil.rmtree(folder, ignore_errors=True)  # its sandbox is gone, and so are its callers
    with sandbox_process() as sandbox, city_hub(folder, settings.counties_dir, sandbox) as city:
        known = {**configuration.environment, **city.variables}
        _serve(replace(configuration, environment=known), with_intake=with_intake, city=city)


def _end_with(parent: int) -> None:
    """Tell ourselves to stop when the parent has become another one."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _serve(configuration: Configuration, *, with_intake: bool, city: City | None) -> None:
    settings = configuration.settings
    listener = bind(settings.host, settings.port)

    def on_ready() -> None:
        # What stands now, stands until the process ends: catalog, routes, mappings. Left to the
        # collector, all of it would be looked through again and again while answers wait.
        gc.collect()
        gc.freeze()
        if city is not None:
            _print_what_to_try(settings.public_url, settings.data_dir)

    server = HubServer(configuration, on_ready)
    context: Context = server.config.app.state.context  # type: ignore[union-attr]
    if with_intake:
        admit_intake(context, settings.data_dir / "clients")
        admit_desks(context, settings.data_dir / "clients")
    if city is not None:
        city.ready()
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
