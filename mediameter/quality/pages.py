"""How a page of the gate is rendered: as Great Expectations does it, but each template is compiled once a process.

Great Expectations makes a template environment for each section of each site, and compiles the same fifty templates in
each of them: a third of the time that a gate took.

Its templates escape nothing by themselves, and its views not all. Whatever stands in a page came from a client's
request or from somebody's suite: all of it is escaped before a template sees it.
"""

from __future__ import annotations

from html import escape
from typing import Any

from great_expectations.render.view import DefaultJinjaPageView
from jinja2.bccache import Bucket, BytecodeCache


class _Compiled(BytecodeCache):
    """Compiled templates by name and source."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._code.get((bucket.key, bucket.checksum)):
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key, bucket.checksum] = bucket.code


_compiled = _Compiled()


class Page(DefaultJinjaPageView):  # type: ignore[misc]
    """A page of Great Expectations, whose texts are texts."""

    def __init__(self, **directories: Any) -> None:
        super().__init__(**directories)
        self.env.bytecode_cache = _compiled
        # What a suite is about is a text, and escaped already: as Markdown it could name pictures and links.
        self.env.filters["render_markdown"] = str

    def render(self, document: Any, template: Any = None, **more: Any) -> Any:
        self._validate_document(document)
        return self._get_template(template or self._template).render(escaped(document.to_json_dict()), **more)

    @staticmethod
    def _escape_template_param_value(value: Any) -> Any:
        """As Great Expectations does it, and also within quotes, and of lists, which it would write as they are."""
        return value if value is None or isinstance(value, int | float) else escape(str(value))


def escaped(content: Any) -> Any:
    """Content blocks whose every text is escaped, but for the parameters of a template: the view escapes those when it
    puts them in."""
    if isinstance(content, str):
        return escape(content)
    if isinstance(content, list | tuple):
        return [escaped(each) for each in content]
    if not isinstance(content, dict):
        return content
    kept = {"params"} if "template" in content else set()
    return {escape(str(name)): value if name in kept else escaped(value) for name, value in content.items()}
