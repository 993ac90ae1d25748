"""Which document asks which question: answers by document and theme, and the documents' names of our columns."""

from __future__ import annotations

from mediameter.answers.asking import Answer, catalogue

OVH, PALETTE = "OVH S3 Analytics Setup Guide", "Director's Palette's guide"
_PALETTE = "Director's Palette: "
_QUERIES = "Queries and alerts"
ITS_NAMES: dict[str, tuple[tuple[str, str], ...]] = {
    "top_files_combined": (
        ("access_count", "access_count"), ("unique_users", "unique_users"), ("unique_ips", "unique_ips"),
        ("total_bandwidth", "total_bandwidth"), ("last_accessed", "last_accessed"),
    ),
    "cost_by_application": (
        ("application_id", "application"), ("date", "day"), ("requests", "requests"),
        ("bandwidth", "bytes_sent"), ("estimated_cost_usd", "cost, in currency"),
    ),
    "response_times": (
        ("date", "day"), ("avg_response_ms", "mean_ms"), ("max_response_ms", "max_ms"),
        ("p95_response_ms", "p95_ms"),
    ),
    "bandwidth_by_day": (("requests_today", "requests"), ("bandwidth_today", "bytes_sent")),
    "error_rate": (("error_rate", "error_rate"),),
    "top_users_by_spend": (("user_email", "user_id"),),
    "generations_by_model": (("model_name", "model"), ("count", "generations")),
    "generation_time_by_model": (("model_name", "model"), ("avg_ms", "average_ms")),
    "active_users": (("timestamp", "day"), ("unique_users", "active_users")),
    "revenue_by_day": (("revenue_cents", "paid"), ("total_revenue", "paid"), ("purchases", "purchases")),
    "generation_outcomes": (("failures", "failed_generations"),),
    "generation_times_window": (("slow_generations", "slow_generations"),),
}  # fmt: skip
"""By answer: the document's name of a column, and ours."""


def by_theme() -> list[tuple[str, str, list[Answer]]]:
    """Document, theme, and its answers, each answer where it is asked first."""
    found: dict[tuple[str, str], list[Answer]] = {}
    for answer in catalogue():
        found.setdefault(_place(answer), []).append(answer)
    order = sorted(found, key=lambda place: (place[0] != OVH, place[1] == _QUERIES, place[1]))
    return [(*place, found[place]) for place in order]


def _place(answer: Answer) -> tuple[str, str]:
    first, *others = (part.strip() for part in answer.asked_in.split(";"))
    if not first.startswith(_PALETTE):
        return OVH, first.partition(":")[0].partition(" (")[0]
    asked = (first.removeprefix(_PALETTE), *others)
    return PALETTE, next((part.partition(":")[0] for part in asked if "Dashboard" in part), _QUERIES)
