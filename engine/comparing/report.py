"""A comparison or test on paper: rows for tables, CSV for spreadsheets. Imports no torch, so that pages read it too."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.files import replacing

QUALITY, COST, EACH = "quality.csv", "cost.csv", "photos.csv"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
FIGURES = {
    "edges": "Edge SSIM",
    "flat": "Flat share",
    "checkerboard": "Checkerboard",
    "day_night": "Day and night kept",
}
FAILURES = {
    "halo": "Halo",
    "blob": "Blob",
    "ghost": "Ghost",
    "thin_kept": "Thin lines kept",
    "light_order": "Light order",
    "night_lift": "Night lift",
    "skin_drift": "Skin drift",
    "white_drift": "White drift",
}
FAILURES_IN_WORDS = (
    "Halo, blob, ghost, skin and white drift: less is better. Thin lines kept and light order: 1 is best. Night lift: "
    "by how much the dark half of a photo became lighter."
)
PUBLISHED = {
    "FID and opinion, as published (another network, data and scale)": {
        "CartoonGAN": "FID 45.79, 2.708",
        "AnimeGAN": "FID 56.88, 2.160",
        "Scenimefy": "FID 60.32, 2.232",
        "NijiGAN": "FID 58.71, 2.192",
    },
    "Seconds of 5 and of 50 runs, memory and parameters, as published (size and GPU not printed)": {
        "NijiGAN": "1.533 s, 0.771 s, 9.694 GB, 5.477 M",
        "Scenimefy": "1.253 s, 0.387 s, 9.718 GB, 11.378 M",
    },
}
SMALLEST = 1e-9  # what rounding leaves of nothing
Cells = dict[str, str]


def quality_rows(report: Mapping[str, Any]) -> list[Cells]:
    """Table 6.1 as cells, the photos themselves first."""
    rows = []
    for row in report["rows"]:
        cells = {"Method": row["title"]}
        cells |= {name: number(value) for name, value in row["distances"].items()}
        cells |= {title: number(row["means"][name]) for name, title in FIGURES.items()}
        if report["pairs"]["count"]:
            cells |= {"MSE to its pair": number(row["pairs"]["mse"]), "PSNR, dB": number(row["pairs"]["psnr"])}
        for question in questions(report):
            cells[question] = _opinion(row["opinions"].get(question))
        rows.append(cells)
    return rows


def questions(report: Mapping[str, Any]) -> list[str]:
    """What a study asked about these translators."""
    return list(dict.fromkeys(question for row in report["rows"] for question in row["opinions"]))


def failure_rows(report: Mapping[str, Any]) -> list[Cells]:
    """The eight kinds of failure as cells."""
    return [
        {"Method": row["title"]} | {title: number(row["means"][name]) for name, title in FAILURES.items()}
        for row in report["rows"]
    ]


def cost_rows(report: Mapping[str, Any]) -> list[Cells]:
    """Table 6.2 as cells; one quantity a column."""
    return [
        {
            "Method": row["title"],
            "Seconds, mean of 5": number(row["seconds_few"]),
            f"Seconds, mean of {row['runs']} more": number(row["seconds_many"]),
            "Peak memory of its process, GB": number(row["peak_bytes"] / 1e9),
            "Of that before it was read, GB": number(row["before_bytes"] / 1e9),
            "Parameters, M": "none" if row["parameters"] is None else number(row["parameters"] / 1e6, 4),
            "GFLOP a picture": "not counted" if row["flop"] is None else number(row["flop"] / 1e9),
            "Evaluations": "none" if row["evaluations"] is None else str(row["evaluations"]),
        }
        for row in report["costs"]
    ]


def pair_rows(report: Mapping[str, Any]) -> list[Cells]:
    """A test's three columns as cells: the mean first, then each pair."""
    return [
        {"Picture": row["name"]}
        | {f"{title}, MSE": number(row[column]["mse"]) for column, title in report["columns"].items()}
        | {f"{title}, dB": number(row[column]["psnr"]) for column, title in report["columns"].items()}
        for row in [{"name": "Mean"} | report["means"], *report["pairs"]]
    ]


def write_files(folder: Path, report: Mapping[str, Any]) -> None:
    """The tables of a comparison as CSV, with all digits."""
    rows = report["rows"]
    flat = [
        {"method": row["name"], "n": row["n"], "m": report["styles"]["count"], **row["distances"], **row["means"]}
        | {f"pairs {name}": value for name, value in row["pairs"].items()}
        | {f"opinion: {name}": value["mean"] for name, value in row["opinions"].items()}
        for row in rows
    ]
    write_csv(folder / QUALITY, flat)
    each_photo = [{"method": row["name"], "photo": name} | found for row in rows for name, found in row["each"].items()]
    write_csv(folder / EACH, each_photo)
    if report["costs"]:
        write_csv(folder / COST, report["costs"])


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows with a head of all their names; a text that a spreadsheet would run gets an apostrophe in front."""
    head = list(dict.fromkeys(name for row in rows for name in row))
    lines = io.StringIO()
    table = csv.writer(lines)
    table.writerow(map(_cell, head))
    table.writerows([_cell(row.get(name, "")) for name in head] for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(lines.getvalue().encode())


def markdown(rows: Iterable[Cells]) -> str:
    """Cells as a table of Markdown, for terminals and files."""
    rows = list(rows)
    head = list(dict.fromkeys(name for row in rows for name in row))
    lines = [head, ["---"] * len(head), *([row.get(name, "") for name in head] for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def number(value: float | str | None, digits: int = 3) -> str:
    """So many digits, all of whole thousands; texts stand for numbers that JSON does not know."""
    if not isinstance(value, int | float):
        return "" if value is None else str(value)
    if abs(value) < SMALLEST:
        return "0"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def _opinion(score: Mapping[str, Any] | None) -> str:
    if score is None:
        return ""
    ends = [score["low"], score["high"]]
    known = all(isinstance(end, int | float) for end in ends)  # two people and two pictures are needed for an interval
    interval = f" ({number(ends[0])} to {number(ends[1])})" if known else ""
    return f"{number(score['mean'])}{interval}, N = {score['answers']}"


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
