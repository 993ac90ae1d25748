"""The file that ``mediameter init`` writes: every setting, its meaning, its default."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mediameter.atomic import write_once
from mediameter.sections.complaint import SettingsError
from mediameter.settings.models import Settings
from mediameter.systems import SYSTEMS

_HEAD = """\
# mediameter's settings. A commented line shows the default.
# A secret is never written here: "env:NAME" reads an environment variable, "secret:NAME" a Prefect Secret block.
# Relative paths start at the folder of this file.
"""
_SOURCES = """\
# --- sources: where logs and the application's events come from --------------------------------------
"""
# What a default cannot show: tables whose names are the user's own, and urls of many kinds.
_EXAMPLES = {
    "warehouse": """\
# --- warehouse ---------------------------------------------------------------------------------------
# [warehouse]
# url = "sqlite:///warehouse.sqlite"   # Database with the rollups: a file, or one on a server, as "env:NAME" where it
#                                      # holds a password: "postgresql://user:password@host:5432/database",
#                                      # "mysql://user:password@host:3306/database" (MySQL 8, MariaDB)
""",
    "attribution": """\
# --- attribution: whose a request is; application by the referer's host, where the key does not say it
# [attribution]
# tolerance = "30 s"                 # how far apart event and delivery of one file and address may be
# edge_tolerance = "2 s"             # the same if a CDN edge hides the address and no other is near
# [attribution.referers]
# "app.example.org" = "app"
""",
    "prices": """\
# --- prices: without a card, cost is "not available", never 0 ----------------------------------------
# [[prices]]
# source = "logs"
# measure = "bytes_sent"
# amount = "0.011"                   # exact, in quotes
# currency = "USD"
# per = "GB"                         # GB is 10^9 bytes, GiB is 2^30
# valid_from = 2025-01-01            # ends the day before the next card's, or with valid_to
# citation = "the provider's price page, date read"
""",
    "invoices": """\
# --- invoices: what was billed for a month; it stands beside what was measured, and changes no figure --
# [[invoices]]
# source = "logs"
# month = "2025-10"
# amount = "43.21"                   # exact, in quotes; with all that the provider puts on it
# currency = "USD"
# bytes_sent = "3.9 TB"              # traffic that it names; may be left out
# citation = "its number, and where it is kept"
""",
    "budgets": """\
# --- budgets: what may be spent; each is a rule, budget_NAME, and a row of `mediameter answer budgets` ----
# [budgets.castingly]
# amount = "50.00 USD"
# per = "month"                      # or "week", from Monday on
# costs = "bandwidth"                # or "generations": what the models' providers take
# application = "*"                  # only this application
# [budgets.models]
# amount = "40.00 USD"
# per = "week"
# costs = "generations"
# source = "palette"                 # only this generating system; default: all
# models = ["flux", "veo"]           # only these models; default: all
# [budgets.users]
# amount = "5.00 USD"
# costs = "generations"
# user = "*"                         # only this user
# each = "user"                      # or "application", "model": one budget for each
""",
    "alerts": """\
# --- alerts ------------------------------------------------------------------------------------------
# [alerts]
# notify = []                        # channels for all incidents (Apprise URLs, webhooks), like ["env:SLACK_URL"]
# allow_private_channels = false     # allow webhooks to private addresses and without TLS
# monthly_budget = "200.00 USD"      # default: none
# [[alerts.channels]]                # channels for some severities, or with a signature
# url = "https://pager.example/hook" # Apprise URL, or the https URL of a webhook, which gets JSON; as "env:NAME"
# name = "pager"                     # default: none; messages wait under this name, though the URL changes
# severities = ["critical"]          # default: critical, warning, info
# signing_key = "0123456789abcdef"   # webhooks only, 16 characters or more, as "env:NAME" (docs/operations.md)
# [alerts.rules.daily_bandwidth]     # any rule of `mediameter alerts list`; your own: alerts/*.yaml beside
# above = "250 GB"                   # or below; or {warning = "200 GB", critical = "250 GB"}
# repeat = "4 h"                     # also hold, minimum_sample, minimum_count, enabled
# [alerts.rules.busy_agent]
# ignore = ["googlebot"]             # groups to ignore: a part of an agent, an address's pseudonym
""",
}


def write_commented_toml(path: Path) -> None:
    """Write that file; ``SettingsError`` where there is one already."""
    if not write_once(path, render_commented_toml()):
        raise SettingsError(f"{path} exists already", "it was not changed; --path names another file")


def render_commented_toml() -> str:
    """A settings file that is valid as it is: one folder as source, everything else at its default."""
    fields = Settings.model_fields
    parts = [_HEAD, _line("tenant", fields["tenant"]) + "\n"]
    for name, field in fields.items():
        if name == "sources":
            parts.append(_SOURCES + "".join(system.example for system in SYSTEMS.values()))
        elif name in _EXAMPLES:
            parts.append(_EXAMPLES[name])
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            parts.append(_table(name, field.annotation))
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _table(name: str, section: type[BaseModel]) -> str:
    rule = f"# --- {name} ".ljust(103, "-")
    return "\n".join([rule, f"# [{name}]", *(_line(*item) for item in section.model_fields.items())])


def _line(name: str, field: FieldInfo) -> str:
    return f"# {name} = {_toml(field.default)}".ljust(38) + f" # {field.description}"


def _toml(value: Any) -> str:
    return "[]" if value == () else json.dumps(value)
