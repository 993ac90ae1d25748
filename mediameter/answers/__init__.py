"""Answers to the questions of the documents: one SQL file each in ``sql/answers``, the same text on every engine."""

from mediameter.answers.asking import OF_THE_LEDGER, Answer, AnswerError, Result, ask, catalogue, find, settled
from mediameter.answers.names import require_known
from mediameter.answers.themes import ITS_NAMES, by_theme
from mediameter.answers.window import Known, Window, asked, window
from mediameter.answers.writing import FORMATS, write

__all__ = [
    "FORMATS",
    "ITS_NAMES",
    "OF_THE_LEDGER",
    "Answer",
    "AnswerError",
    "Known",
    "Result",
    "Window",
    "ask",
    "asked",
    "by_theme",
    "catalogue",
    "find",
    "require_known",
    "settled",
    "window",
    "write",
]
