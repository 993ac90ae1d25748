"""The sections of ``mediameter.toml``, each setting with its default, its meaning and its checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self, Union
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from mediameter.sections.buckets import BucketSource, EventBucket
from mediameter.sections.complaint import Complaint
from mediameter.sections.credit_prices import CreditPrices
from mediameter.sections.quantities import Money, bytes_of, count, milliseconds, money, ratio
from mediameter.sections.secrets import refuse_unencoded
from mediameter.sections.section import Beside, Section, Share, absolute, beside, setting
from mediameter.sections.source import Generating, SellsCredits, SourceSection
from mediameter.sections.tables import TableSource
from mediameter.settings.budgets import MONTHLY, Budget, BudgetName, of_known_sources
from mediameter.settings.channels import Channel, told
from mediameter.settings.invoices import Invoice, one_a_month
from mediameter.settings.prices import PriceCard, closed_without_gaps
from mediameter.systems import SYSTEMS
from mediameter.systems.dailey_media import AppSource
from mediameter.systems.system import EVENT_OBJECTS, LOG_OBJECTS, TABLES, System

Name = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Bytes = Annotated[int, BeforeValidator(bytes_of), Field(ge=1)]
# Longer ones would let what is an hour and more away decide whose a delivery is.
Span = Annotated[int, BeforeValidator(milliseconds), Field(ge=0, le=600_000)]
TOR_COUNTRIES = Path("/usr/share/tor/geoip")  # where Debian's tor-geoipdb puts its table
_SQLITE = "sqlite:///"

RULE_UNITS: dict[str, Callable[[object], Any]] = {
    "daily_bandwidth": bytes_of,
    "error_rate": ratio,
    "response_time_p95": milliseconds,
    "unique_addresses": count,
    "monthly_budget": money,
}


class Warehouse(Section):
    """A file, or a database on a server: ``postgresql://user:password@host:5432/database``, ``mysql://…`` (MySQL 8 or
    MariaDB). Behind a ``?`` stand options of the driver (``sslmode=require``, ``ssl_ca=…``), and for MySQL
    ``local_infile=1``: many rows go in at once, where the server is trusted with that."""

    url: str = setting(f"{_SQLITE}warehouse.sqlite", "Database with the rollups: a file, or a server's", repr=False)

    @field_validator("url")
    @classmethod
    def _beside_the_file(cls, url: str, info: ValidationInfo) -> str:
        if "://" not in url:
            raise Complaint("this is not a database URL", f'write it like "{_SQLITE}warehouse.sqlite"')
        refuse_unencoded(url)
        path = url.removeprefix(_SQLITE)
        if path == url or not path or path == ":memory:":
            return url
        return f"{_SQLITE}{absolute(Path(path), info)}"

    @property
    def sqlite_path(self) -> Path | None:
        """The file of an SQLite warehouse; None for a server, or in memory."""
        path = self.url.removeprefix(_SQLITE)
        return None if path in (self.url, "", ":memory:") else Path(path)


class Lake(Section):
    path: Beside = setting("./lake", "Folder of the Parquet lake")
    trash_days: int = setting(7, "Days that unused lake files stay in the trash", ge=0, le=4000)


class Reporting(Section):
    time_zone: str = setting("UTC", "Days are days of this zone (whole-hour offsets only)")
    settle_hours: int = setting(6, "A day becomes final when a listing has run this long past its end", ge=0, le=240)
    window_days: int = setting(7, "Days that each run lists again in a bucket over S3", ge=1, le=4000)
    report_url: str = setting("", "Address of the report, for the link in messages; default: its path")

    @field_validator("time_zone")
    @classmethod
    def _whole_hours(cls, name: str) -> str:
        _refuse_broken_hours(name)
        return name

    @field_validator("report_url")
    @classmethod
    def _can_be_opened(cls, url: str) -> str:
        if url and not re.fullmatch(r"https?://[^\s<>@]{1,300}", url):
            raise Complaint("this is not a page's address", 'write it like "https://bi.example.org/report.html"')
        return url

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


@lru_cache(maxsize=8)
def _refuse_broken_hours(name: str) -> None:
    """Rollups are kept by UTC hour; a day that begins at half past one would need half an hour of two of them."""
    try:
        zone = ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Complaint(f"there is no time zone {name!r}", 'write it like "Europe/Paris"') from None
    noon = datetime(2000, 1, 1, 12, tzinfo=UTC)
    for at in (noon + timedelta(days=number) for number in range(41 * 366)):
        offset = at.astimezone(zone).utcoffset()
        if offset is None or offset % timedelta(hours=1):
            raise Complaint(
                f"{name} is {offset} off UTC in {at.year}, not a whole number of hours",
                "days are built of whole UTC hours: choose a zone with whole hours, or UTC",
            )


class Attribution(Section):
    """``tolerance`` and ``edge_tolerance`` are in ms."""

    referers: dict[str, str] = setting({}, "Application by the referer's host")
    tolerance: Span = setting("30 s", "How far apart event and delivery of one file and address may be")
    edge_tolerance: Span = setting("2 s", "The same if a CDN edge hides the address and no other event is near")

    @field_validator("referers")
    @classmethod
    def _hosts(cls, referers: dict[str, str]) -> dict[str, str]:
        for host, application in referers.items():
            if "/" in host or not host:
                raise Complaint("this is not a host", 'write it like "app.example.org"', (host,))
            if not 1 <= len(application) <= 128:
                raise Complaint("an application's name has 1 to 128 characters", "shorten it", (host,))
        return {host.lower(): application for host, application in referers.items()}


class Rule(Section):
    """What differs from a rule's file. ``above`` and ``below``: a threshold in the rule's unit, or
    ``{warning = …, critical = …}``. ``hold`` and ``repeat`` are spans like "15 min"."""

    above: Any = Field(default=None, description="The rule fires above this")
    below: Any = Field(default=None, description="The rule fires below this")
    minimum_sample: Any = Field(default=None, description="Fewer than this wake nobody")
    minimum_count: Any = Field(default=None, description="Fewer than this in the value itself wake nobody")
    ignore: Any = Field(default=None, description="Groups with one of these texts in their names are not judged")
    hold: Any = Field(default=None, description="It fires when it has been bad for so long")
    repeat: Any = Field(default=None, description="It is told again after this, while it lasts")
    enabled: bool | None = Field(default=None, description="false: the rule is not judged")


class Alerts(Section):
    """``rules`` holds only what overrides a shipped threshold, in bytes, shares, ms, addresses or ``Money``."""

    notify: tuple[str, ...] = setting((), "Channels for all incidents (Apprise URLs)", repr=False)
    channels: tuple[Channel, ...] = setting((), "Channels for some severities, or with a signature")
    allow_private_channels: bool = setting(False, "Allow webhooks to private addresses and without TLS")
    monthly_budget: Annotated[Money | None, BeforeValidator(lambda value: value and money(value))] = setting(
        None, 'Budget of a month, like "200.00 USD"'
    )
    rules: dict[Name, Rule] = setting({}, "Thresholds that differ from the shipped ones")

    @field_validator("rules")
    @classmethod
    def _in_their_units(cls, rules: dict[str, Rule]) -> dict[str, Rule]:
        """Of the rules of every warehouse; the others are looked at where their files are read."""
        return {
            name: rule.model_copy(update={"above": _above(name, rule)}) if name in RULE_UNITS else rule
            for name, rule in rules.items()
        }

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if self.monthly_budget and self.rules.get("monthly_budget", Rule()).above:
            raise Complaint("the budget is set twice", "drop it", ("rules", "monthly_budget", "above"))
        return self

    @model_validator(mode="after")
    def _each_channel_once(self) -> Self:
        told(self.notify, self.channels)
        return self

    @property
    def secrets(self) -> Iterator[str]:
        yield from (secret for channel in self.every_channel for secret in channel.secrets)

    @property
    def every_channel(self) -> tuple[Channel, ...]:
        """Those of ``notify``, which want every severity, and those of ``channels``."""
        return told(self.notify, self.channels)

    @property
    def budget(self) -> Money | None:
        """The month's budget, wherever it is given."""
        rule = self.rules.get("monthly_budget")
        return rule.above if rule and rule.above else self.monthly_budget


