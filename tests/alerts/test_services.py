"""What goes over the wire to services with a markup of their own: nothing that came out of a log is obeyed."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import quote

import pytest

from mediameter.alerts import services
from mediameter.alerts.channels import channel_id, refusal
from mediameter.alerts.message import Message, from_payload
from mediameter.alerts.notify import notify
from mediameter.alerts.wording import LONGEST_FIELD, harmless, one_line
from mediameter.settings import Channel
from tests.alerts.mailbox import mailbox
from tests.listener import listening

EVIL = (
    "*b* _i_ `c` ~s~ [x](https://evil.example) <https://evil.example|y> <!channel> <@U1> @everyone @bob"
    " <b>z</b> &lt;b&gt; www.evil.example a_b_c.jpg \\*x"
)
RUNBOOK = "https://docs.example/a_b#c"
MESSAGE = Message("k-1", "critical", f"[critical] {EVIL}", (("Group", EVIL), ("Runbook", RUNBOOK)))
DISCORD = "discord://123456789012345678/abcdefghijklmnopqrstuvwxyz"
TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/12315544/"
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"


def sent(url: str, place: str, reply: bytes = b"") -> dict[str, Any]:
    """What a service's host gets, which is on the loopback for once; ``place`` is where the plugin keeps its URL."""
    with listening(reply=reply) as hook:
        service = services.service_of(url)
        assert service is not None
        setattr(service, place, f"http://127.0.0.1:{hook.server_port}/")
        assert services.send(service, MESSAGE, 5) == ""
    (payload,) = hook.received
    return payload


def seen(markdown: str) -> str:
    """What a reader of Markdown sees, when nothing in it was markup but what is escaped."""
    assert re.search(r"(?<!\\)(?:\\\\)*[*_`~\[]", markdown) is None, markdown
    return re.sub(r"\\([\\`*_~|\[\]()#.!+-])", r"\1", markdown)


def test_slack_gets_blocks_of_plain_text() -> None:
    (attachment,) = sent(SLACK, "webhook_url", reply=b"ok")["attachments"]
    texts = [block["text"] for block in attachment["blocks"] if "text" in block]
    assert {text["type"] for text in texts} == {"plain_text"}
    assert texts[0]["text"] == MESSAGE.head()[:150] and texts[1]["text"] == MESSAGE.body()


def test_discord_shows_the_text_as_it_is() -> None:
    content = sent(DISCORD, "notify_url")["content"]
    link = f"Runbook: {RUNBOOK}"
    assert content.count(link) == 1
    shown = seen(content.replace(link, "LINK"))
    assert shown.replace("\r\n", "\n") == f"{MESSAGE.head()}\n{MESSAGE.body()}".replace(link, "LINK")


def test_discord_in_markdown_too() -> None:
    (embed,) = sent(f"{DISCORD}?format=markdown", "notify_url")["embeds"]
    head, group, runbook, key = embed["description"].split("\n")
    assert head.startswith("**") and head.rstrip().endswith("**")
    assert seen(head.rstrip()[2:-2]) == MESSAGE.head()
    assert seen(group.rstrip()) == MESSAGE.body().splitlines()[0]
    assert f"](<{RUNBOOK}>)" in runbook and "k-1" in key.replace("\\", "")


def test_telegram_gets_one_bold_line_and_no_other_tag() -> None:
    payload = sent(TELEGRAM, "notify_url")
    assert payload["parse_mode"] == "HTML"
    assert re.findall(r"<[^>]*>", payload["text"]) == ["<b>", "</b>"]
    shown = html.unescape(re.sub(r"</?b>", "", payload["text"])).replace("\r\n", "\n")
    assert shown == f"{MESSAGE.head()}\n{MESSAGE.body()}"


