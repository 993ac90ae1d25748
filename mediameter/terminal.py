"""The one place that writes to stdout and stderr: without the secrets of the settings, and without a character that a
terminal would obey. ``tests/architecture/test_ways_out.py`` finds anybody else who does.

Under Prefect, ``print`` in a task is a line of its log; so this is the way there, too.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from typing import IO, TYPE_CHECKING, Any

from mediameter.discretion import discreet, discreet_values
from mediameter.printable import shown_json, shown_lines

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 160  # columns of a pipe or a file: whoever reads them searches, and wrapped lines hide


def say(text: str) -> None:
    """Some lines on stdout."""
    print(_encodable(_harmless(text), sys.stdout))


def complain(text: str) -> None:
    """Some lines on stderr, at once."""
    print(_encodable(_harmless(text), sys.stderr), file=sys.stderr, flush=True)


def say_json(value: object, *, indent: int | None = 2) -> None:
    """A value on stdout, for programs."""
    print(shown_json(json.dumps(discreet_values(value), indent=indent, ensure_ascii=False, default=str)))


def console(*, stderr: bool = False) -> Console:
    """Tables and colours, on stdout (in full width where nobody looks), or on stderr."""
    is_seen = stderr or sys.stdout.isatty()
    made: Console = _harmless_console()(stderr=stderr, width=None if is_seen else WIDE)
    return made


def is_seen() -> bool:
    """Whether stdout is a terminal that somebody looks at."""
    return sys.stdout.isatty()


def stream() -> IO[Any]:
    """Where figures are written as they are, to a file or a program; on a terminal they are made harmless."""
    return _Seen(sys.stdout) if is_seen() else sys.stdout  # type: ignore[return-value]


def hang_up() -> None:
    """Nobody reads on: Python would complain of it when it ends."""
    sys.stderr.close()


class _Seen:
    """A terminal's stream, of what is no text of ours: no secret of the settings is among figures."""

    def __init__(self, terminal: IO[str]) -> None:
        self._terminal = terminal

    def write(self, text: str) -> int:
        return self._terminal.write(_encodable(shown_lines(text.replace("\r\n", "\n")), self._terminal))


def _harmless(text: str) -> str:
    return shown_lines(discreet(text))


def _encodable(text: str, stream: IO[str]) -> str:
    """A terminal that knows no UTF-8 must not end a command."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


@cache
def _harmless_console() -> Any:
    """Rich's console, whose every text goes through here: made when first asked for, since Rich takes its time."""
    from rich.console import Console
    from rich.segment import Segment
    from rich.text import Text

    class Harmless(Console):
        def render_str(self, text: str, **how: Any) -> Text:
            return super().render_str(_harmless(text), **how)

        def render(self, renderable: Any, options: Any = None) -> Any:
            if isinstance(renderable, Text) and discreet(renderable.plain) != renderable.plain:
                renderable = Text(discreet(renderable.plain), renderable.style)
            for segment in super().render(renderable, options):  # what Rich says to the terminal itself is control
                yield segment if segment.control else Segment(shown_lines(segment.text), segment.style)

    return Harmless