def _above(name: str, rule: Rule) -> Any:
    if rule.above is None or isinstance(rule.above, dict):
        return rule.above
    try:
        return RULE_UNITS[name](rule.above)
    except Complaint as complaint:
        raise Complaint(complaint.message, complaint.remedy, (name, "above")) from None


class Privacy(Section):
    key: str = setting("", "Secret of the pseudonyms; default: a random one in address.key", repr=False)
    keep_query: tuple[str, ...] = setting((), "Query parameters whose values may be kept")

    @field_validator("key")
    @classmethod
    def _long_enough(cls, key: str) -> str:
        if 0 < len(key) < 16:
            raise Complaint("a key needs at least 16 characters", "leave it out: a random one is made")
        return key


class Geo(Section):
    countries: Path | None = setting("", 'Country by network: CSV "network,country", or tor-geoip; "none" for none')
    cdn_ranges: str = setting("builtin", 'Networks of CDN edges: "builtin", a file, or "none"')

    @field_validator("countries", mode="before")
    @classmethod
    def _found(cls, value: object, info: ValidationInfo) -> Path | None:
        if value in ("", None):
            return TOR_COUNTRIES if TOR_COUNTRIES.exists() else None
        return None if value == "none" else beside(value, info)

    @field_validator("cdn_ranges")
    @classmethod
    def _named(cls, value: str, info: ValidationInfo) -> str:
        return value if value in ("builtin", "none") else str(beside(value, info))


