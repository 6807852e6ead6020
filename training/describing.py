"""The report on the bundled model and its model card, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from fer_pipeline.model_folder import ModelSpec
from fer_pipeline.report.model_card import NOT_FOR
from fer_pipeline.report.tables import Cell, markdown_table, percent
from training.measuring import Figures

COMMAND = "make default-model DATA=folder && make default-model-report DATA=folder"

PROTOCOL = """\
FER+ (Barsoum et al., ICMI 2016): the photographs of FER2013, each judged anew by ten people.
Trained on FER2013's training part only, on the shares of the annotators' votes; training and
validation images that are exact copies of a test image, or of each other's side, were left out. The
best epoch and the temperature were chosen on PublicTest; PrivateTest was used for the figures here
and for nothing else. *Majority* is the protocol of FER+'s authors: test faces on whose emotion more
than half of the votes agree, single votes apart. *Most voted* takes every test face whose most
voted class is an emotion."""

DATA_RIGHTS = """\
FER2013 (Goodfellow et al., 2013) holds photographs found by a web search; they are given away for
research and are not part of this project. FER+'s votes are under the MIT licence. The weights,
which hold no photograph, come under the licence of this project."""

LIMITS = """\
- Disgust and contempt are rare in the data (191 and 165 of 28,389 training faces): most are missed,
  and contempt was never recognised. Fear and sadness are often taken for surprise and neutral.
- The photographs are from the web, found by words for emotions: posed faces and actors, mostly
  young, mostly from the front. How well the model does for a group of people (age, skin, sex) was
  not measured, since the data do not tell.
- Labels are noisy. People themselves agree on about 65 % of FER2013's labels; FER+'s are better,
  not right.
