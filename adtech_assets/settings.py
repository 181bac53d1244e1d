"""What can be set, from the environment or from `.env` in the project folder."""

from __future__ import annotations

import os
import re
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from adtech_assets.contract import SAMPLE_FEED, Feed, load
from adtech_assets.environment import PROJECT_DIR
from adtech_assets.errors import UserError
from adtech_assets.files import written_whole

RESTORING = ".restoring"
"""In the data folder while a backup takes the place of what was there."""

START_DATE = date(2022, 5, 25)
FIRST_DAY = "first_day"
"""In a data folder whose partitions begin with its own data, as those of the demo do: the day."""

ALL_USER_AGENTS = "*"

BI_ROLE = "adtech_bi"
"""A group: nobody logs in as it, logins are its members. It is of the server, not of a database."""

# A URL as libpq takes it apart: the first @ or / ends the login, so that a password with one of
# them in it would become part of the host, which error messages show.
_HOST = r"(?:\[[^]@/?]*\]|[^][:,@/?]*)(?::[0-9]*)?"
_POSTGRES_URL = re.compile(
    r"postgres(?:ql)?(?:\+\w+)?://"
    r"(?:(?P<user>[^:@/]*)(?P<password>:[^@/]*)?@)?"
    rf"(?P<place>{_HOST}(?:,{_HOST})*(?:/[^@/?]*)?)"
    r"(?:\?.*)?"  # options, which may hold a password too
)
# SQLite's URLs have % and ?, dbt's path has # too, DuckDB takes \ for / and ? for an option, and
# pg_ctl hands the others to a shell.
_NO_STORE_READS = re.compile(r"""[%?#,'"\\$`]""")
_BUCKET = re.compile(r"(?:s3|gs|az)://[^/?#\s]+(?:/[^/?#]+)*/?")
_CHANNEL_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")


