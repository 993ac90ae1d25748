"""What a REST API answers, as far as it answers what was asked: JSON of the right shape. Everything else becomes one
error that names the setting: a page of a paused project, of a proxy or of a login comes with status 200, too."""

from __future__ import annotations

import json
from typing import Any

import httpx

from mediameter.errors import WorldError
from schemas.source_table import SourceTable

_MOST_DIGITS = 400  # of a whole number: Python itself refuses more than 4,300, with the whole page


def json_of(answer: httpx.Response, where: str) -> Any:
    """The answer's JSON."""
    try:
        return json.loads(answer.content, parse_int=_whole)
    except (ValueError, RecursionError):
        kind = answer.headers.get("content-type", "").partition(";")[0][:40] or "nothing that says what it is"
        what = f"{where}: the REST API answered no JSON ({answer.status_code}, {kind})"
        raise WorldError(what, "see url, and whether the project is paused or a proxy stands between") from None


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def rows_of(answer: httpx.Response, declared: SourceTable, where: str) -> list[dict[str, Any]]:
    """Rows with all columns that the table is declared with."""
    found = json_of(answer, where)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise WorldError(f"{where} was answered without a list of rows", "see url")
    missing = next((name for row in found for name in declared.contract.names if name not in row), None)
    if missing:
        raise WorldError(f"{where} was answered without the column {missing}", "see url: is it PostgREST?")
    return found


def said(answer: httpx.Response) -> tuple[str, str]:
    """Code and message of an error; empty where it does not say."""
    try:
        found = json.loads(answer.content)
        return str(found.get("code") or ""), " ".join(str(found.get("message") or "").split())[:200]
    except (ValueError, AttributeError, RecursionError):
        return "", ""


_LOST: tuple[tuple[type[httpx.HTTPError], str, str], ...] = (
    (httpx.ConnectTimeout, "cannot be reached", "see the host in url, and the firewalls on the way"),
    (httpx.ConnectError, "cannot be reached", "see the host in url, and the firewalls on the way"),
    (httpx.ProxyError, "cannot be reached through the proxy", "see HTTPS_PROXY and NO_PROXY in the environment"),
    (httpx.TimeoutException, "did not answer in time", "raise statement_timeout_s, or lower page_rows"),
    (httpx.UnsupportedProtocol, "has an address that is none", "see url"),
    (httpx.LocalProtocolError, "cannot be asked so", "see url and key: neither may hold a line break"),
    (httpx.DecodingError, "answered what cannot be unpacked", "see what stands between it and here"),
)


def lost(error: httpx.HTTPError, where: str, attempts: int) -> WorldError:
    """Why there is no answer. The words of most errors are left out: they may hold the key."""
    kinds = (rest for kind, *rest in _LOST if isinstance(error, kind))
    what, remedy = next(kinds, ["lost the connection", "see what stands between it and here"])
    words = f": {error}" if isinstance(error, httpx.ConnectError) and str(error) else ""
    if "certificate" in words.lower():
        what, remedy = "has a certificate that is not trusted", "renew it there, or set SSL_CERT_FILE to its authority"
    again = f", {attempts} times in a row" if attempts > 1 else ""
    return WorldError(f"{where}: the REST API {what} ({type(error).__name__}{words}){again}", remedy)
