"""Events of applications and of generating systems, as they come in: addresses and mail addresses become pseudonyms."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address

import polars as pl

from mediameter.privacy.columns import mapped, mapped_columns
from mediameter.privacy.lines import redact_line
from mediameter.privacy.pseudonyms import Addresses, Pseudonyms
from mediameter.privacy.texts import cut_emails, cut_url
from schemas.events import EVENT

LONGEST_USER = 64
_FORWARDED = re.compile(r"[^,]*")
_WITH_PORT = re.compile(r"\[(.*)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+")


def events_at_the_door(frame: pl.DataFrame, *, pseudonyms: Pseudonyms, addresses: Addresses) -> pl.DataFrame:
    """Events as read (APP_EVENT) → EVENT, in the rows' own order.

    Addresses pass the very function that the logs' addresses pass, or the two would never match. Of a referer its host
    stays, of an agent all but mail addresses; a user that is told by a mail address becomes a pseudonym.
    """

    def of_client(texts: pl.Series) -> list[pl.Series]:
        spelled = pl.Series([_client_address(text) for text in texts], dtype=pl.String)
        address, _, edge = addresses.columns(spelled.fill_null(""))
        is_known = spelled.is_not_null()
        none, nowhere = pl.Series([None], dtype=pl.String), pl.Series([addresses.nowhere[1]], dtype=pl.String)
        return [address.zip_with(is_known, none), edge.zip_with(is_known, nowhere)]

    def host(text: str) -> str | None:
        return cut_url(text)[1]

    def user(text: str) -> str:
        return pseudonyms.of(text) if "@" in text or len(text) > LONGEST_USER else text

    door = frame.with_columns(
        *mapped_columns(frame["ip_address"], of_client),
        mapped(frame["user_agent"], cut_emails),
        mapped(frame["referer"], host).alias("referer_host"),
        mapped(frame["user_id"], user),
        mapped(frame["variant_type"], cut_emails),
    )
    return door.with_columns(pl.col("edge").fill_null(addresses.nowhere[1])).select(EVENT.names)


def generations_at_the_door(frame: pl.DataFrame, pseudonyms: Pseudonyms) -> pl.DataFrame:
    """Generations, credits, sign-ins and errors as read → as they are kept, in the rows' own order.

    A user that is told by a mail address becomes a pseudonym; mail addresses are cut wherever they stand, and of a
    message all that ``redact_line`` takes out.
    """

    def user(text: str) -> str:
        return pseudonyms.of(text) if "@" in text or len(text) > LONGEST_USER else text

    changes: dict[str, Callable[[str], str | None]] = {
        name: cut_emails for name, dtype in frame.schema.items() if dtype == pl.String and name != "event_id"
    }
    changes |= {"user_id": user, "message": lambda text: redact_line(text, pseudonyms)}
    return frame.with_columns(mapped(frame[name], changes[name]) for name in frame.columns if name in changes)


def _client_address(text: str) -> str | None:
    """The address alone: without a port, and of a list of proxies the first one, the client; None where it is none."""
    first = (_FORWARDED.match(text) or [""])[0].strip()
    found = _WITH_PORT.fullmatch(first)
    bare = found[1] or found[2] if found else first
    try:
        ip_address(bare)
    except ValueError:
        return None
    return bare