def test_a_real_mail_server_gets_the_mail() -> None:
    with mailbox() as box:
        (told,) = notify(MESSAGE, [Channel(url=box.url)], timeout_s=20)
        assert told.delivered, told.reason
        (mail,) = box.wait()
    assert mail["Subject"] == MESSAGE.head() and mail["To"] == "ops@acme.example"
    body = mail.get_body(("html",))
    assert body is not None
    text = body.get_content()
    assert "evil.example" in text and "k-1" in text
    assert not re.search(r"<(?!/?(html|body|head|br|p)\b)[^>]*>", text, re.IGNORECASE), text
    assert "https://evil" not in text and "&amp;lt;b" in text


def test_a_mail_server_that_refuses_is_told() -> None:
    with mailbox() as box:
        box.refusal = "554 no"
        (told,) = notify(MESSAGE, [Channel(url=box.url)], timeout_s=20)
    assert not told.delivered and told.reason and "ops@acme" not in told.reason


# --- words -------------------------------------------------------------------------------------------
def test_what_is_harmless_once_stays_as_it_is() -> None:
    for text in (
        EVIL,
        "key=abc token: x",
        "x" * 1000,
        "me@acme.example https://u:p@h/x",
        "é\n\x1b[31m",
        "@ a @b www.x",
    ):
        assert harmless(harmless(text)) == harmless(text)
        assert len(harmless(text)) <= LONGEST_FIELD
    assert from_payload(MESSAGE.payload()).payload() == MESSAGE.payload()


def test_a_mail_address_is_nobodys_business() -> None:
    assert one_line("refused: jane.doe+x@acme.example, ok") == "refused: ***@acme.example, ok"


def test_only_an_address_of_ours_is_a_link() -> None:
    message = Message("k", "info", "t", (("Run", "see https://evil.example"), ("Rule", RUNBOOK), ("Report", RUNBOOK)))
    assert message.told() == [
        ("Run", "see https: //evil.example"),
        ("Rule", RUNBOOK.replace("https:", "https: ")),
        ("Report", RUNBOOK),
        ("Key", "k"),
    ]


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 65, "a\nb"])
def test_a_key_that_cannot_travel_in_a_header_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        Message(key, "info", "t")


def test_what_is_no_plain_value_is_refused_and_texts_lose_their_secrets() -> None:
    with pytest.raises(TypeError, match="set is no plain value"):
        Message("k", "info", "t", data={"a": {1}}).payload()
    payload = Message("k", "info", "t", data={"a": [{"b": "token=S3CR3T"}, 1, None, 0.5]}).payload()
    assert "S3CR3T" not in payload and '"b": "token=***"' in payload


def test_a_channel_is_known_by_its_name_or_a_hash_that_does_not_show_it() -> None:
    named, bare = Channel(url="slack://S3CR3T", name="ops"), Channel(url="slack://S3CR3T")
    assert channel_id(named) == "ops" == channel_id(Channel(url="slack://OTHER", name="ops"))
    assert re.fullmatch(r"slack:[0-9a-f]{20}", channel_id(bare)) and channel_id(bare) == channel_id(bare)
    assert channel_id(Channel(url="slack://S3CR3S")) != channel_id(bare)
    assert len(channel_id(Channel(url="x" * 90 + "://y"))) <= 64


# --- what options name -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "url",
    [
        "fcm://project@apikey123/device?mode=oauth2&keyfile={0}",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?template={0}",
        "discord://123456789012345678/abcdefghijklmnopqrstuvwxyz?template={0}",
        "mailto://me:word@mail.example.org?pgpkey={0}",
    ],
)
@pytest.mark.parametrize("times", [0, 1, 2])
def test_an_option_makes_nobody_call_a_private_address(url: str, times: int) -> None:
    with listening() as hook:
        for place in (f"http://127.0.0.1:{hook.server_port}/x", f"https://127.0.0.1:{hook.server_port}/x"):
            for _ in range(times):
                place = quote(place, safe="")
            channel = Channel(url=url.format(place))
            assert "an option of it names" in refusal(channel)
            [delivery] = notify(MESSAGE, [channel], timeout_s=5)
            assert not delivery.delivered and "an option of it names" in delivery.reason
        assert not hook.received


def test_an_option_may_name_a_file() -> None:
    services.refuse_options("fcm://project@apikey123/device?mode=oauth2&keyfile=/srv/keys/fcm.json")