class Settings(BaseSettings):
    """Settings in force. Each field `x` is read from `ADTECH_X`.

    Relative folders are taken from the project folder, not from where a command happens to be
    started: a cron job must find the same state as a person.
    """

    model_config = SettingsConfigDict(
        env_prefix="ADTECH_",
        env_file=PROJECT_DIR / ".env",
        env_ignore_empty=True,  # Compose passes on as empty what is not set
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # it may be a password
    )

    raw_data_dir: Path | str = Field(
        Path("raw_data"),
        description=(
            "landing folder of the log files, or `s3://bucket/prefix`; under Compose the absolute "
            "path of a host folder, or none for a volume"
        ),
    )
    output_dir: Path = Field(Path("output"), description="daily CSV files; under Compose as above")
    data_dir: Path = Field(
        Path("data"),
        description=(
            "warehouse, archive, quarantine, embedded Postgres, exports, Dagster storage; under "
            "Compose always the volume `data`"
        ),
    )
    archive_dir: Path | str = Field(
        "",
        validate_default=True,
        description="where loaded log files go, a folder or `s3://bucket/prefix`",
    )
    exports_bucket: str = Field(
        "",
        description=(
            "where exports and report are put too, `s3://bucket/prefix`; none: only in the data "
            "folder"
        ),
    )
    report_url: str = Field(
        "",
        description=(
            "where people open the report, for the link to it in Dagster; none: no link, but "
            "`adtech dev` serves it"
        ),
    )
    source_database_url: SecretStr | None = Field(
        None,
        description=(
            "operational Postgres, `postgresql://user:password@host:5432/database`, with special "
            "characters of the password percent-encoded; none: embedded, under Compose its own"
        ),
    )
    target_database_url: SecretStr | None = Field(
        None, description="Postgres of the audited table and the marts; as above"
    )
    bi_role: str = Field(
        BI_ROLE,
        pattern="^[a-z_][a-z0-9_]{0,62}$",
        description=(
            "role of the target's server that may read the marts; a server has one for all of its "
            "databases, so deployments that share a server need one each"
        ),
    )
    user_agent: str = Field(
        "some user agent",
        description=(
            "user agent of the CSV and of `csv_data_task`, matched exactly; `*` counts all"
        ),
    )
    start_date: date = Field(
        "",
        validate_default=True,
        description=f"first day of the partitions; none: {START_DATE}, or the first of the demo",
    )
    feed: Annotated[Feed, NoDecode] = Field(
        str(SAMPLE_FEED),
        validate_default=True,
        description="YAML file that says what the log files are called and what is read of them",
    )
    timezone: str = Field(
        "",
        validate_default=True,
        description="time zone of the feed and of the schedule; none: the feed file's",
    )
    engine: Literal["duckdb", "spark"] = Field(
        "duckdb",
        description=(
            "what counts the events: DuckDB in our process, which keeps them in the warehouse, or "
            "a Spark cluster, which reads the files"
        ),
    )
    spark_remote: SecretStr | None = Field(
        None,
        validate_default=True,
        description="Spark Connect server, `sc://host:15002`; none: that of SPARK_REMOTE",
    )
    processed_files: Literal["archive", "delete", "keep"] = Field(
        "archive",
        description="what becomes of loaded log files: `archive`, `delete` or `keep` them",
    )
    settle_seconds: float = Field(
        5,
        ge=0,
        allow_inf_nan=False,
        description="a file changed within this many seconds may still be being written",
    )
    refuse_offset_overlaps: bool = Field(
        True,
        description=(
            "quarantine a file whose offsets, in its name, a loaded file has delivered already"
        ),
    )
    report_offset_gaps: bool = Field(
        True, description="warn of offsets between two files that no file has delivered"
    )
    most_members: int = Field(
        20,
        ge=1,
        description=(
            "members of a dimension (domains, deals, landing pages …) that have rows of their own "
            "in a campaign's day; the others are one"
        ),
    )
    alerts: SecretStr = Field(
        SecretStr(""),
        description=(
            "who is told of what needs a person: URLs of "
            "[apprise](https://github.com/caronc/apprise/wiki), with blanks between them, such as "
            "`slack://…`, `mailtos://…` or `jsons://…`; none: nobody"
        ),
    )
    alerts_time: str = Field(
        "06:00",
        description="when yesterday should be there, in the time zone of the feed",
    )
    alerts_digest: bool = Field(
        False, description="tell of the day before and of all that stands each day, at that time"
    )
    ui_url: str = Field(
        "http://127.0.0.1:3000", description="address of Dagster's UI, for the links in alerts"
    )
    least_free_percent: float = Field(
        5,
        ge=0,
        le=100,
        allow_inf_nan=False,
        description="share of a disk below which it is nearly full, in percent",
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        description="how our processes log: lines of `text`, or of `json` with run and day",
    )
    lookback_days: int = Field(3, ge=1, le=366, description="days that the schedule loads again")
    archive_days: int = Field(
        0,
        ge=0,
        description=(
            "days after which loaded log files leave the archive; 0: they stay. A lost warehouse "
            "comes back only from what is there"
        ),
    )
    raw_event_days: int = Field(
        0,
        ge=0,
        description=(
            "days after which single events leave the warehouse, once they are counted; 0: they "
            "stay. Where they are needed again, for a late file say, they are read from the archive"
        ),
    )
    run_history_days: int = Field(
        90,
        ge=0,
        description=(
            "days after which Dagster's runs, events and logs go, but for each day the run that "
            "loaded it last; 0: they stay"
        ),
    )

    @field_validator("output_dir", "data_dir")
    @classmethod
    def _absolute(cls, folder: Path) -> Path:
        try:
            return (PROJECT_DIR / folder.expanduser()).resolve()
        except RuntimeError:
            raise ValueError("begins with ~, but this user has no home folder") from None

    @field_validator("raw_data_dir", "archive_dir")
    @classmethod
    def _absolute_or_bucket(cls, place: Path | str, info: ValidationInfo) -> Path | str:
        by_default = Path(info.data.get("data_dir", "")) / "archive"
        if not place:
            return by_default
        if "://" not in str(place):
            place = cls._absolute(Path(place))
        elif _BUCKET.fullmatch(str(place)):
            place = str(place).rstrip("/")
        else:
            raise ValueError(
                "must be a folder, or a place in a bucket like s3://bucket/prefix (s3, gs or az)"
            )
        # Not there yet while it is itself that is looked at.
        landing = info.data.get("raw_data_dir")
        is_within = landing is not None and f"{place}/".startswith(f"{landing}/")
        if is_within and place != by_default:
            raise ValueError("must not be the landing folder, nor lie in it")
        return place

    @field_validator("exports_bucket")
    @classmethod
    def _bucket(cls, place: str) -> str:
        if place and not _BUCKET.fullmatch(place):
            raise ValueError("must be a place in a bucket like s3://bucket/prefix (s3, gs or az)")
        return place.rstrip("/")

    @field_validator("data_dir")
    @classmethod
    def _readable_by_the_stores(cls, folder: Path) -> Path:
        if _NO_STORE_READS.search(str(folder)) or not str(folder).isprintable():
            raise ValueError(
                "must be a folder whose path has no line breaks and none of these: "
                "% ? # , \\ $ ` and quotation marks. Databases below it could not be opened"
            )
        return folder

    @field_validator("user_agent", "source_database_url", "target_database_url", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        try:
            str(value).encode()
        except UnicodeEncodeError:
            raise ValueError("is no UTF-8 text") from None
        return value

    @field_validator("source_database_url", "target_database_url", mode="before")
    @classmethod
    def _postgres_url(cls, url: object) -> object:
        if url in (None, ""):
            return None
        text = url.get_secret_value() if isinstance(url, SecretStr) else str(url)
        if not _POSTGRES_URL.fullmatch(text) or _BAD_ESCAPE.search(text):
            raise ValueError(
                "must look like postgresql://user:password@host:5432/database, with special "
                "characters of user and password percent-encoded (@ is %40, / is %2F, % is %25)"
            )
        return url

    @field_validator("alerts", mode="before")
    @classmethod
    def _channels(cls, urls: object) -> object:
        text = urls.get_secret_value() if isinstance(urls, SecretStr) else str(urls)
        if not all(_CHANNEL_URL.fullmatch(url) for url in text.split()):
            raise ValueError(
                "must be URLs of apprise with blanks between them, such as "
                "slack://TokenA/TokenB/TokenC mailtos://user:password@example.com"
            )
        return urls

    @field_validator("alerts_time")
    @classmethod
    def _time_of_day(cls, text: str) -> str:
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
            raise ValueError("must be a time of day like 06:00")
        return text

    @field_validator("ui_url")
    @classmethod
    def _address(cls, url: str) -> str:
        if not re.fullmatch(r"https?://[^\s@]+", url):
            raise ValueError("must be an address like https://dagster.example.com")
        return url.rstrip("/")

    @field_validator("start_date", mode="before")
    @classmethod
    def _calendar_day(cls, day: object, info: ValidationInfo) -> object:
        if day == "":
            return _first_day(info.data.get("data_dir")) or START_DATE
        try:
            return date.fromisoformat(day) if isinstance(day, str) else day
        except ValueError:
            raise ValueError("must be a day like 2022-05-25") from None

    @field_validator("spark_remote", mode="before")
    @classmethod
    def _remote(cls, remote: object) -> object:
        return remote or os.environ.get("SPARK_REMOTE") or None

    @field_validator("processed_files")
    @classmethod
    def _kept_for_spark(cls, processed: str, info: ValidationInfo) -> str:
        if processed == "delete" and info.data.get("engine") == "spark":
            raise ValueError(
                "cannot be delete where Spark counts: a late file has its day counted again, from "
                "all its files. Use archive or keep"
            )
        return processed

    @field_validator("raw_event_days")
    @classmethod
    def _can_be_read_again(cls, days: int, info: ValidationInfo) -> int:
        if days and info.data.get("processed_files") == "delete":
            raise ValueError(
                "needs the log files: a late file has its day counted again, from all of them. Set "
                "ADTECH_PROCESSED_FILES to archive or keep"
            )
        return days

    @field_validator("feed", mode="before")
    @classmethod
    def _read(cls, feed: object) -> object:
        if isinstance(feed, Feed):
            return feed
        try:
            return load((PROJECT_DIR / Path(str(feed)).expanduser()).resolve())
        except (UserError, RuntimeError) as error:
            raise ValueError(f"cannot be used. {str(error).removesuffix('.')}") from None

    @field_serializer("feed")
    @staticmethod
    def _file_of(feed: Feed) -> str:
        return str(feed)

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str, info: ValidationInfo) -> str:
        if not name:
            return info.data["feed"].timezone if "feed" in info.data else "UTC"
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is not a time zone; write it like Europe/Copenhagen") from None
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
    def quarantine_dir(self) -> Path:
        """Refused log files, each in a folder of its own beside `reason.json`.

        Those of an archive in a bucket are there, in a folder of the same name.
        """
        return self.data_dir / "quarantine"

    @property
    def spool_dir(self) -> Path:
        """Copies of a bucket's objects, for as long as they are being loaded."""
        return self.data_dir / "spool"

    @property
    def history_dir(self) -> Path:
        """The snapshots of names, bids and budgets, for a warehouse that is lost."""
        return self.data_dir / "history"

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


