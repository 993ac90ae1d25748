"""The settings: what they are without a file's help, and the one line that each mistake gives."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mediameter.errors import UserError
from mediameter.sections.quantities import bytes_of
from mediameter.settings import Money, Settings, SettingsError, address_key, load, render_commented_toml
from mediameter.settings.prices import PriceCard, closed_without_gaps

SOURCE = '[sources.logs]\nkind = "s3_access_log"\npath = "bucket"\n'
Write = Callable[[str], Settings]


@pytest.fixture
def settings(tmp_path: Path) -> Write:
    """Loads a text as the settings file of an own folder."""

    def write(text: str) -> Settings:
        file = tmp_path / "mediameter.toml"
        file.write_text(text)
        return load(file)

    return write


def card(valid_from: str, valid_to: str = "", **changed: str) -> str:
    """A price card as TOML."""
    fields = {
        "source": '"logs"',
        "measure": '"bytes_sent"',
        "amount": '"0.011"',
        "currency": '"USD"',
        "per": '"GB"',
        "valid_from": valid_from,
        "citation": '"price page, read 2025-01-01"',
        **({"valid_to": valid_to} if valid_to else {}),
        **changed,
    }
    return "[[prices]]\n" + "".join(f"{name} = {value}\n" for name, value in fields.items())


# --- what holds without saying -----------------------------------------------------------------------
def test_defaults_lie_beside_the_file(settings: Write, tmp_path: Path) -> None:
    loaded = settings(SOURCE)
    assert loaded.warehouse.sqlite_path == tmp_path / "warehouse.sqlite"
    assert loaded.warehouse.url == f"sqlite:///{tmp_path}/warehouse.sqlite"
    assert loaded.lake.path == tmp_path / "lake"
    assert loaded.sources["logs"].path == tmp_path / "bucket"
    assert loaded.sources["logs"].is_folder
    assert loaded.reporting.time_zone == "UTC" and loaded.reporting.settle_hours == 6
    assert loaded.ingest.batch_bytes == 16 * 2**20 and loaded.ingest.max_unpacked_bytes == 64 * 2**30
    assert loaded.tenant == "default" and loaded.prices == () and loaded.alerts.budget is None


def test_settings_are_frozen(settings: Write) -> None:
    with pytest.raises(ValidationError):
        settings(SOURCE).tenant = "other"


def test_the_file_that_init_writes_says_the_defaults(settings: Write) -> None:
    written, bare = settings(render_commented_toml()), settings(SOURCE.replace('"bucket"', '"./bucket"'))
    assert written == bare


def test_every_line_of_that_file_can_be_uncommented(settings: Write) -> None:
    lines = render_commented_toml().splitlines()
    loaded = settings("\n".join(re.sub(r"^# (?=[\[\w\"].*[=\]])", "", line) for line in lines if "---" not in line))
    assert loaded.alerts.rules["daily_bandwidth"].above == 250 * 10**9
    assert loaded.alerts.budget == Money(Decimal("200.00"), "USD")
    assert loaded.attribution.referers == {"app.example.org": "app"}
    assert loaded.prices[0].price_id == "logs/bytes_sent/USD/2025-01-01"


def test_that_file_shows_every_setting() -> None:
    text = render_commented_toml()
    for name, field in Settings.model_fields.items():
        section = field.annotation
        for setting in getattr(section, "model_fields", {}):
            assert re.search(rf"\b{name}\b", text) and re.search(rf"\b{setting}\b", text), f"{name}.{setting}"


def invoice(**changed: str) -> str:
    """An invoice as TOML."""
    fields = {"source": '"logs"', "month": '"2025-10"', "amount": '"43.21"', "currency": '"USD"', "citation": '"FR-1"'}
    return "[[invoices]]\n" + "".join(f"{name} = {value}\n" for name, value in {**fields, **changed}.items())


def test_an_invoice_is_of_a_month(settings: Write) -> None:
    more = invoice(month='"2024-02"', bytes_sent='"1234.56 GiB"') + invoice(currency='"EUR"')
    first, second, third = settings(SOURCE + invoice() + more).invoices
    assert (first.month, first.last_day, first.days_in_month) == (date(2025, 10, 1), date(2025, 10, 31), 31)
    assert (first.amount_micros, first.bytes_sent, second.last_day) == (43_210_000, None, date(2024, 2, 29))
    assert second.bytes_sent == 1_325_598_706_237  # 1234.56 * 2^30 = 1,325,598,706,237.44
    assert third.currency == "EUR"


# --- where it is found -------------------------------------------------------------------------------
def test_the_argument_goes_before_the_variable_before_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("argument", "variable", "folder"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mediameter.toml").write_text(f'tenant = "{name}"\n{SOURCE}')
    monkeypatch.chdir(tmp_path / "folder")
    monkeypatch.delenv("MEDIAMETER_TOML", raising=False)
    assert load().tenant == "folder"
    monkeypatch.setenv("MEDIAMETER_TOML", str(tmp_path / "variable" / "mediameter.toml"))
    assert load().tenant == "variable"
    assert load(tmp_path / "argument").tenant == "argument"


# --- secrets -----------------------------------------------------------------------------------------
def test_a_secret_comes_from_the_environment_and_never_shows(settings: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_URL", "postgresql://me:canary-7731@db/media")
    monkeypatch.setenv("SLACK_URL", "slack://canary-7732")
    monkeypatch.setenv("ADDRESS_KEY", "canary-7733-canary-7733")
    loaded = settings(
        f'{SOURCE}[warehouse]\nurl = "env:WAREHOUSE_URL"\n[alerts]\nnotify = ["env:SLACK_URL"]\n'
        '[privacy]\nkey = "env:ADDRESS_KEY"\n'
    )
    assert loaded.warehouse.url == "postgresql://me:canary-7731@db/media"
    assert loaded.alerts.notify == ("slack://canary-7732",)
    assert address_key(loaded) == b"canary-7733-canary-7733"
    assert "canary" not in repr(loaded) + str(loaded)


def test_channels_of_both_lists_and_none_of_their_secrets(settings: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER_URL", "https://hook.example/canary-7734")
    monkeypatch.setenv("PAGER_KEY", "canary-7735-canary-7735")
    alerts = settings(
        f'{SOURCE}[alerts]\nnotify = ["slack://canary-7736"]\n[[alerts.channels]]\nurl = "env:PAGER_URL"\n'
        'name = "pager"\nseverities = ["critical"]\nsigning_key = "env:PAGER_KEY"\n'
    ).alerts
    assert [(each.name, each.severities, bool(each.signing_key)) for each in alerts.every_channel] == [
        ("", ("critical", "warning", "info"), False),
        ("pager", ("critical",), True),
    ]
    assert "canary" not in repr(alerts) + str(alerts)


def test_a_wrong_secret_does_not_show_either(settings: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADDRESS_KEY", "canary-7733")
    with pytest.raises(SettingsError) as caught:
        settings(f'{SOURCE}[privacy]\nkey = "env:ADDRESS_KEY"\n')
    assert "canary" not in str(caught.value)


def test_the_address_key_is_made_once_for_its_owner_alone(settings: Write, tmp_path: Path) -> None:
    loaded = settings(SOURCE)
    first = address_key(loaded)
    assert len(first) == 64 and address_key(loaded) == first
    assert stat.S_IMODE((tmp_path / "address.key").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["address.key", "mediameter.toml"]


def test_a_key_that_others_can_read_is_refused(settings: Write, tmp_path: Path) -> None:
    loaded = settings(SOURCE)
    address_key(loaded)
    (tmp_path / "address.key").chmod(0o644)
    with pytest.raises(SettingsError, match=r"chmod 600"):
        address_key(loaded)


def test_a_bucket_over_s3(settings: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_KEY", "canary-7735")
    monkeypatch.setenv("LOG_SECRET", "canary-7736")
    source = '[sources.logs]\nkind = "s3_access_log"\nbucket = "acme-logs"\n'
    loaded = settings(
        f'{source}endpoint = "https://s3.gra.io.cloud.ovh.net/"\n'
        'access_key = "env:LOG_KEY"\nsecret_key = "env:LOG_SECRET"\n'
    )
    assert loaded.sources["logs"].endpoint == "https://s3.gra.io.cloud.ovh.net"
    assert loaded.sources["logs"].secret_key == "canary-7736" and not loaded.sources["logs"].is_folder
    assert "canary" not in repr(loaded) + str(loaded)
    assert settings(source).sources["logs"].endpoint == ""  # Amazon's
    assert settings(f'{source}endpoint = "http://127.0.0.1:9000"\n').sources["logs"].endpoint == "http://127.0.0.1:9000"


APP = '[sources.app]\nkind = "dailey_media"\n'


def test_an_application_database(settings: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("APP_MYSQL_URL", "mysql://reader:canary-7737@db.example.org/media")
    loaded = settings(f'{SOURCE}{APP}url = "env:APP_MYSQL_URL"\n[sources.app.tables]\nmedia_analytics = "my_events"\n')
    app = loaded.app_sources["app"]
    assert app.url == "mysql://reader:canary-7737@db.example.org/media" and "canary" not in repr(loaded) + str(loaded)
    assert (app.tables, app.columns, app.lookback_days) == ({"media_analytics": "my_events"}, {}, 2)
    assert list(loaded.log_sources) == ["logs"] and list(loaded.sources) == ["logs", "app"]
    beside = settings(f'{APP}url = "sqlite:///app.sqlite"\n').app_sources["app"]
    assert beside.url == beside.writing_url == f"sqlite:///{tmp_path}/app.sqlite" and not beside.write_back
    writer = 'write_back = true\nwrite_back_url = "mysql://writer:canary-7739@db.example.org/media"\n'
    writing = settings(f'{APP}url = "sqlite:///app.sqlite"\n{writer}')
    assert writing.app_sources["app"].writing_url.startswith("mysql://writer") and "canary" not in repr(writing)
    assert writing.fingerprint() == settings(f'{APP}url = "sqlite:///app.sqlite"\n').fingerprint()


# --- one line for each mistake -----------------------------------------------------------------------
MISTAKES = {
    "unknown setting": (
        "[reporting]\nsettle_hour = 3\n",
        r"line 5: reporting\.settle_hour: unknown setting: did you mean reporting\.settle_hours\?",
    ),
    "unknown section": ("[reprting]\n", r"line 4: reprting: unknown setting: did you mean reporting\?"),
    "unknown kind": ('[sources.b]\nkind = "ftp"\npath = "x"\n', r"line 5: sources\.b\.kind: .*'s3_access_log'"),
    "no place": (
        '[sources.b]\nkind = "s3_access_log"\n',
        r"sources\.b: .*neither path nor bucket is set: add bucket",
    ),
    "two places": (
        '[sources.b]\nkind = "s3_access_log"\npath = "x"\nendpoint = "https://e"\n',
        r"path and endpoint exclude each other",
    ),
    "no address": (
        '[sources.b]\nkind = "s3_access_log"\nbucket = "b-1"\nendpoint = "s3.example.org"\n',
        r"line 7: sources\.b\.endpoint: this is not the address of an S3 server",
    ),
    "no TLS": (
        '[sources.b]\nkind = "s3_access_log"\nbucket = "b-1"\nendpoint = "http://s3.example.org"\n',
        r"line 7: sources\.b\.endpoint: without TLS",
    ),
    "half a key": (
        '[sources.b]\nkind = "s3_access_log"\nbucket = "b-1"\naccess_key = "canary-7734"\n',
        r"sources\.b: access_key and secret_key need each other",
    ),
    "two identities": (
        '[sources.b]\nkind = "s3_access_log"\nbucket = "b-1"\nprofile = "p"\naccess_key = "a"\nsecret_key = "s"\n',
        r"sources\.b: profile and access_key exclude each other",
    ),
    "no bucket's name": (
        '[sources.b]\nkind = "s3_access_log"\nbucket = "s3://acme-logs"\n',
        r"line 6: sources\.b\.bucket: this is not the name of a bucket",
    ),
    "no kind": ('[sources.b]\npath = "x"\n', r"line 4: sources\.b\.kind: this setting is missing"),
    "no url": (APP, r"line 4: sources\.app\.url: this setting is missing"),
    "no database's url": (
        APP + 'url = "https://canary-7738@db"\n',
        r"line 6: sources\.app\.url: this is not the URL of a MySQL, MariaDB, PostgreSQL or SQLite database",
    ),
    "no database's url to write to": (
        APP + 'url = "sqlite:///a"\nwrite_back_url = "https://canary-7738@db"\n',
        r"line 7: sources\.app\.write_back_url: this is not the URL of a MySQL",
    ),
    "misspelt in an application": (
        APP + 'url = "sqlite:///a"\nlookback_day = 3\n',
        r"line 7: sources\.app\.lookback_day: unknown setting: did you mean sources\.app\.lookback_days\?",
    ),
    "an unknown table": (
        APP + 'url = "sqlite:///a"\n[sources.app.tables]\nmedia_analytic = "x"\n',
        r"line 8: sources\.app\.tables\.media_analytic: .*sources\.app\.tables\.media_analytics\?",
    ),
    "no table's name": (
        APP + 'url = "sqlite:///a"\n[sources.app.tables]\nmedia_files = "a.b.c"\n',
        r"line 8: sources\.app\.tables\.media_files: this is not the name of a table",
    ),
    "two applications": (
        APP + 'url = "sqlite:///a"\n' + APP.replace("app", "zpp") + 'url = "sqlite:///b"\n',
        r"sources\.zpp: a tenant has only one application database",
    ),
    "no number": ('[reporting]\nsettle_hours = "six"\n', r"line 5: reporting\.settle_hours: .*integer"),
    "half an hour": (
        '[reporting]\ntime_zone = "Asia/Kolkata"\n',
        r"line 5: reporting\.time_zone: Asia/Kolkata is 5:30:00 off UTC",
    ),
    "half an hour once": ('[reporting]\ntime_zone = "Asia/Pyongyang"\n', r"is 8:30:00 off UTC in 2015"),
    "half an hour of summer": ('[reporting]\ntime_zone = "Australia/Lord_Howe"\n', r"Australia/Lord_Howe is 1[01]:"),
    "no such zone": ('[reporting]\ntime_zone = "Europe/Pari"\n', r"there is no time zone 'Europe/Pari'"),
    "variable not set": (
        '[warehouse]\nurl = "env:NOT_SET_ANYWHERE"\n',
        r"line 5: warehouse\.url: the environment variable NOT_SET_ANYWHERE is not set",
    ),
    "no unit": ('[alerts.rules.daily_bandwidth]\nabove = "250 XB"\n', r"'250 XB' is not a quantity: .*250 GB"),
    "no share": ("[alerts.rules.error_rate]\nabove = 2\n", r"2 is not a share"),
    "no currency": ('[alerts]\nmonthly_budget = "200"\n', r"'200' is not an amount of money: .*200\.00 USD"),
    "a budget without an amount": (
        '[budgets.castingly]\nper = "week"\n',
        r"line 4: budgets\.castingly\.amount: .*required|amount",
    ),
    "a budget of nothing": ('[budgets.a]\namount = "0 USD"\n', r"budgets\.a\.amount: the amount must be above 0"),
    "a budget of no currency": ("[budgets.a]\namount = 5\n", r"budgets\.a\.amount: 5 is not an amount of money"),
    "a budget of a year": ('[budgets.a]\namount = "5 USD"\nper = "year"\n', r"line 6: budgets\.a\.per: .*month"),
    "a budget's name": ('[budgets."My budget"]\namount = "5 USD"\n', r"budgets\.My budget"),
    "a name that is taken": (
        '[budgets.monthly_budget]\namount = "5 USD"\n',
        r"budgets\.monthly_budget: this is the name of the budget in",
    ),
    "bytes of a model": (
        '[budgets.a]\namount = "5 USD"\nmodels = ["flux"]\n',
        r'line 6: budgets\.a\.models: the cost of bytes is known by application only: add costs = "generations"',
    ),
    "bytes of each user": (
        '[budgets.a]\namount = "5 USD"\neach = "user"\n',
        r"budgets\.a\.each: the cost of bytes is known by application",
    ),
    "models of a user": (
        '[budgets.a]\namount = "5 USD"\ncosts = "generations"\nuser = "u-1"\nmodels = ["flux"]\n',
        r"budgets\.a\.user: a user's cost is not known by model",
    ),
    "each of one": (
        '[budgets.a]\namount = "5 USD"\napplication = "castingly"\neach = "application"\n',
        r"budgets\.a\.each: it is of one application already",
    ),
    "a model twice": (
        '[budgets.a]\namount = "5 USD"\ncosts = "generations"\nmodels = ["flux", "flux"]\n',
        r"budgets\.a\.models: a model is named twice",
    ),
    "a budget of an unknown system": (
        '[budgets.a]\namount = "5 USD"\ncosts = "generations"\nsource = "palete"\n',
        r"budgets\.a\.source: no generating system has this name: sources: none yet",
    ),
    "two budgets": (
        '[alerts]\nmonthly_budget = "1 USD"\n[alerts.rules.monthly_budget]\nabove = "2 USD"\n',
        r"set twice",
    ),
    "a float as amount": (
        card("2025-01-01", amount="0.011"),
        r"line 7: prices\[1\]\.amount: 0\.011 is not an exact amount: .*quotes",
    ),
    "a number as day": (card("20250101"), r"prices\[1\]\.valid_from: this is not a day"),
    "no citation": (card("2025-01-01", citation='" "'), r"prices\[1\]\.citation"),
    "misspelt in a card": (
        card("2025-01-01").replace("amount", "amout"),
        r"line 7: prices\[1\]\.amout: .*prices\[1\]\.amount\?",
    ),
    "a card of nobody": (card("2025-01-01", source='"log"'), r"no source of this name: sources: logs"),
    "overlap": (
        card("2025-01-01", "2025-06-02") + card("2025-06-01"),
        r"logs/bytes_sent/USD/2025-01-01 and logs/bytes_sent/USD/2025-06-01 overlap from 2025-06-01 to 2025-06-02",
    ),
    "gap": (
        card("2025-06-01") + card("2025-01-01", "2025-05-30"),
        r"prices\[2\]: .*logs/bytes_sent/USD/2025-01-01 and logs/bytes_sent/USD/2025-06-01 leave a gap on 2025-05-31",
    ),
    "the same day twice": (card("2025-01-01") * 2, r"overlap on 2025-01-01: give them different days"),
    "ends before it begins": (card("2025-01-02", "2025-01-01"), r"prices\[1\]\.valid_to: 2025-01-01 lies before"),
    "no month": (invoice(month='"2025-13"'), r"line 6: invoices\[1\]\.month: '2025-13' is not a month: .*\"2026-10\""),
    "a day as month": (invoice(month="2025-10-01"), r"invoices\[1\]\.month: .*is not a month"),
    "a float as billed": (invoice(amount="43.21"), r"invoices\[1\]\.amount: 43\.21 is not an exact amount: .*quotes"),
    "less than a millionth": (invoice(amount='"0.0000001"'), r"invoices\[1\]\.amount: .* six decimal places"),
    "bytes of no unit": (invoice(bytes_sent='"12 GBit"'), r"invoices\[1\]\.bytes_sent: .*not a quantity: .*GiB"),
    "an invoice of nobody": (
        invoice(source='"log"'),
        r"invoices\[1\]\.source: no source .*has this name: sources: logs",
    ),
    "an invoice without number": (invoice(citation='""'), r"invoices\[1\]\.citation"),
    "misspelt in an invoice": (invoice().replace("amount", "amout"), r"invoices\[1\]\.amout: .*\.amount\?"),
    "two of a month": (
        invoice() + invoice(amount='"1"'),
        r"line 10: invoices\[2\]: invoices\[1\] is of logs for 2025-10, too: make one of both",
    ),
    "no TOML": ("a = \n", r"this is not TOML: .*line 4"),
    "an address as lake": ('[lake]\npath = "s3://bucket"\n', r"lake\.path: only folders and files of this machine"),
    "a short signing key": (
        '[[alerts.channels]]\nurl = "https://hook.example"\nsigning_key = "abc"\n',
        r"line 6: alerts\.channels\[1\]\.signing_key: a key needs at least 16 characters",
    ),
    "a signature for Slack": (
        '[[alerts.channels]]\nurl = "slack://x"\nsigning_key = "0123456789abcdef"\n',
        r"alerts\.channels\[1\]\.signing_key: only a webhook is signed",
    ),
    "a channel for nothing": (
        '[[alerts.channels]]\nurl = "slack://x"\nseverities = []\n',
        r"line 6: alerts\.channels\[1\]\.severities: a channel without a severity",
    ),
    "an unknown severity": (
        '[[alerts.channels]]\nurl = "slack://x"\nseverities = ["fatal"]\n',
        r"alerts\.channels\[1\]\.severities\[1\]: .*'critical', 'warning' or 'info'",
    ),
    "a channel without url": ('[[alerts.channels]]\nname = "a"\n', r"alerts\.channels\[1\]\.url: .* is missing"),
    "misspelt in a channel": (
        '[[alerts.channels]]\nurl = "slack://x"\nseverity = ["info"]\n',
        r"alerts\.channels\[1\]\.severity: .*severities\?",
    ),
    "one channel twice": (
        '[alerts]\nnotify = ["slack://x"]\n[[alerts.channels]]\nurl = "slack://x"\n',
        r"line 6: alerts\.channels\[1\]: this channel is set twice",
    ),
    "two of a name": (
        '[[alerts.channels]]\nurl = "slack://x"\nname = "a"\n[[alerts.channels]]\nurl = "slack://y"\nname = "a"\n',
        r"line 9: alerts\.channels\[2\]\.name: two channels are called a",
    ),
    "a short key": ('[privacy]\nkey = "abc"\n', r"privacy\.key: a key needs at least 16 characters"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_that_names_it(name: str, settings: Write, tmp_path: Path) -> None:
    text, pattern = MISTAKES[name]
    with pytest.raises(SettingsError, match=pattern) as caught:
        settings(SOURCE + text)
    said = str(caught.value)
    assert "\n" not in said and said.startswith(str(tmp_path / "mediameter.toml"))
    assert isinstance(caught.value, UserError) and caught.value.remedy


def test_no_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no such settings file: `mediameter init`"):
        load(tmp_path / "absent.toml")


# --- prices ------------------------------------------------------------------------------------------
def test_a_card_ends_the_day_before_the_next_begins(settings: Write) -> None:
    earlier, later = settings(SOURCE + card("2025-06-01", per='"GiB"') + card("2025-01-01")).prices
    assert (earlier.valid_from, earlier.valid_to) == (date(2025, 1, 1), date(2025, 5, 31))
    assert (later.valid_from, later.valid_to) == (date(2025, 6, 1), None)
    assert (earlier.unit_bytes, later.unit_bytes) == (10**9, 2**30)
    assert earlier.amount == Decimal("0.011")


@given(st.sets(st.dates(date(2020, 1, 1), date(2030, 1, 1)), min_size=1), st.randoms())
def test_cards_without_an_end_cover_every_day_once(days: set[date], random: object) -> None:
    shuffled = sorted(days)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    cards = closed_without_gaps(
        PriceCard(
            source="a", measure="bytes_sent", amount=Decimal(1), currency="USD", per="GB", valid_from=day, citation="c"
        )
        for day in shuffled
    )
    ends = [each.valid_to.toordinal() + 1 for each in cards if each.valid_to]
    assert [each.valid_from.toordinal() for each in cards[1:]] == ends
    assert cards[-1].valid_to is None


@given(st.integers(0, 2**43), st.sampled_from(["B", "KB", "GB", "MiB"]))
def test_a_quantity_is_exact(number: int, unit: str) -> None:
    size = {"B": 1, "KB": 10**3, "GB": 10**9, "MiB": 2**20}[unit]
    if number * size < 2**63:
        assert bytes_of(f"{number} {unit}") == number * size


# --- what makes rollups old --------------------------------------------------------------------------
CHANGES_ROLLUPS = (
    '[reporting]\ntime_zone = "Europe/Paris"\n',
    "[reporting]\nsettle_hours = 7\n",
    '[attribution.referers]\n"a.org" = "a"\n',
    "[rejects]\nbudget = 0.5\n",
    '[geo]\ncdn_ranges = "none"\n',
)
CHANGES_NOTHING = (
    card("2025-01-01"),  # another price makes those days dirty that it may change (tests/passes/test_repricing.py)
    "[ingest]\nworkers = 4\n",
    '[lake]\npath = "elsewhere"\n',
    '[warehouse]\nurl = "sqlite:///other.sqlite"\n',
    '[privacy]\nkey = "0123456789abcdef"\n',
    '[alerts]\nnotify = ["slack://x"]\n',
    '[alerts]\nmonthly_budget = "1 USD"\n',
    '[budgets.castingly]\namount = "1 USD"\n',
    '[alerts.rules.daily_bandwidth]\nabove = "1 GB"\n',
    '[[alerts.channels]]\nurl = "slack://x"\n',
)


def test_the_fingerprint_changes_with_what_changes_rollups(settings: Write) -> None:
    prints = [settings(SOURCE + text).fingerprint() for text in ("", *CHANGES_ROLLUPS)]
    assert len(set(prints)) == len(prints)


@pytest.mark.parametrize("text", CHANGES_NOTHING)
def test_the_fingerprint_holds_where_rollups_do(text: str, settings: Write) -> None:
    assert settings(SOURCE + text).fingerprint() == settings(SOURCE).fingerprint()


def test_the_fingerprint_sees_the_content_of_a_country_table_not_its_place(settings: Write, tmp_path: Path) -> None:
    for name, content in (
        ("here", "network,country\n"),
        ("there", "network,country\n"),
        ("new", "network,country\n::/0,FR\n"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "countries.csv").write_text(content)
    here, there, new = (
        settings(f'{SOURCE}[geo]\ncountries = "{name}/countries.csv"\n').fingerprint()
        for name in ("here", "there", "new")
    )
    assert here == there != new
