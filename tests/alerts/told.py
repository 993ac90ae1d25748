"""What a message is about, in three words: of the figures in it, not of its wording, which may change."""

from __future__ import annotations

from typing import Any

_WORDS = {
    "firing": "fires", "worse": "has become worse", "again": "fires again", "flapping": "comes and goes",
    "still": "still fires", "resolved": "has ended", "over": "fired, and has ended already",
}  # fmt: skip


def change(payload: dict[str, Any]) -> str:
    """``error_rate fires``, ``slow_model (palette) has ended``, ``quality_gate fires for 51 groups``."""
    data = payload["data"]
    count, word = data["incident_count"], _WORDS[data["change"]]
    if count > len(data["incidents"]) or count > 1:
        return f"{data['rule']} {word} for {count} groups"
    group = data["incidents"][0]["group"]
    return f"{data['rule']}{'' if group == '*' else f' ({group})'} {word}"