- Faces smaller than about 40 pixels, turned aside, or half hidden are told less well.
- It judges every frame alone, and was not made for micro-expressions."""


def report(figures: Figures) -> str:
    """Write the tables of all that was measured."""
    sections = [
        "# The bundled model, measured",
        f"    {COMMAND}",
        PROTOCOL,
        "## Figures",
        markdown_table(("figure", "value"), _overview(figures)),
        *_peers(figures),
        *_clips(figures),
        "## Where and with what",
        where(figures),
    ]
    return "\n\n".join(sections) + "\n"


def card(spec: ModelSpec, figures: Figures) -> str:
    """Write the model card."""
    majority = figures["ferplus"]["majority"]
    sections = [
        "# Model card: the model that comes with fer-pipeline",
        f"Tells {', '.join(spec.emotions)} from a face in a photograph or in a frame of a video.",
        "## What it is for, and what not",
        "For a first look at what faces in a video show, in research, without training anything; "
        "as a start for a model of your own (`fer train --from default`). A model trained and "
        "judged on your own participants tells more about them.",
        NOT_FOR,
        "## The model",
        _description(spec, figures),
        "## The data, and their rights",
        PROTOCOL,
        _counts(figures),
        DATA_RIGHTS,
        "## How well it does",
        markdown_table(("figure", "value"), _overview(figures)),
        "### By emotion, FER+ majority test",
        _by_emotion(majority),
        "### What each emotion was called",
        "Rows: what most annotators saw. Columns: what the model named.",
        _confusion(spec, majority),
        *_peers(figures),
        "## Known limits",
        LIMITS,
        "## What training took",
        _effort(figures),
        "## How to make it again",
        f"    {COMMAND}",
        "The folder must hold `fer2013.csv` and `fer2013new.csv`. Steps that are done are not done "
        "again, and a training that was stopped goes on.",
    ]
    return "\n\n".join(sections) + "\n"


def _overview(figures: Figures) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for name, scores in figures["ferplus"].items():
        rows += _accuracy(f"FER+ test, 8 emotions, {name}", scores)
    majority = figures["ferplus"]["majority"]
    rows += [
        ("… macro F1, majority", f"{majority['macro_f1']:.3f}"),
        ("… balanced accuracy, majority", percent(majority["balanced_accuracy"])),
        ("… expected calibration error, majority", f"{majority['calibration']['error']:.3f}"),
        (
            "… expected calibration error, most voted",
            f"{figures['ferplus']['most voted']['calibration']['error']:.3f}",
        ),
        (
            "… accuracy before its weights were rounded to 8 bits, majority",
            percent(figures["not quantised"]["majority"]["accuracy"]),
        ),
    ]
    if "fer2013" in figures:
        name = "the same network on FER2013's own labels, PrivateTest, 7 emotions"
        rows += _accuracy(name, figures["fer2013"])
    mirrored = figures["mirrored"]
    rows += [
        (
            "validation accuracy, and with each face's mirror image averaged in (not done: it "
            "takes twice the time)",
            f"{percent(mirrored['plain'])}, {percent(mirrored['mirrored'])}",
        ),
        ("time per face, LiteRT, one thread", f"{figures['milliseconds']:.2f} ms"),
        ("size of the folder", f"{figures['bytes'] / 2**20:.1f} MiB"),
    ]
    return rows


def _accuracy(name: str, scores: Figures) -> list[tuple[Cell, ...]]:
    low, high = scores["interval"]
    figure = f"{percent(scores['accuracy'])} ({percent(low)} to {percent(high)})"
    return [(f"{name}: accuracy, with 95 % interval, of {scores['faces']} faces", figure)]


def _peers(figures: Figures) -> list[str]:
    if "peers" not in figures:
        return []
    found = figures["peers"]
    rows = [
        ("ours", percent(found["ours"]), f"{found['our_milliseconds']:.2f} ms"),
        (
            f"{found['peer']}, tflite",
            percent(found["tflite"]),
            f"{found['tflite_milliseconds']:.2f} ms",
        ),
        (f"{found['peer']}, Keras", percent(found["keras"]), ""),
    ]
    return [
        "### Beside the models of another package",
        f"On the same {found['faces']} faces of FER+'s majority test that show one of the "
        f"{len(found['emotions'])} emotions that all know; the likeliest of these counts. The "
        "other models learned FER2013's own labels.",
        markdown_table(("model", "accuracy", "time per face, one thread"), rows),
    ]


def _clips(figures: Figures) -> list[str]:
    if "clips" not in figures:
        return []
    rows: list[Sequence[Cell]] = []
    for name, found in figures["clips"].items():
        most = max(found["seconds"], key=found["seconds"].get)
        share = found["seconds"][most] / sum(found["seconds"].values())
        turned = found["turn"]
        turns = f"{turned['from']} to {turned['to']} at {turned['time']:.2f} s" if turned else ""
        rows.append((name, ", then ".join(found["shows"]), f"{most} ({percent(share)})", turns))
    return [
        "### Clips",
        "What each clip shows by its name, and what most of its rows are called. These clips are "
        "not part of the project.",
        markdown_table(("clip", "shows", "called most", "turns"), rows),
    ]


def _description(spec: ModelSpec, figures: Figures) -> str:
    rows: list[tuple[Cell, ...]] = [
        ("network", f"{spec.network}: a narrow residual network with squeeze and excitation"),
        ("input", f"{spec.input_size} x {spec.input_size} px, {spec.input_channels}"),
        ("contrast", "taken out inside the network, so a dim room looks like a bright one"),
        ("crop", f"square around the detector's box, margin {spec.crop.margin:g}"),
        ("temperature", f"{spec.training['temperature']:.2f}, already in the weights"),
        ("weights", "8 bits for annotation; rounded to 16 in model.keras, to start from"),
        ("size", f"{figures['bytes'] / 2**20:.1f} MiB"),
        ("time per face", f"{figures['milliseconds']:.2f} ms on one thread"),
    ]
    return markdown_table(("", ""), rows)


def _counts(figures: Figures) -> str:
    rows = [
        (name, *(sizes[side] for side in ("training", "validation", "test")))
        for name, sizes in figures["faces"].items()
    ]
    return markdown_table(("faces, without copies", "training", "validation", "test"), rows)


def _by_emotion(scores: Figures) -> str:
    rows = [
        (
            one["emotion"],
            one["faces"],
            percent(one["precision"]),
            percent(one["recall"]),
            f"{one['f1']:.3f}",
        )
        for one in scores["classes"]
    ]
    return markdown_table(("emotion", "faces", "precision", "recall", "F1"), rows)


def _confusion(spec: ModelSpec, scores: Figures) -> str:
    rows = [
        (name, *counts) for name, counts in zip(spec.emotions, scores["confusion"], strict=True)
    ]
    return markdown_table(("", *spec.emotions), rows)


def _effort(figures: Figures) -> str:
    found, machine = figures["training"]["ferplus"], figures["provenance"]["machine"]
    return (
        f"{found['epochs']} epochs, {found['hours']:.1f} hours on {machine['cores']} cores of "
        f"{machine['processor']} that did other work meanwhile. Energy was not measured."
    )


def where(figures: Figures) -> str:
    versions = ", ".join(
        f"{name} {number}" for name, number in figures["provenance"]["versions"].items()
    )
    machine = figures["provenance"]["machine"]
    return f"Seed 0. {machine['processor']}, {machine['cores']} cores. {versions}."
