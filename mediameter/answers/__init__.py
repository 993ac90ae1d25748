"""The questions of the documents, answered: one SQL file each in ``sql/answers``, the same text on every engine."""

from mediameter.answers.asking import OF_THE_LEDGER, Answer, AnswerError, Result, ask, catalogue, find, settled
from mediameter.answers.window import window
from mediameter.answers.writing import FORMATS, write

__all__ = [
    "FORMATS",
    "OF_THE_LEDGER",
    "Answer",
    "AnswerError",
    "Result",
    "ask",
    "catalogue",
    "find",
    "settled",
    "window",
    "write",
]
