"""Every way in which S3 fails: the injector is first shown to bite; then nothing false is taken in, only what helps is
tried again, and when the fault has passed the next run makes all good."""

from __future__ import annotations

import http.client
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from mediameter import connect
from mediameter.errors import MediameterError, UserError, WorldError
from mediameter.sources import s3, s3_listing
from mediameter.sources.objects import Changed
from tests.s3.injector import Answer, Fault, Injector, broken, changed, meanwhile, refused
from tests.s3.store import BUCKET, MODIFIED, NOW, Site, Store, figures, line

KEY, OTHER = "2026-01-03-03-00-00-A", "2026-01-03-03-00-00-B"
SOUND = figures(1, 2, settled=2)
LISTING = "list-type=2"


@pytest.fixture(autouse=True)
def objects(store: Store) -> None:
    store.put(KEY, line(1))
    store.put(OTHER, line(2))


def plainly(injector: Injector, target: str) -> Answer | str:
    """What a client that trusts the network gets: an answer, or the class of its failure."""
    parts = urlsplit(injector.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=1)
    try:
        connection.request("GET", target, headers={"Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/b/s3/c"})
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    except (http.client.HTTPException, OSError) as error:
        return type(error).__name__
    finally:
        connection.close()


def flipped(body: bytes) -> bytes:
    return body.replace(b" 200 ", b" 404 ")


# --- of reading: what may be better in a moment --------------------------------------------------------
PASSING: dict[str, tuple[Fault, object]] = {
    "slow down": (refused(503, "SlowDown"), 503),
    "too many requests": (refused(429), 429),
    "internal error": (refused(500, "InternalError"), 500),
    "a gateway without words": (refused(502), 502),
    "cut short": (broken(0.5, "closed"), "IncompleteRead"),
    "cut short, no length told": (broken(0.5, "closed", says_length=False), b""),
    "nothing but a head": (broken(0, "closed", says_length=False), b""),
    "reset in mid-body": (broken(0.5, "reset"), ("ConnectionResetError", "IncompleteRead")),
    "stalled in mid-body": (broken(0.5, "stalled"), "TimeoutError"),
    "an error page with status 200": (refused(200, "SlowDown"), b"<Error>"),
    "an error page under the true head": (changed(lambda body: b"<Error>".ljust(len(body))), b"<Error>"),
    "another content of the same size": (changed(flipped), b" 404 "),
    "too long": (changed(lambda body: body * 2), b"\n0f1e"),
}


