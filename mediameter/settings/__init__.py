"""The settings: the one room that reads ``mediameter.toml`` and the environment.

``load`` gives frozen ``Settings``: paths absolute, secrets resolved, every unit in bytes or milliseconds.
Whatever is wrong is a ``SettingsError`` of one line: file and line, setting, what is wrong, what mends it.
"""

from mediameter.sections.complaint import SettingsError
from mediameter.sections.quantities import Money
from mediameter.settings.channels import Channel
from mediameter.settings.commented import render_commented_toml, write_commented_toml
from mediameter.settings.invoices import Invoice
from mediameter.settings.key import address_key, carry_key, key_path, known_key
from mediameter.settings.models import Alerts, Geo, Ingest, Rule, Settings
from mediameter.settings.prices import PriceCard
from mediameter.settings.reading import FILE_NAME, from_mapping, load, of_warehouse, settings_file

__all__ = [
    "FILE_NAME",
    "Alerts",
    "Channel",
    "Geo",
    "Ingest",
    "Invoice",
    "Money",
    "PriceCard",
    "Rule",
    "Settings",
    "SettingsError",
    "address_key",
    "carry_key",
    "from_mapping",
    "key_path",
    "known_key",
    "load",
    "of_warehouse",
    "render_commented_toml",
    "settings_file",
    "write_commented_toml",
]
