"""The results of a check as tables that a person reads."""

from collections.abc import Mapping, Sequence
from typing import Any

AIMS = {"time": 0.95, "water": 0.9, "landmark": 0.8, "weather": 0.8}
"""What the small model should reach, by attribute."""
AIM_TIMES_FLOOR = 3.0


def markdown(results: Mapping[str, Any]) -> str:
    """All results of `engine.mini.evaluation.evaluate`, one table for each question."""
    parts = [
        _heading(results),
        "## Does it show what the prompt names?\n\n" + _accuracy(results["accuracy"]),
        "## Do its pictures look like renders?\n\n" + _distance(results["distance"]),
        "## Are its pictures of one prompt different?\n\n" + _diversity(results["diversity"]),
        "## What does guidance change?\n\n" + _guidance(results["guidance"], results["config"]),
        "## Does it copy?\n\n" + _neighbours(results["neighbours"]),
    ]
    if results["not_measured"]:
        parts.append("## Not measured\n\n" + "\n".join(f"- {text}" for text in results["not_measured"]))
    return "\n\n".join(parts) + "\n"


def _heading(results: Mapping[str, Any]) -> str:
    config, judge = results["config"], results["judge"]
    return (
        f"# Check of model {results['model']}\n\n"
        f"{config['count']} prompts of scenes that nothing was trained on, one picture each at {config['size']} px, "
        f"{config['scheduler']}, {config['steps']} steps, guidance {config['guidance']:g}{_wearing(results)}. The "
        f"judge is a classifier trained on {judge['trained_on']} rendered scenes; its own accuracy is on "
        f"{judge['held_out']} others."
    )


def _wearing(results: Mapping[str, Any]) -> str:
    return f", with the LoRA {results['lora']}" if results["lora"] else ""


def _accuracy(accuracy: Mapping[str, Any]) -> str:
    rows = [
        (
            name,
            str(found["prompts"]),
            _percent(found["model"]),
            " to ".join(_percent(bound) for bound in found["interval"]),
            _percent(found["renderer"]),
            _percent(found["judge_held_out"]),
            _percent(found["chance"]),
            _percent(AIMS[name]),
        )
        for name, found in accuracy.items()
    ]
    titles = ("attribute", "prompts", "model", "95 %", "renderer", "judge, held-out", "chance", "aim")
    return _table(titles, rows) + (
        "\n\nOnly prompts that name the attribute count. Chance is the most frequent value among them. The renderer "
        "is judged on its pictures of the same scenes: nothing above it can be trusted."
    )


def _distance(distance: Mapping[str, Any]) -> str:
    rows = [
        (
            name,
            str(d["pictures"]),
            *(f"{d[key]:.3f}" for key in ("model", "renderer", "floor")),
            f"{d['times_floor']:.1f}",
        )
        for name, d in distance.items()
    ]
    titles = ("features", "N", "model", "renderer", "floor", "model / floor")
    return _table(titles, rows) + (
        f"\n\nFrechet distance to N renders of other scenes; the floor is that between halves of the renders, N each. "
        f"Aim: at most {AIM_TIMES_FLOOR:g} times the floor. These features are not Inception's, so this is no FID. "
        "A network that took part in the training flatters: the stage finish brings VGG19's features nearer."
    )


def _diversity(diversity: Mapping[str, Any]) -> str:
    rows = [
        (name, str(d["prompts"]), f"{d['model']:.3f}", f"{d['renderer']:.3f}", f"{d['ratio']:.2f}")
        for name, d in diversity.items()
    ]
    return _table(("features", "prompts", "model", "renderer", "model / renderer"), rows) + (
        "\n\nMean distance between pictures of one prompt from several seeds, and between renders of the same "
        "attributes. A prompt does not name everything, so the model may be more diverse than the renderer."
    )


def _guidance(guidance: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    if not guidance:
        return "Left out in this run."
    rows = [(scale, *(_percent(found[name]) for name in AIMS)) for scale, found in guidance.items()]
    count = min(config["guidance_prompts"], config["count"])
    return _table(("guidance", *AIMS), rows) + f"\n\nOn the first {count} prompts."


def _neighbours(found: Mapping[str, Any]) -> str:
    rows = [
        ("model", f"{found['model_median']:.3f}", f"{found['model_smallest']:.3f}"),
        ("held-out renders", f"{found['held_out_median']:.3f}", f"{found['held_out_smallest']:.3f}"),
    ]
    return _table(("pictures", "median", "smallest"), rows) + (
        f"\n\nDistance to the nearest of {found['known']} training pictures in {found['features']} features. "
        f"{_percent(found['share_unusually_near'])} of the model's pictures are nearer than all but 1 % of the "
        "held-out renders. Blur moves pictures away from all renders, so look at neighbours.png too."
    )


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
