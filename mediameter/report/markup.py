"""HTML that is escaped by construction: text becomes markup only through ``element``, which escapes it.

There is no other way into the page, so no caller can forget it.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from mediameter.report.words import visible


class Markup(str):
    """Text that is markup already, made by this module (or a constant of ours)."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """``<name …>children</name>``; ``class_`` is class, ``stroke_width`` stroke-width, and None is left out."""
    pairs = (
        f' {key.rstrip("_").replace("_", "-")}="{_text(_number(value) if not isinstance(value, str) else value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    head = f"{name}{''.join(pairs)}"
    return Markup(f"<{head}>{join(children)}</{name}>" if children else f"<{head}/>")


def join(parts: Iterable[str]) -> Markup:
    return Markup("".join(part if isinstance(part, Markup) else _text(part) for part in parts))


def _text(hostile: str) -> str:
    return escape(visible(hostile), quote=True)


def _number(value: float) -> str:
    """Two places are finer than a pixel."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
