"""The document on the published experiments, from whatever steps are done."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fer_pipeline.paired import share_interval
from fer_pipeline.report.tables import Cell, markdown_table, percent
from study.describing_lenet import (
    by_frames,
    each_expression,
    each_person,
    first_paper,
    held_out,
    learning_curves,
)
from study.describing_papers import second_paper, third_paper
from study.published import LENET_FACES
from study.records import Figures, Record
from study.steps import STEPS
from study.told import NOT_RUN, Section, Told, points

_ALONE, _PRETRAINED = "alone", "weights"
"""Of the arms of `study.domain`."""

OPENING = """\
# The published experiments, on rendered people

**The people in these experiments are rendered, not filmed. No figure here says how well anything
tells the expressions of human faces**, and the order of networks may be another one on real
recordings. What the figures do show: that the pipeline goes all the way from clips to results; what
a protocol makes of one and the same network; what labels, timelines and detector are worth where
the truth is known to the frame. [How the people are made](../simulation.md).

`make study` makes everything again, goes on where it was stopped, and writes this page from the
figures in [simulated-study/](simulated-study); nobody edits it. The renderer was not tuned to reach
a figure."""


def document(records: Mapping[str, Record], failed: Mapping[str, str]) -> str:
    """Write the document.

    Args:
        records: Of the steps that are done.
        failed: Why steps that were tried are not done.
    """
    told = Told(records, failed)
    blocks = [
        OPENING,
        *_in_short(told),
        *first_paper(told),
        *each_expression(told),
        *each_person(told),
        *learning_curves(told),
        *told.section("## The detector", "detection", _detector),
        *told.section("## Somebody else's network, at the apex", "peer", _apexes),
        *told.section("## Timelines against the truth", "timelines", _timelines),
        *second_paper(told),
        *third_paper(told),
        *told.section("## Do simulated faces help on photographs?", "domain", _domain),
        *_times(told),
        *_commands(told),
    ]
    return "\n\n".join(blocks) + "\n"


def _in_short(told: Told) -> Section:
    rows = [
        ("labelled faces", f"more than {LENET_FACES:,}", _faces(told, "extract")),
        ("accuracy, random frames", "99 % or more", by_frames(told, "lenet5")),
        ("accuracy, people held out", "whatever it is", held_out(told, "lenet5")),
        ("… heads not lowered", "whatever it is", held_out(told, "lenet5-no-pitch")),
        ("frames in which the detector finds a face", "99.5 % or more", _found(told)),
        ("apexes that `fer` of PyPI names as acted", "60 % or more", _peer(told)),
        ("accuracy on FER2013 after simulated faces", "whatever it is", _transfer(told)),
        ("simulation and extraction", "under 60 minutes", _minutes(told)),
    ]
    return ["## In short", markdown_table(("", "wanted", "found"), rows)]


def _faces(told: Told, step: str) -> str:
    figures = told.figures(step)
    if figures is None:
        return told.lacking(step)
    return f"{sum(figures['faces'].values()):,} of {figures['labelled frames']:,} frames"


def _found(told: Told) -> str:
    figures = told.figures("detection")
    return told.lacking("detection") if figures is None else f"{100 * figures['share']:.2f} %"


def _peer(told: Told) -> str:
    figures = told.figures("peer")
    return told.lacking("peer") if figures is None else percent(figures["fer of PyPI"]["share"])


def _transfer(told: Told) -> str:
    figures = told.figures("domain")
    if figures is None:
        return told.lacking("domain")
    return "; ".join(
        f"{amount}: {percent(ways[_PRETRAINED]['accuracy'])}, "
        f"{percent(ways[_ALONE]['accuracy'])} without"
        for amount, ways in figures["amounts"].items()
    )


def _minutes(told: Told) -> str:
    simulated, extracted = (told.records.get(step) for step in ("simulate", "extract"))
    if simulated is None or extracted is None:
        return told.lacking("extract" if simulated else "simulate")
    minutes = (simulated.seconds + extracted.seconds) / 60
    cores = simulated.made["machine"]["cores"]
    return f"{minutes:.0f} minutes on {cores} cores, {simulated.figures['frames']:,} frames"


def _detector(figures: Figures) -> Section:
    rows = [(name, f"{100 * share:.2f} %") for name, share in figures["emotions"].items()]
    worst = ", ".join(f"{name} {100 * one:.1f} %" for name, one in figures["worst"].items())
    return [
        f"Haar cascade of `fer extract`, all {figures['frames']:,} frames of the study, each by "
        f"itself: a face in {100 * figures['share']:.2f} %. The people with the fewest: {worst}. "
        "[By clip](simulated-study/detection.csv).",
        markdown_table(("expression acted", "frames with a face"), rows),
    ]


def _apexes(figures: Figures) -> Section:
    names = list(figures)
    peer = figures[names[0]]

    def line(told: str, group: str, key: str) -> tuple[str, ...]:
        return (told, *(percent(figures[name][group][key]) for name in names))

    rows = [("all", *(_with_wilson(figures[name]) for name in names))]
    rows += [line(seed.replace("-", " "), "seeds", seed) for seed in peer["seeds"]]
    rows += [line(emotion, "emotions", emotion) for emotion in peer["emotions"]]
    blank = ", ".join(f"{figures[name]['without a face']} for {name}" for name in names)
    return [
        f"One picture of each of {peer['pictures']} clips of people of seeds that were not looked "
        "at when the expressions were made: the middle of the apex, or of a neutral clip. How "
        "often networks that learned from photographs of real people name what was acted; chance "
        f"is 14 %. No face was found in {blank}; that counts as wrong. Intervals are Wilson's, as "
        "if all pictures were independent. The bundled model is read from the timeline of the "
        "clip, at the same frame. "
        "[By picture](simulated-study/apexes.csv).",
        markdown_table(("", *names), rows),
    ]


def _with_wilson(figures: Figures) -> str:
    right = np.arange(figures["pictures"]) < round(figures["share"] * figures["pictures"])
    low, high = share_interval(right)
    return f"{percent(figures['share'])} ({percent(low)} to {percent(high)})"


def _timelines(figures: Figures) -> Section:
    rows = [
        (
            name,
            f"{one['met']} of {one['expressions']}",
            one["meet nothing"],
            *(_error(one[point]) for point in ("onset", "apex", "offset")),
        )
        for name, one in figures.items()
    ]
    header = ("model, smoothing", "met", "meet nothing", "onset", "apex", "offset")
    return [
        "Sessions of people of another seed, all expressions one after the other, annotated by "
        "LeNet-5 of the first fold (which has seen three in five of the people of the study, "
        "and none of these) and by the bundled model (which has seen no rendered face). An "
        "expression is met by a segment of the same name that overlaps it. In each cell: median "
        "distance in seconds, ninth decile in brackets, then the median with its sign (+ is late). "
        "An expression begins and ends at half of its intensity; the apex counts as right "
        "anywhere on its plateau. Errors are those of expressions that were met: one that was not "
        "told at all has none. A frame lasts 0.04 s. "
        "[All errors](simulated-study/timeline-errors.csv).",
        markdown_table(header, rows),
    ]


def _error(spread: Figures | None) -> str:
    if spread is None:
        return ""
    return f"{spread['median']:.2f} ({spread['ninth decile']:.2f}), {spread['late by']:+.2f}"


def _domain(figures: Figures) -> Section:
    rows: list[tuple[Cell, ...]] = []
    for amount, ways in figures["amounts"].items():
        for arm, one in ways.items():
            gain = ("", "") if arm == _ALONE else (_gain(one), _beyond_zero(one))
            rows.append(
                (
                    amount,
                    figures["arms"][arm],
                    " ".join(map(str, one["epochs"])),
                    percent(one["accuracy"]),
                    " ".join(f"{100 * share:.1f}" for share in one["accuracies"]),
                    percent(one["balanced accuracy"]),
                    *gain,
                )
            )
    header = (
        "faces of FER2013",
        "begins with",
        "epochs kept",
        "accuracy",
        "each seed, %",
        "balanced",
        "gain, points",
        "seeds above 0, below 0",
    )
    plain = figures["not adapted"]
    majority = next(iter(next(iter(figures["amounts"].values())).values()))["majority"]
    return [
        "LeNet-5 on FER2013's own split, tested on PrivateTest, where always naming the commonest "
        f"expression would tell {percent(majority)}. The simulated faces were cut out like "
        "FER2013's, and their network, one and the same for all, was trained as ever, on two in "
        "three of the people. Each seed is compared with the same seed. The gain is followed by "
        "the 95 % interval of each seed, over pairs of faces: it says how sure the gain of that "
        "one training is with other faces, and nothing of other trainings, for which the seeds "
        "stand. The last column counts intervals that are above 0, and below.",
        markdown_table(header, rows),
        "Where all weights are free, nothing but the beginning differs. `--from` is another way to "
        "learn, too, at a tenth of the rate from the fourth epoch on: where it was kept after the "
        "last epochs it had not learned all that it could. With few of each, only the training "
        "faces are few: the epoch is chosen on the whole PublicTest in all rows, and what is "
        "learned is balanced while the test is not, so that the balanced accuracy tells more.",
        f"Without seeing a single photograph, the network of the simulated faces tells "
        f"{percent(plain['accuracy'])} of {plain['faces']:,} photographs; always naming the "
        f"commonest expression would tell {percent(plain['majority'])}.",
    ]


def _gain(one: Figures) -> str:
    ends = "; ".join(points(gain["interval"]) for gain in one["gains"])
    return f"{100 * one['gain']:+.1f} ({ends})"


def _beyond_zero(one: Figures) -> str:
    intervals = [gain["interval"] for gain in one["gains"]]
    above, below = sum(low > 0 for low, _ in intervals), sum(high < 0 for _, high in intervals)
    return f"{above}, {below} of {len(intervals)}"


def _times(told: Told) -> Section:
    rows = [
        (name, step.told, *_effort_of(told.records[name]))
        if name in told.records
        else (name, step.told, told.lacking(name), "", "")
        for name, step in STEPS.items()
    ]
    made = next(iter(told.records.values())).made if told.records else None
    where = [f"{made['machine']['processor']}. {_versions(made)}"] if made else []
    return [
        "## How long it took",
        markdown_table(("step", "what", "minutes", "cores", "done, UTC"), rows),
        *where,
        "Wall time, over all runs of a step; on a machine that does other work it tells little.",
    ]


def _effort_of(record: Record) -> tuple[str, int, str]:
    made = record.made
    return f"{record.seconds / 60:.1f}", made["machine"]["cores"], made["time"][:16]


def _versions(made: Figures) -> str:
    return ", ".join(f"{name} {number}" for name, number in made["versions"].items()) + "."


def _commands(told: Told) -> Section:
    typed = [
        "\n".join([f"# {name}", *told.records[name].commands])
        for name in STEPS
        if name in told.records and told.records[name].commands
    ]
    block = "```bash\n" + "\n\n".join(typed) + "\n```" if typed else NOT_RUN
    alone = (
        "`make study` types these, and reads figures from what they make; "
        '`make study STUDY="--only detection"` does one step, or several, and '
        "`make study STUDY=--help` tells all sizes."
    )
    return ["## Every command", alone, block]