class Ingest(Section):
    workers: int = setting(2, "Threads that read log objects", ge=1, le=256)
    fetchers: int = setting(32, "Most objects that are fetched from S3 at once", ge=1, le=512)
    batch_bytes: Bytes = setting("16 MiB", "Bytes of log in one lake file")
    quiet: Span = setting("30 s", "A folder's file that was written within this time waits for the next run")
    unfinished: Span = setting("300 s", "The same if its last line has no newline, or its gzip ends early")
    max_unpacked_bytes: Bytes = setting("64 GiB", "An object that unpacks to more is refused")
    max_gzip_ratio: int = setting(200, "An object that unpacks to more than this times its size is refused", ge=2)


class Quality(Section):
    """The gate itself cannot be switched off, only its pages."""

    docs: Path | None = setting("./quality", 'Folder of the pages, rewritten each time; "none" for none')

    @field_validator("docs", mode="before")
    @classmethod
    def _folder(cls, value: object, info: ValidationInfo) -> Path | None:
        return None if value in ("none", None) else beside(value, info)


class Rejects(Section):
    budget: Share = setting(0.01, "A day with a larger share of unreadable lines is suspect")


if TYPE_CHECKING:
    AnySource = SourceSection
else:
    AnySource = Annotated[
        Union[tuple(system.section for system in SYSTEMS.values())], Field(discriminator="kind")  # noqa: UP007
    ]