def bites(got: Answer | str, expected: object) -> bool:
    """Whether the plain client got what the fault is to do, and not the object."""
    if isinstance(got, str):
        return got in (expected if isinstance(expected, tuple) else (expected,))
    if isinstance(expected, bytes):
        return expected in got.body and got.body != line(1)
    return got.status == expected


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_asked_for_again(
    name: str, injector: Injector, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault, seen = PASSING[name]
    if "stalled" in name:
        monkeypatch.setattr(connect, "READ_TIMEOUT_S", 0.4)
    injector.inject(KEY, fault, times=1)
    assert bites(plainly(injector, f"/{BUCKET}/{KEY}"), seen)

    injector.inject(KEY, fault, times=1)
    assert site.read(KEY) == line(1)
    assert injector.count(KEY) == 1 + 2

    injector.inject(KEY, fault)
    with pytest.raises(WorldError, match=f"{BUCKET}/{KEY} could not be read after {s3.ATTEMPTS} attempts"):
        site.read(KEY)
    assert injector.count(KEY) == 1 + 2 + s3.ATTEMPTS


@pytest.mark.parametrize("name", ["cut short, no length told", "an error page with status 200"])
def test_what_does_not_pass_leaves_the_object_pending(name: str, injector: Injector, site: Site) -> None:
    injector.inject(KEY, PASSING[name][0])
    summary = site.run()
    assert "could not be read after" in summary.ingest.failed[0] and summary.has_failed
    assert site.told() == figures(2)  # what is sound is taken in, nothing of the other
    _, _, pending, through = site.listing() or ()
    assert pending == 1 and through < "2026-01-03"  # the day cannot be complete

    injector.calm()
    assert not site.run(NOW + timedelta(hours=1)).has_failed
    assert site.told() == SOUND


def test_a_store_that_is_down_is_not_asked_for_every_object(injector: Injector, site: Site, store: Store) -> None:
    for number in range(60):
        store.put(f"2026-01-03-04-00-00-{number:02}", line(number))
    injector.inject(f"/{BUCKET}/2026", refused(503, "SlowDown"))
    summary = site.run()
    assert len(summary.ingest.failed) == 62
    assert injector.count(f"/{BUCKET}/2026") < 25 * s3.ATTEMPTS
    assert site.told() == {"records": 0, "bytes": 0}


# --- of reading: what asking again does not mend -------------------------------------------------------
LATER = "Sat, 03 Jan 2026 04:10:00 GMT"  # than the listed one
LASTING: dict[str, tuple[Fault, str]] = {
    "forbidden": (refused(403, "AccessDenied"), rf"{BUCKET}/{KEY} may not be read: allow s3:GetObject on {BUCKET}/\*"),
    "forbidden without words": (refused(403), "may not be read: allow s3:GetObject"),
    "encrypted under a key that may not be used": (
        refused(403, "AccessDenied", message="User: arn:aws:iam::1:user/x is not authorized to perform: kms:Decrypt"),
        r"encrypted, and may not be decrypted \(AccessDenied\): allow kms:Decrypt on the KMS key",
    ),
    "encrypted under a key that is disabled": (
        refused(400, "KMS.DisabledException"),
        "the KMS key of .* is disabled: enable the key",
    ),
    "archived": (refused(403, "InvalidObjectState"), "is archived: restore it"),
    "gone": (refused(404, "NoSuchKey"), f"{KEY} has gone"),
    "overwritten": (refused(412, "PreconditionFailed"), f"{KEY} was overwritten since it was listed"),
    "a store that ignores the condition": (
        lambda answer: Answer(200, {**answer.headers, "ETag": '"0"', "Last-Modified": LATER}, flipped(answer.body)),
        "was overwritten since it was listed",
    ),
    "not understood": (refused(400, "NotImplemented"), r"cannot be read \(400 NotImplemented\)"),
}


@pytest.mark.parametrize("name", LASTING)
def test_what_does_not_help_is_not_tried_again(name: str, injector: Injector, site: Site) -> None:
    fault, said = LASTING[name]
    injector.inject(KEY, fault)
    got = plainly(injector, f"/{BUCKET}/{KEY}")
    assert isinstance(got, Answer) and got.body != line(1)

    with pytest.raises((WorldError, Changed), match=said):
        site.read(KEY)
    is_conditional = (
        name == "overwritten"
    )  # it is asked for once more, without the condition: tags may be spelled twice
    assert injector.count(KEY) == 1 + 1 + is_conditional


def test_overwritten_between_listing_and_reading(injector: Injector, site: Site, store: Store) -> None:
    injector.inject(LISTING, meanwhile(lambda: store.put(KEY, line(7) + line(8))), times=1)
    assert f"{KEY} was overwritten" in site.run().ingest.failed[0]
    assert site.told() == figures(2)
    assert not site.run(NOW + timedelta(hours=1)).has_failed
    assert site.told() == figures(2, 7, 8, settled=2)


def test_gone_between_listing_and_reading(injector: Injector, site: Site, store: Store) -> None:
    injector.inject(LISTING, meanwhile(lambda: store.delete(KEY)), times=1)
    assert f"{KEY} has gone" in site.run().ingest.failed[0]
    assert not site.run(NOW + timedelta(hours=1)).has_failed
    assert site.told() == figures(2)


def test_a_large_object_that_is_overwritten_between_two_parts(
    injector: Injector, site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the one and half of the other would be a file that never was."""
    monkeypatch.setattr(s3, "PART_BYTES", 1000)
    site.sections = {"ingest": {"fetchers": 1}}
    store.put(KEY, b"".join(map(line, range(100, 130))))
    other, later = b"".join(map(line, range(200, 230))), MODIFIED + timedelta(minutes=10)
    injector.inject(KEY, meanwhile(lambda: store.put(KEY, other, later)), times=1)
    assert f"{KEY} was overwritten" in site.run().ingest.failed[0]
    assert site.told() == figures(2)
    site.run(NOW + timedelta(hours=1))
    assert site.told() == figures(2, *range(200, 230), settled=2)


def another_part(answer: Answer) -> Answer:
    return replace(answer, headers={**answer.headers, "Content-Range": "bytes 0-999/9999"})


def everything(answer: Answer) -> Answer:
    return Answer(200, {"ETag": answer.headers["ETag"]}, b"x" * 1000)


@pytest.mark.parametrize(
    "fault", [broken(0.5, "closed"), broken(0.5, "reset"), everything, another_part, refused(503, "SlowDown")]
)
def test_a_part_of_a_large_object_is_asked_for_again(
    fault: Fault, injector: Injector, site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PART_BYTES", 1000)
    content = b"".join(map(line, range(100, 130)))
    store.put(KEY, content)
    injector.inject(KEY, fault, times=2)
    assert site.read(KEY) == content
    assert injector.count(KEY) == 2 + -(-len(content) // 1000)


def test_parts_that_do_not_make_the_object_are_no_object(
    injector: Injector, site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PART_BYTES", 1000)
    store.put(KEY, b"".join(map(line, range(100, 130))))
    injector.inject(KEY, changed(flipped), times=1)
    with pytest.raises(WorldError, match="the content does not match its entity tag"):
        site.read(KEY)


# --- of credentials and settings: one line, and the run ends --------------------------------------------
SETTINGS: dict[str, tuple[int, str, str]] = {
    "unknown key": (403, "InvalidAccessKeyId", "does not know the access key: see access_key, profile"),
    "wrong secret": (403, "SignatureDoesNotMatch", "the secret key does not match the access key"),
    "expired": (400, "ExpiredToken", "have expired or are not valid: renew them"),
    "wrong region": (400, "AuthorizationHeaderMalformed", r"another region: set region = 'gra' in \[sources.logs\]"),
    "clock": (403, "RequestTimeTooSkewed", "clock is wrong: set the clock"),
    "no bucket": (404, "NoSuchBucket", f"there is no bucket {BUCKET}: correct bucket, endpoint or region"),
}


@pytest.mark.parametrize("where", [LISTING, KEY])
@pytest.mark.parametrize("name", SETTINGS)
def test_what_the_user_can_mend_is_one_line(name: str, where: str, injector: Injector, site: Site) -> None:
    status, code, said = SETTINGS[name]
    injector.inject(where, refused(status, code, {"x-amz-bucket-region": "gra"}))
    with pytest.raises(UserError, match=said) as caught:
        site.read(KEY)
    assert caught.value.message.startswith("source 'logs': ") and "\n" not in str(caught.value)
    assert injector.count(where) == 1


def test_it_fails_the_source(injector: Injector, site: Site) -> None:
    injector.inject(KEY, refused(403, "InvalidAccessKeyId"))
    with pytest.raises(UserError):
        site.run().require_success()
    assert site.listing() is None and site.told().get("settled", 0) <= 1
    injector.calm()
    site.run()
    assert site.told() == SOUND


def test_a_listing_that_is_forbidden(injector: Injector, site: Site) -> None:
    injector.inject(LISTING, refused(403, "AccessDenied"))
    with pytest.raises(UserError, match=rf"may not list {BUCKET}/2026: allow s3:ListBucket on the bucket {BUCKET}"):
        site.bucket(prefix="2026").listing()


def test_a_bucket_that_is_not_there(site: Site) -> None:
    with pytest.raises(UserError, match="there is no bucket another-bucket: correct bucket"):
        site.bucket(bucket="another-bucket").listing()


def test_nobody_listens_at_the_endpoint(site: Site) -> None:
    with pytest.raises(WorldError, match=r"cannot be listed \(Could not connect"):
        site.bucket(endpoint="http://127.0.0.1:9").listing()


def test_no_credentials(site: Site) -> None:
    with pytest.raises(UserError, match="source 'logs': there are no S3 credentials: set profile"):
        site.bucket(access_key="", secret_key="").listing()


def test_a_profile_that_is_not_there(site: Site) -> None:
    with pytest.raises(UserError, match=r"source 'logs': .*profile \(nobody\) could not be found"):
        site.bucket(access_key="", secret_key="", profile="nobody").listing()


def test_an_empty_prefix_is_no_error(site: Site) -> None:
    assert site.run(prefix="elsewhere/").ingest.listed == 0
    assert site.told() == {"records": 0, "bytes": 0}


# --- of listing: nothing moves ---------------------------------------------------------------------------
def without_a_key(body: bytes) -> bytes:
    begin, end = body.index(b"<Contents>"), body.index(b"</Contents>") + len(b"</Contents>")
    return body[:begin] + body[end:]


def first_again(body: bytes) -> bytes:
    """The second page shows what the first one did."""
    return body.replace(b"-C<", b"-A<").replace(b"-D<", b"-B<")


def renamed(old: bytes, new: bytes) -> Fault:
    return changed(lambda body: body.replace(old, new))


PORTAL = b"<html><body>Welcome</body></html>"
LISTINGS: dict[str, tuple[str, Fault, str]] = {
    "page 2 fails": ("continuation-token", refused(500, "InternalError"), r"cannot be listed \(InternalError"),
    "page 2 breaks off": ("continuation-token", broken(0.5, "closed"), "cannot be listed"),
    "page 2 is an error page": ("continuation-token", refused(200, "SlowDown"), "cannot be listed"),
    "page 2 is something else": ("continuation-token", changed(lambda body: PORTAL), "the answer is no listing of it"),
    "page 2 is empty": ("continuation-token", changed(lambda body: b""), "cannot be"),
    "page 1 is no XML": (LISTING, changed(lambda body: b"Welcome"), "cannot be listed"),
    "slow down for ever": (LISTING, refused(503, "SlowDown"), r"cannot be listed \(SlowDown"),
    "page 2 repeats page 1": ("continuation-token", changed(first_again), "a page shows what the pages before it have"),
    "a key left out": (LISTING, changed(without_a_key), "a page says 2 keys and shows 1"),
    "a foreign key": (LISTING, renamed(b">2026-01-03", b">1026-01-03"), "is not below '2026-'"),
    "more, but not from where": (LISTING, renamed(b"NextContinuationToken", b"Nothing"), "more, but not from where"),
}


@pytest.fixture
def five(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three pages."""
    monkeypatch.setattr(s3_listing, "PAGE_KEYS", 2)
    for letter in "CDE":
        store.put(f"2026-01-03-03-00-00-{letter}", line(ord(letter)))


@pytest.mark.parametrize("name", LISTINGS)
@pytest.mark.usefixtures("five")
def test_a_listing_that_cannot_be_right_is_none(name: str, injector: Injector, site: Site) -> None:
    where, fault, said = LISTINGS[name]
    bucket = site.bucket(prefix="2026-")
    assert len(bucket.listing()) == 5
    pages = [target for target in injector.seen if where in target]
    true = plainly(injector, pages[0])
    injector.inject(where, fault)
    assert plainly(injector, pages[0]) != true

    with pytest.raises(MediameterError, match=said):
        bucket.listing()


@pytest.mark.parametrize("name", ["page 2 fails", "a key left out"])
@pytest.mark.usefixtures("five")
def test_a_listing_that_fails_moves_nothing(name: str, injector: Injector, site: Site, store: Store) -> None:
    where, fault, said = LISTINGS[name]
    site.run(prefix="2026-")
    before, listed = site.told(), site.listing()
    store.put("2026-01-03-03-00-00-F", line(6))
    injector.inject(where, fault)
    with pytest.raises(MediameterError, match=said):
        site.run(NOW + timedelta(hours=1), prefix="2026-").require_success()
    assert (site.told(), site.listing()) == (before, listed)

    injector.calm()
    site.run(NOW + timedelta(hours=1), prefix="2026-")
    assert site.told() == figures(1, 2, 6, *map(ord, "CDE"), settled=6)
    assert site.listing() != listed


ENDLESS = (  # an empty page, which says that there is more
    f"<ListBucketResult><Name>{BUCKET}</Name><KeyCount>0</KeyCount><IsTruncated>true</IsTruncated>"
    "<NextContinuationToken>more</NextContinuationToken></ListBucketResult>"
).encode()


def test_a_token_that_comes_again_is_a_circle(injector: Injector, site: Site) -> None:
    injector.inject(LISTING, lambda answer: Answer(200, {}, ENDLESS))
    with pytest.raises(WorldError, match="it goes in a circle"):
        site.bucket().listing()
    assert injector.count("continuation-token=more") == 1


@pytest.mark.parametrize(
    "fault", [refused(503, "SlowDown"), broken(0.5, "closed"), refused(200, "SlowDown")], ids=["503", "cut", "200"]
)
def test_a_page_that_fails_once_is_asked_for_again(fault: Fault, injector: Injector, site: Site) -> None:
    injector.inject(LISTING, fault, times=1)
    assert len(site.bucket().listing()) == 2 and injector.count(LISTING) == 2
