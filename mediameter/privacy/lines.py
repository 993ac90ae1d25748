"""Rejected lines, as they are kept to be looked at: without addresses, secrets, mail addresses, control characters."""

from __future__ import annotations

import re
from ipaddress import ip_address

from mediameter.privacy.pseudonyms import Pseudonyms, normalise_address
from mediameter.privacy.texts import CUT, USER_INFO, cut_emails, cut_query

LINE_LIMIT = 2_000
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_QUERY = re.compile(r'(\?|%(?:25)*3[Ff])([^\s"]*)')
_SECRET = re.compile(
    r'((?:signature|credential|security-token|accesskeyid|policy)(?:=|%(?:25)*3D|:\s*))[^\s"&]+', re.IGNORECASE
)
_ACCESS_KEY = re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{12,}")
_ARN = re.compile(r'(arn:aws[a-z-]*:(?:iam|sts)::)[^\s"]*', re.IGNORECASE)
_LONG_HEX = re.compile(r"[0-9A-Fa-f]{40,}")
_NUMERIC = re.compile(r"[0-9A-Fa-f:.]{3,}")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3,}")
_HEX_DIGIT = re.compile(r"[0-9A-Fa-f]")
_LAST_WORD = 256


def redact_line(text: str, pseudonyms: Pseudonyms) -> str:
    """A line of unknown structure, at most 2,000 characters of it, without what may not be kept.

    In doubt it is taken out: a version number of four parts reads as an address.
    """
    line = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", _whole_words(text))
    line = _QUERY.sub(lambda found: found[1] + cut_query(found[2]), line)
    line = _SECRET.sub(rf"\1{CUT}", line)
    line = _ACCESS_KEY.sub(CUT, line)
    line = _ARN.sub(rf"\1{CUT}", line)
    line = cut_emails(USER_INFO.sub("//", line))
    line = _LONG_HEX.sub(lambda found: f"hex:{pseudonyms.of(found[0])[:8]}", line)
    line = _NUMERIC.sub(lambda found: _without_addresses(found[0], pseudonyms), line)
    return line[:LINE_LIMIT]


_OF_A_CLIENT = re.compile(
    # Behind a time: the address, and what stands before request id and operation; where no operation follows, all.
    r"(\[(?:[0-9]{2}/[^\[\]\"]{1,40}|-)\] +)([^ ]+)( [^\"]*?)?(?= +[^ \"]+ +(?:REST|WEBSITE|SOAP|BATCH|S3)\.|\"|\Z)"
)
_CUT_OFF = re.compile(r"[^ \"/]{4,}\Z")


def redact_log_line(text: str, pseudonyms: Pseudonyms) -> str:
    """A line of an access log that could not be read, as ``redact_line`` has it, without its client.

    The line may have been cut off anywhere: half an address, a name or a signature looks like nothing that could be
    recognised. So address and requester go by where they stand, and the last word by standing last.
    """

    def without_client(found: re.Match[str]) -> str:
        begin, address, requester = found.groups()
        return f"{begin}{_client(address, pseudonyms)}{'' if requester is None else _dash_or_cut(requester)}"

    line = _CUT_OFF.sub(CUT, _whole_words(text).rstrip("\r"))
    return redact_line(_OF_A_CLIENT.sub(without_client, line), pseudonyms)


def _client(text: str, pseudonyms: Pseudonyms) -> str:
    if text == "-":
        return text
    try:
        ip_address(text)
    except ValueError:
        return CUT
    return _masked(text, pseudonyms)


def _dash_or_cut(text: str) -> str:
    return text if not text.strip(" -") else f" {CUT}"


def _whole_words(text: str) -> str:
    """The text up to the limit. Its last word goes where it was cut: half an address is none to recognise."""
    if len(text) < LINE_LIMIT:
        return text
    text = text[:LINE_LIMIT]
    begin = max(text.rfind(" "), text.rfind('"')) + 1
    return text[: max(begin, LINE_LIMIT - _LAST_WORD)] + CUT


def _without_addresses(text: str, pseudonyms: Pseudonyms) -> str:
    """A run of hex digits, colons and dots. A time has three colons; an IPv6 address a double one, or seven."""

    if "::" in text or text.count(":") >= 5:
        return _masked(text.strip("."), pseudonyms) if _HEX_DIGIT.search(text) else text
    return _IPV4.sub(lambda found: _masked(found[0], pseudonyms), text)


def _masked(address: str, pseudonyms: Pseudonyms) -> str:
    return f"ip:{pseudonyms.of(normalise_address(address))[:8]}"
