"""Names of files that are still on their way, or that are no logs whatever is in them: they are left out, by name.

Each program that copies has a way of naming what is not whole yet. A log object's own name is never taken for one:
those of S3's logging end in 16 or 32 hex digits behind a dash.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LINK = "symbolic link"


class LeftOut(NamedTuple):
    """A file that is not read because of its name, and the program that gives such names; or a symbolic link, which may
    lead to what nobody meant to be read."""

    key: str
    program: str

    @property
    def why(self) -> str:
        """What it is, in words."""
        return f"a {LINK}" if self.program == LINK else f"a temporary file of {self.program}"


class _Names(NamedTuple):
    """``is_sure``: no log is called so. Such a name is left out over S3 as well, where all other objects are whole."""

    program: str
    pattern: str
    is_sure: bool = True


_FILES = (
    _Names("rclone", r".+\.[0-9a-f]{8}\.partial"),
    _Names("rsync", r"\..+\.[A-Za-z0-9]{6}"),  # .NAME.Xy12Ab
    _Names("aws s3", r".+-(?:[0-9A-Fa-f]{16}|[0-9A-Fa-f]{32})(?:\.gz)?\.[0-9A-Fa-f]{8}"),  # NAME.6eE4b1c0
    _Names("aws s3", r".+\.(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{8}", False),  # the same of any name; eight digits are a date
    _Names("s3cmd", r"\.s3cmd.*|.+\.s3cmd[._-].*"),
    _Names("mc", r".+\.part\.minio"),
    _Names("gsutil, gcloud storage", r".+_\.gstmp"),
    _Names("azcopy", r"\.azDownload-.+"),
    _Names("WinSCP", r".+\.filepart"),
    _Names("lftp", r"\.in\..+|.+\.lftp-pget-status"),
    _Names("aria2", r".+\.aria2"),
    _Names("browser", r".+\.(?:crdownload|opdownload)"),
    _Names("Syncthing", r"[.~]syncthing[.~].+\.tmp"),
    _Names("Unison", r"\.unison\..+"),
    _Names("NFS", r"\.nfs.*"),  # removed while somebody still writes to it
    _Names("FUSE", r"\.fuse_hidden.*"),
    _Names("macOS", r"\.DS_Store|\._.+"),
    _Names("Windows", r"Thumbs\.db|desktop\.ini|~\$.+"),
    _Names("vim", r"\..+\.sw[a-p]"),
    _Names("Emacs", r"#.+#|\.#.+"),
    _Names("vim, Emacs", r".+~|4913", False),  # the version before, or a trial of the folder
    _Names("browser, any program", r".+\.(?:part|partial|download|tmp|temp|incomplete)", False),
    _Names("hidden", r"\..*", False),
)
_FOLDERS = (
    _Names("rsync --partial-dir", r"\.~tmp~|\.rsync-partial|\.rsync-tmp"),
    _Names("file system", r"lost\+found|\$RECYCLE\.BIN|System Volume Information|#recycle|@eaDir|\.Trash-\d+"),
    _Names("hidden", r"\..*", False),
)


NO_COPIES = (LINK, "macOS", "Windows", "file system", "hidden", "vim", "Emacs", "vim, Emacs")
"""What may lie there for ever: it is of no copy."""


def _compiled(names: tuple[_Names, ...]) -> tuple[tuple[str, re.Pattern[str], bool], ...]:
    return tuple((each.program, re.compile(each.pattern, re.DOTALL), each.is_sure) for each in names)


_FILE_NAMES, _FOLDER_NAMES = _compiled(_FILES), _compiled(_FOLDERS)


def left_out(key: str, prefix: str = "", *, only_sure: bool = False) -> LeftOut | None:
    """Why the key's name is that of no whole log; None where it is not.

    What the source's ``prefix`` names was asked for, and is not looked at. ``only_sure``: as over S3.
    """
    asked_for = prefix.rpartition("/")[0]
    *folders, name = key[len(asked_for) :].removeprefix("/").split("/")
    for folder in folders:
        if program := _program(folder, _FOLDER_NAMES, only_sure):
            return LeftOut(key, program)
    program = _program(name, _FILE_NAMES, only_sure)
    return LeftOut(key, program) if program else None


def _program(name: str, names: tuple[tuple[str, re.Pattern[str], bool], ...], only_sure: bool) -> str:
    for program, pattern, is_sure in names:
        if (is_sure or not only_sure) and pattern.fullmatch(name):
            return program
    return ""