class Settings(Section):
    """All settings, absolute and resolved. ``folder`` is where the file lies; ``file`` is None without one."""

    folder: Path = Field(exclude=True)
    file: Path | None = Field(default=None, exclude=True)
    tenant: Name = setting("default", "Boundary of isolation, first column of every table")
    warehouse: Warehouse
    lake: Lake
    reporting: Reporting
    sources: dict[Name, AnySource] = setting({}, "Where logs and the application's events come from")
    attribution: Attribution
    prices: tuple[PriceCard, ...] = setting((), "Price cards; without one, cost is not available")
    invoices: tuple[Invoice, ...] = setting((), "What was billed for a month, to compare with what was measured")
    budgets: dict[BudgetName, Budget] = setting({}, "What may be spent in a month or a week")
    alerts: Alerts
    privacy: Privacy
    geo: Geo
    ingest: Ingest
    rejects: Rejects
    quality: Quality

    @field_validator("prices")
    @classmethod
    def _without_gaps(cls, cards: tuple[PriceCard, ...]) -> tuple[PriceCard, ...]:
        return closed_without_gaps(cards)

    @model_validator(mode="after")
    def _one_application(self) -> Self:
        if len(self.app_sources) > 1:
            *_, name = self.app_sources
            raise Complaint("a tenant has only one application database", "give the other its own", ("sources", name))
        return self

    @model_validator(mode="after")
    def _of_known_sources(self) -> Self:
        for card in self.prices:
            if card.source not in self.sources:
                known = ", ".join(self.sources) or "none yet"
                raise Complaint(f"price card {card.price_id}: no source of this name", f"sources: {known}", ("prices",))
        one_a_month(self.invoices, self.log_sources)
        of_known_sources(self.budgets, self.generating_sources)
        return self

    @property
    def report_path(self) -> Path:
        """Where the report lies unless it is written elsewhere."""
        return self.folder / "report.html"

    @property
    def report_place(self) -> str:
        """Where people find the report: its address, or its path on this machine."""
        return self.reporting.report_url or str(self.report_path)

    def system(self, name: str) -> System:
        """What kind of system a source is."""
        return SYSTEMS[self.sources[name].kind]

    def _sources_where(self, is_meant: Callable[[System], bool]) -> dict[str, Any]:
        return {name: source for name, source in self.sources.items() if is_meant(SYSTEMS[source.kind])}

    @property
    def log_sources(self) -> dict[str, BucketSource]:
        """The buckets of access logs."""
        return self._sources_where(lambda system: system.form is LOG_OBJECTS)

    @property
    def event_sources(self) -> dict[str, EventBucket]:
        """The buckets of event files."""
        return self._sources_where(lambda system: system.form is EVENT_OBJECTS)

    @property
    def bucket_sources(self) -> dict[str, BucketSource]:
        """Everything that is read from buckets: the logs, then the event files."""
        return {**self.log_sources, **self.event_sources}

    @property
    def app_sources(self) -> dict[str, AppSource]:
        """The databases of applications."""
        return self._sources_where(lambda system: system.supplies == "viewers")

    @property
    def generating_sources(self) -> dict[str, Generating]:
        """The systems that generate, and know of credits and money: their tables, and their event files."""
        return self._sources_where(lambda system: system.supplies == "generations")

    @property
    def table_sources(self) -> dict[str, TableSource]:
        """Everything that is read from other systems' tables."""
        return self._sources_where(lambda system: system.form is TABLES)

    @property
    def credit_prices(self) -> dict[str, CreditPrices]:
        """What the settings say that credits are sold for, by generating source; of most nothing."""
        return {
            name: source.credit_price if isinstance(source, SellsCredits) else ()
            for name, source in self.generating_sources.items()
        }

    @property
    def every_budget(self) -> dict[str, Budget]:
        """Those of ``budgets``, and that of the month's bandwidth."""
        monthly = {MONTHLY: Budget(amount=self.alerts.budget)} if self.alerts.budget else {}
        return {**monthly, **self.budgets}

    def fingerprint(self) -> str:
        """SHA-256 over every setting that changes a rollup: when it differs, the days are computed anew."""
        from mediameter.settings.fingerprint import fingerprint

        return fingerprint(self)

    def generating_fingerprint(self) -> str:
        """The same for the rollups of generating systems."""
        from mediameter.settings.fingerprint import generating_fingerprint

        return generating_fingerprint(self)
