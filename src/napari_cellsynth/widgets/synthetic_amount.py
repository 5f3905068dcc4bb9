"""How many synthetic patches a classifier is trained on: so many a class, up to so many in total, or a share."""

from __future__ import annotations

from typing import Any

AMOUNTS = {
    "a class": "So many synthetic patches are added to each class.",
    "in total": "Rare classes are filled up with synthetic patches to so many in total.",
    "% of real": "Each class gets this share of its real crops in synthetic patches.",
}
"""What a number of synthetic patches may be the number of."""


def asked(number: int, amount: str) -> dict[str, Any]:
    """Return the job's parameters that ask for this."""
    if amount == "a class":
        return {"synthetic": number}
    return {"up_to": number} if amount == "in total" else {"share": number / 100}


def keywords(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the job's parameters as `balance.synthetic_counts` takes them."""
    return {"each" if name == "synthetic" else name: number for name, number in parameters.items()}


def added(run: Any) -> tuple[int, str]:
    """Return how many synthetic patches a run asked for, and of what that is the number."""
    if run.parameters.get("up_to"):
        return int(run.parameters["up_to"]), "in total"
    if run.parameters.get("share"):
        return round(100 * run.parameters["share"]), "% of real"
    return int(run.parameters.get("synthetic", 0)), "a class"


def trained_on(run: Any) -> str:
    """Return in a few words what a run was trained on."""
    number, amount = added(run)
    if not number:
        return "real"
    words = {"a class": f"+{number}", "in total": f"up to {number}", "% of real": f"+{number} %"}[amount]
    return f"{run.parameters.get('mode', 'mixed')} {words}"
