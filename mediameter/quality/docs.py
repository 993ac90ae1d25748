"""The gate's pages: Great Expectations' Data Docs of the last judgement, a folder that is replaced as a whole."""

from __future__ import annotations

import errno
import shutil
import tempfile
import time
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from great_expectations.data_context import AbstractDataContext

from mediameter.errors import WorldError
from mediameter.quality import pages

# The pages ask a dozen strangers for styles, scripts and pictures: a browser is told to ask nobody, and to run nothing.
POLICY = (
    "default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'"
)
_ALONE = (
    f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    "<style>body{font-family:sans-serif;max-width:75em;margin:2em auto}td,th{padding:.2em .6em;text-align:left;"
    "vertical-align:top}img{display:none}</style>"
)
_MARK = "made-by-mediameter"
_SITE = "quality"
_LEFT_AFTER_S = 3600
_VIEW = {"module_name": pages.__name__, "class_name": pages.Page.__name__}


def publish(context: AbstractDataContext, target: Path) -> None:
    """Writes the pages of all that the context was asked, and puts them where the last ones were.

    Raises ``WorldError`` when they cannot be written, or when the target holds what is not ours.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink() or (target.exists() and any(target.iterdir()) and not (target / _MARK).exists()):
            raise WorldError(f"{target} holds other files than the gate's pages", "set [quality] docs to a new folder")
        _sweep(target)
        draft = Path(tempfile.mkdtemp(prefix=_draft(target), dir=target.parent))
        context.add_data_docs_site(_SITE, _site(draft))
        # Logs what it cannot render, and leaves it out. Its own index is not wanted: see _index.
        context.build_data_docs(site_names=[_SITE], build_index=False)
        (draft / "index.html").write_text(_index(context, draft), encoding="utf-8")
        for page in draft.rglob("*.html"):
            page.write_text(_closed(page.read_text(encoding="utf-8")), encoding="utf-8")
        (draft / _MARK).touch()
        draft.chmod(0o755)
        _put(draft, target)
    except OSError as error:
        remedy = "correct its permissions, or free space; the verdicts are written"
        raise WorldError(f"the pages in {target} cannot be written ({error.strerror})", remedy) from None


def _site(folder: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", "show_cta_footer": False},
        "site_section_builders": {section: {"view": _VIEW} for section in ("expectations", "validations")},
    }


def _index(context: AbstractDataContext, draft: Path) -> str:
    """In place of Great Expectations' own, which a stranger's script fills."""
    store = context.validation_results_store
    verdicts = {key.expectation_suite_identifier.name: store.get(key).success for key in store.list_keys()}
    links = [
        f'<li><a href="{quote(page.relative_to(draft).as_posix())}">{escape(name)}</a>: '
        f"{'all rules are met' if verdicts[name] else '<strong>broken</strong>'}</li>"
        for name in sorted(verdicts)
        for page in (draft / "validations" / name).rglob("*.html")
    ]
    title = "What the quality gate found last"
    head = f'<head><meta charset="UTF-8"><title>{title}</title></head>'
    return f"<!DOCTYPE html>\n<html>{head}<body><h1>{title}</h1><ul>{''.join(links)}</ul></body></html>\n"


def _closed(page: str) -> str:
    return page.replace("<head>", f"<head>{_ALONE}", 1)


def _draft(target: Path) -> str:
    return f".{target.name}-draft-"


def _put(draft: Path, target: Path) -> None:
    """Of two gates that are ready at the same time, one may lose its pages."""
    old = Path(tempfile.mkdtemp(prefix=_draft(target), dir=target.parent))
    with suppress(FileNotFoundError):
        target.rename(old / "pages")
    try:
        draft.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    for each in (old, draft):
        shutil.rmtree(each, ignore_errors=True)


def _sweep(target: Path) -> None:
    """What a gate that was killed has left."""
    before = time.time() - _LEFT_AFTER_S
    for draft in target.parent.glob(f"{_draft(target)}*"):
        with suppress(FileNotFoundError):
            if draft.stat().st_mtime < before:
                shutil.rmtree(draft, ignore_errors=True)
