"""The second paper's table and the third paper's, ours beside theirs."""

from __future__ import annotations

from collections.abc import Callable

from fer_pipeline.report.tables import Cell, markdown_table, percent
from study.published import SECOND_CLASSES, SECOND_COLUMNS, SECOND_FIGURES, SECOND_NAMES, THIRD
from study.records import Figures
from study.told import Section, Told, column_of, failures_of, points, with_interval

_OURS: dict[str, Callable[[Figures], float | int]] = {
    "accuracy, training": lambda column: column["measures"]["accuracy, training"],
    "accuracy, test": lambda column: column["measures"]["accuracy, test"],
    "top-2 accuracy, test": lambda column: column["measures"]["top-2 accuracy, test"],
    "time per image, s": lambda column: column["measures"]["milliseconds per image"] / 1000,
    "weights": lambda column: column["measures"]["weights"],
    "size of weights file, bytes": lambda column: column["measures"][
        "size of the model file, bytes"
    ],
}

_NOT_COMPARABLE = """\
*Comparable*: networks, weights (met one by one for eight classes), input of 120×120, the five steps
of augmentation, balanced sampling, and what is measured. *Not comparable*: the faces; how many
there are (the paper draws 10,000 of each class, and nothing is known of its epochs); the beginning
(random here); the time (one thread of a processor with LiteRT here, a GPU there). Where training
was this short, the table says what the networks weigh and cost, and little of how good they get."""


def second_paper(told: Told) -> Section:
    """Fill the second paper's table, with simulated faces and with photographs."""
    return [
        "## The second paper: colour or gray, three deep networks",
        "Yudin, Dolzhenko and Kapustina (NEUROINFORMATICS-2019). Each figure stands above the one "
        "that the paper prints for AffectNet, testing sample 2.",
        *told.section("### On simulated faces", "second-paper", _on_simulated),
        *told.section(
            "### On FER2013, gray, enlarged from 48 pixels", "second-paper-fer2013", _on_photographs
        ),
        _NOT_COMPARABLE,
    ]


def _on_simulated(table: Figures) -> Section:
    return [
        f"{sum(table['faces'].values()):,} faces of the labelled stretches, eight expressions; "
        f"people are held out, and always naming the commonest would tell {_commonest(table)}. "
        f"{_effort(table)} "
        "[The whole comparison](simulated-study/second-paper/comparison.md).",
        *_second_tables(table, "simulated"),
        *_colour(table),
        *failures_of(table),
    ]


def _on_photographs(table: Figures) -> Section:
    return [
        "FER2013 has no colour and no contempt, which leaves columns and rows empty; the corpus's "
        f"own split, where always naming the commonest expression would tell {_commonest(table)}. "
        f"{_effort(table)} "
        "[The whole comparison](simulated-study/second-paper-fer2013/comparison.md).",
        *_second_tables(table, "FER2013"),
        *failures_of(table),
    ]


def _effort(table: Figures) -> str:
    epochs = table["epochs"]
    told = "One epoch" if epochs == 1 else f"At most {epochs} epochs"
    return (
        f"{told} of {table['balance']} faces of each expression."
        if "balance" in table
        else f"{told}."
    )


def _second_tables(table: Figures, whose: str) -> list[str]:
    columns = [column_of(table, *key) for key in SECOND_COLUMNS]
    names = [
        f"{SECOND_NAMES[network]} {'colour' if channels == 'rgb' else 'gray'}"
        for network, channels in SECOND_COLUMNS
    ]
    figures: list[tuple[Cell, ...]] = []
    for name, printed in SECOND_FIGURES.items():
        figures += [
            (name, whose, *(_shown(_OURS[name](column) if column else None) for column in columns)),
            ("", "AffectNet, published", *map(_shown, printed)),
        ]
    classes: list[tuple[Cell, ...]] = []
    for number, (emotion, measures) in enumerate(SECOND_CLASSES.items()):
        for measure, printed in zip(("precision", "recall"), measures, strict=True):
            ours = [_of_class(column, emotion, measure) for column in columns]
            first = f"{number} {emotion}" if measure == "precision" else ""
            classes += [
                (first, measure, whose, *map(_shown, ours)),
                ("", "", "AffectNet, published", *map(_shown, printed)),
            ]
    return [
        markdown_table(("", "data", *names), figures),
        markdown_table(("class", "measure", "data", *names), classes),
    ]


def _of_class(column: Figures | None, emotion: str, measure: str) -> float | None:
    if column is None:
        return None
    for one in column["scores"]["classes"]:
        if one["emotion"] == emotion:
            return float(one[measure])
    return None


def _shown(value: float | int | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _colour(table: Figures) -> list[str]:
    rows = [
        (
            SECOND_NAMES[network],
            f"{100 * told['value']:+.1f}",
            points(told["interval"]),
        )
        for network, told in table["colour minus gray"].items()
    ]
    header = ("colour better than gray by, points", "", "95 % interval over people")
    return [markdown_table(header, rows)] if rows else []


def third_paper(told: Told) -> Section:
    """Describe the third paper's six networks."""
    return told.section("## The third paper: four expressions, six networks", "third-paper", _six)


def _six(groups: Figures) -> Section:
    rows: list[tuple[Cell, ...]] = []
    for network, (name, weights, public) in THIRD.items():
        effort, column = _effort_and_column(groups, network)
        mark = "" if column is None or column["as_published"] else " †"
        rows.append(
            (
                name + mark,
                _shown(weights),
                _shown(column["measures"]["weights"] if column else None),
                effort,
                percent(column["measures"]["accuracy, training"]) if column else "",
                with_interval(column) if column else "failed",
                public,
            )
        )
    header = (
        "network",
        "weights, slides",
        "weights, ours",
        "faces × epochs",
        "training",
        "people held out (95 % interval)",
        "public runs, 128 photographs",
    )
    return [
        "Sukiasian (2023): happy, sad, surprised, neutral at 48×48 in colour. Simulated faces, all "
        "sides counted; people are held out, and always naming the commonest of four would tell "
        f"{_commonest(*groups.values())}. A backbone takes many times as long to learn from a face "
        "as a small network, so it has fewer faces and epochs, and, with random weights, a rate of "
        "0.0003 for 0.001. "
        "The whole comparisons: [small networks](simulated-study/third-paper/comparison.md), "
        "[backbones](simulated-study/third-paper-backbones/comparison.md).",
        markdown_table(header, rows),
        "† began with random weights, all of which learned; the published one kept a backbone of "
        "ImageNet's frozen. These are not the published figures' conditions.",
        "*Comparable*: classes, input, networks as far as the slides tell. *Not comparable*: the "
        "faces, their number, epochs, and the public runs, whose 128 test images are no sample of "
        "people. The order of the networks is that of so much training and no more.",
        *(line for table in groups.values() for line in failures_of(table)),
    ]


def _effort_and_column(groups: Figures, network: str) -> tuple[str, Figures | None]:
    """Return what a network learned from, and its column; nothing if it failed."""
    for table in groups.values():
        if column := column_of(table, network, "rgb"):
            return f"{sum(table['faces'].values()):,} × {table['epochs']}", column
    return "", None


def _commonest(*tables: Figures) -> str:
    shares = {
        percent(column["scores"]["majority"]) for table in tables for column in table["columns"]
    }
    return " or ".join(sorted(shares))
