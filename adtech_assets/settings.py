"""What can be set, from the environment or from `.env` in the project folder."""

from __future__ import annotations

import os
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from adtech_assets.errors import UserError

PROJECT_DIR = Path(__file__).resolve().parent.parent
"""The clone: `.env`, the dbt project and the Dagster configuration lie here."""

ALL_USER_AGENTS = "*"


class Settings(BaseSettings):
    """Settings in force. Each field `x` is read from `ADTECH_X`.

    Relative folders are taken from the project folder, not from where a command happens to be
    started: a cron job must find the same state as a person.
    """

    model_config = SettingsConfigDict(
        env_prefix="ADTECH_", env_file=PROJECT_DIR / ".env", extra="ignore", frozen=True
    )

    raw_data_dir: Path = Field(Path("raw_data"), description="landing folder of the log files")
    output_dir: Path = Field(Path("output"), description="daily CSV files")
    data_dir: Path = Field(
        Path("data"),
        description="warehouse, archive, quarantine, embedded Postgres, exports, Dagster storage",
    )
    source_database_url: SecretStr | None = Field(
        None, description="operational Postgres; none: embedded, database `operational`"
    )
    target_database_url: SecretStr | None = Field(
        None, description="Postgres of the audited table and the marts; none: embedded, `analytics`"
    )
    user_agent: str = Field(
        "some user agent", description="user agent of the CSV and of csv_data_task; `*` counts all"
    )
    start_date: date = Field(date(2022, 5, 25), description="first day of the partitions")
    timezone: str = Field(
        "Europe/Copenhagen", description="time zone of the feed and of the schedule"
    )
    processed_files: Literal["archive", "delete", "keep"] = Field(
        "archive", description="what becomes of log files once their day is loaded"
    )
    settle_seconds: float = Field(
        5, ge=0, description="a file changed within this many seconds may still be being written"
    )
    lookback_days: int = Field(3, ge=1, le=366, description="days that the schedule loads again")

    @field_validator("raw_data_dir", "output_dir", "data_dir")
    @classmethod
    def _absolute(cls, folder: Path) -> Path:
        return (PROJECT_DIR / folder.expanduser()).resolve()

    @field_validator("source_database_url", "target_database_url", mode="before")
    @classmethod
    def _postgres_url(cls, url: object) -> object:
        if url in (None, ""):
            return None
        if urlsplit(str(url)).scheme.split("+")[0] not in ("postgresql", "postgres"):
            raise ValueError("must look like postgresql://user:password@host:5432/database")
        return url

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError("is not a time zone; write it like Europe/Copenhagen")
        return name

    @cached_property
    def zone(self) -> ZoneInfo:
        """The feed's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file."""
        return self.data_dir / "warehouse.duckdb"

    @property
    def archive_dir(self) -> Path:
        """Loaded log files, `<kind>/<day>/<name>`."""
        return self.data_dir / "archive"

    @property
    def quarantine_dir(self) -> Path:
        """Refused log files, each in a folder of its own beside `reason.json`."""
        return self.data_dir / "quarantine"

    @property
    def exports_dir(self) -> Path:
        """KPI files and the report."""
        return self.data_dir / "exports"

    @property
    def dagster_dir(self) -> Path:
        """Dagster's run and event storage, and the logs of its runs."""
        return self.data_dir / "dagster"

    @property
    def dbt_target_dir(self) -> Path:
        """Artifacts and logs of the dbt runs."""
        return self.data_dir / "dbt"


def load_settings(**overrides: Any) -> Settings:
    """Read and check the settings.

    Raises:
        UserError: a value that cannot be, one line a value.
    """
    try:
        return Settings(**overrides)
    except ValidationError as invalid:
        problems = "; ".join(
            f"ADTECH_{str(error['loc'][0]).upper()} {error['msg'].removeprefix('Value error, ')}"
            for error in invalid.errors(include_input=False, include_url=False)
        )
        raise UserError(f"Settings: {problems}.") from None


def export_settings(settings: Settings) -> None:
    """Let child processes (Dagster, dbt) work on the same folders, wherever they are started."""
    os.environ["ADTECH_DATA_DIR"] = str(settings.data_dir)
    os.environ["ADTECH_RAW_DATA_DIR"] = str(settings.raw_data_dir)
    os.environ["ADTECH_OUTPUT_DIR"] = str(settings.output_dir)
    os.environ.setdefault("DAGSTER_HOME", str(PROJECT_DIR))
    # Neither Dagster nor dbt may call home.
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "true"


def masked_url(url: SecretStr | None) -> str:
    """A database URL that may be shown: the password is replaced by ***."""
    if url is None:
        return ""
    parts = urlsplit(url.get_secret_value())
    user, separator, _ = parts.netloc.rpartition("@")[0].partition(":")
    host = parts.netloc.rpartition("@")[2]
    login = f"{user}:***@" if separator else f"{user}@" if user else ""
    return parts._replace(netloc=f"{login}{host}", query="").geturl()


def shown(settings: Settings) -> dict[str, str]:
    """Each setting by its environment name, as it may be shown."""
    values = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if name.endswith("_database_url"):
            value = masked_url(value) or "embedded Postgres"
        values[f"ADTECH_{name.upper()}"] = str(value)
    return values
