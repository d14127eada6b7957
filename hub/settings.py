"""What is configured, read once. This module alone looks at the process environment.

Each setting is an environment variable `MIANTI_<NAME>`, or a line of the TOML file named by
`MIANTI_CONFIG`. What a source manifest calls `${NAME}` comes from the same environment.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from adapters.values import parsed_networks
from catalog.loading import COUNTIES
from hub.errors import InvalidSettings


class Settings(BaseSettings):
    """All settings, with the embedded defaults: SQLite, in-process cache, files below `var/`."""

    model_config = SettingsConfigDict(
        env_prefix="MIANTI_", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    data_dir: Path = Path("var/hub")
    """Where the embedded database and the keys live."""
    database_url: str = Field(default="", repr=False)
    """SQLAlchemy address; empty: SQLite in `data_dir`. It may hold a password and is never shown."""
    cache_url: str = Field(default="", repr=False)
    """Redis protocol address for spent tokens and limits; empty: in this process. It may
    hold a password and is never shown."""
    counties_dir: Path = COUNTIES
    """The folder of counties: `deploy/counties` where one stands, else the one beside the program."""
    counties: str = ""
    """Comma-separated county folders to serve; empty: all that are there."""
    host: str = "127.0.0.1"
    port: int = Field(default=8600, ge=0, le=65535)
    """0: any free port."""
    public_url: str = "http://127.0.0.1:8600"
    """The hub's own address: issuer of tokens and origin of the evidence log."""
    token_seconds: int = Field(default=600, ge=60, le=3600)
    """Life of an access token."""
    assertion_seconds: int = Field(default=60, ge=10, le=300)
    """The longest life accepted of a client assertion (RFC 7523 §3)."""
    clock_skew_seconds: int = Field(default=5, ge=0, le=60)
    max_body_bytes: int = Field(default=1 << 20, ge=1 << 10)
    receive_seconds: float = Field(default=10.0, ge=0.1, le=300.0)
    """How long a caller may take to send the head of a request, and to send its body."""
    max_batch_bytes: int = Field(default=64 << 20, ge=1 << 10)
    """Largest body of `POST /v1/queries:batch`; its rows are put away as they come in."""
    batch_hours: int = Field(default=72, ge=1, le=720)
    """How long rows and outcomes of a batch are kept."""
    batch_lanes: int = Field(default=2, ge=1, le=32)
    """Chunks of batches that this process works off at a time."""
    batch_lease_seconds: int = Field(default=30, ge=1, le=600)
    """How long a chunk waits for a process that was killed before another takes it over."""
    check_days: int = Field(default=5, ge=1, le=90)
    """In how many days the departments of a composite check have to answer, where it does not say."""
    predicate_thresholds: int = Field(default=3, ge=1, le=1000)
    """Different thresholds a caller may be told of one value of one subject in a window."""
    predicate_window_days: int = Field(default=30, ge=1, le=3660)
    deferred_days: int = Field(default=7, ge=1, le=366)
    """How long a deferred answer is kept after its last task is due."""
    task_days: int = Field(default=30, ge=1, le=366)
    """How long after its end a clerk's task keeps whom it was about and what was typed."""
    source_networks: str = ""
    """Comma-separated private networks that the names of sources may lead to, such as
    `10.20.0.0/16,172.16.0.0/12`; literal addresses in manifests need none."""
    max_hops: int = Field(default=3, ge=0, le=16)
    """Hubs that a question may have passed before it comes to this one."""
    deadline_reserve_ms: int = Field(default=25, ge=1, le=1000)
    """Kept back from a caller's deadline for assembling the answer and for the evidence log."""
    grants_refresh_seconds: float = Field(default=1.0, ge=0.0, le=60.0)
    """How long a withdrawn grant or a suspended caller may still be honoured by this process."""
    seals_bureau: str = ""
    """The organisation that makes and files all seals; empty: none are made here."""
    seals_key: str = ""
    """The key file, or the description of a device or service, that `mianti seal` signs with."""
    idempotency_hours: int = Field(default=24, ge=1, le=168)

    @field_validator("source_networks")
    @classmethod
    def _networks(cls, value: str) -> str:
        parsed_networks((value,))
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  (the library's signature)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (see above)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (see above)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Explicit values, then the environment. No dot files are picked up from where we stand."""
        return (init_settings, env_settings)

    @property
    def database(self) -> str:
        """The database's address, with the embedded default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir / 'hub.sqlite3'}"

    @property
    def county_ids(self) -> frozenset[str] | None:
        """The counties to serve; None: all."""
        names = frozenset(part.strip() for part in self.counties.split(",") if part.strip())
        return names or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The settings, and the environment that source manifests draw from."""

    settings: Settings
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_configuration() -> Configuration:
    """Read the environment once.

    Raises:
        InvalidSettings: with every complaint, naming the variable, never its value.
    """
    environment = dict(os.environ)
    given: dict[str, object] = {}
    config_file = environment.pop("MIANTI_CONFIG", "")
    if config_file:
        try:
            given = tomllib.loads(Path(config_file).read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise InvalidSettings((f"MIANTI_CONFIG: {type(problem).__name__}",)) from problem
    present = {name.upper() for name in environment}
    # An environment variable wins over the file: it is what an operator changes in a hurry.
    given = {k: v for k, v in given.items() if f"MIANTI_{k.upper()}" not in present}
    known = {f"MIANTI_{name.upper()}" for name in Settings.model_fields}
    complaints = [
        f"{name}: no such setting" for name in sorted(present - known) if name.startswith("MIANTI_")
    ]
    try:
        settings = Settings(**given)  # type: ignore[arg-type]
    except ValidationError as problem:
        complaints += [
            f"MIANTI_{'_'.join(str(p) for p in e['loc']).upper()}: {e['msg']}"
            for e in problem.errors(include_input=False, include_url=False)
        ]
        raise InvalidSettings(tuple(complaints)) from problem
    if complaints:
        raise InvalidSettings(tuple(complaints))
    return Configuration(settings=settings, environment=environment)