def load_settings(**overrides: object) -> Settings:
    """Read and check the settings.

    Raises:
        UserError: values that cannot be, one line each; or the data folder is half restored.
    """
    settings = read_settings(**overrides)
    if (settings.data_dir / RESTORING).exists():
        raise UserError(
            f"A restore of {settings.data_dir} was stopped halfway, so it is neither the old "
            "folder nor the new one. Restore it again: adtech restore FOLDER"
        )
    return settings


def read_settings(**overrides: object) -> Settings:
    """Read and check the settings, for whoever replaces the data folder or deletes it.

    Raises:
        UserError: values that cannot be, one line each.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as invalid:
        problems = [
            f"ADTECH_{str(error['loc'][0]).upper()} {error['msg'].removeprefix('Value error, ')}."
            for error in invalid.errors(include_input=False, include_url=False)
        ]
    raise UserError("\n".join(problems))


def _first_day(data_dir: Path | None) -> date | None:
    try:
        return date.fromisoformat((data_dir / FIRST_DAY).read_text().strip()) if data_dir else None
    except FileNotFoundError:
        return None


def begin_no_later(settings: Settings, day: date) -> Settings:
    """The settings with partitions that have a day, where they begin with a folder's own data.

    Whoever loads earlier days into the demo's folder has partitions for them, from the default
    start date on. A start date that somebody has set stays.
    """
    noted = _first_day(settings.data_dir)
    if "start_date" in settings.model_fields_set or noted is None or day < START_DATE:
        return settings
    if day < noted:
        with written_whole(settings.data_dir / FIRST_DAY) as partial:
            partial.write_text(f"{day}\n")
    # Another process may have loaded earlier days since these settings were read.
    return settings.model_copy(update={"start_date": min(day, noted)})


def landing_folder(settings: Settings) -> Path:
    """The landing folder, for whoever writes sample files into it.

    Raises:
        UserError: it is in a bucket.
    """
    if isinstance(settings.raw_data_dir, str):
        raise UserError(
            f"Sample files are written into a folder, and {settings.raw_data_dir} is none. Write "
            "them elsewhere (adtech logs generate --output FOLDER), then copy them there."
        )
    return settings.raw_data_dir


def export_settings(settings: Settings) -> None:
    """Let child processes (Dagster, dbt) work on the same folders, wherever they are started."""
    os.environ["ADTECH_DATA_DIR"] = str(settings.data_dir)
    os.environ["ADTECH_RAW_DATA_DIR"] = str(settings.raw_data_dir)
    # Where it is by default, it follows the data folder, also of whoever is given another one.
    is_by_default = settings.archive_dir == settings.data_dir / "archive"
    os.environ["ADTECH_ARCHIVE_DIR"] = "" if is_by_default else str(settings.archive_dir)
    os.environ["ADTECH_OUTPUT_DIR"] = str(settings.output_dir)
    os.environ["ADTECH_FEED"] = str(settings.feed)
    os.environ["ADTECH_TIMEZONE"] = settings.timezone
    os.environ["ADTECH_MOST_MEMBERS"] = str(settings.most_members)
    os.environ.setdefault("DAGSTER_HOME", str(PROJECT_DIR))
    # Neither Dagster nor dbt may call home.
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "true"


def masked_url(url: SecretStr | None) -> str:
    """A database URL that may be shown: the password is replaced by ***, options are left out."""
    if url is None:
        return ""
    text = url.get_secret_value()
    parts = _POSTGRES_URL.fullmatch(text)
    if parts is None:
        return "***"
    scheme, user, place = text.partition("://")[0], parts["user"], parts["place"]
    login = "" if user is None else f"{user}{':***' if parts['password'] else ''}@"
    return f"{scheme}://{login}{place}"


def masked_remote(remote: str) -> str:
    """The address of a Spark server without what comes behind it, which may be a token."""
    return remote.partition("/;")[0]


def alert_urls(settings: Settings) -> list[SecretStr]:
    """The channels of ADTECH_ALERTS, each of which may be a secret as a whole."""
    return [SecretStr(url) for url in settings.alerts.get_secret_value().split()]


def masked_channels(urls: list[SecretStr]) -> str:
    """Which kinds of channels they are: all that is no secret."""
    kinds = (url.get_secret_value().partition("://")[0] for url in urls)
    return " ".join(f"{kind}://***" for kind in kinds) or "none"


def shown(settings: Settings) -> dict[str, str]:
    """Each setting by its environment name, as it may be shown."""
    values = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if name.endswith("_database_url"):
            value = masked_url(value) or "embedded Postgres"
        if name == "spark_remote":
            value = masked_remote(value.get_secret_value()) if value else "none"
        if name == "alerts":
            value = masked_channels(alert_urls(settings))
        values[f"ADTECH_{name.upper()}"] = f"{value:g}" if isinstance(value, float) else str(value)
    return values
