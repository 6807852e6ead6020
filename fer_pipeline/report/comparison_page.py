"""A comparison as one HTML page that needs no other file but its picture."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from fer_pipeline.report.comparison_tables import Section
from fer_pipeline.report.tables import Cell, shown

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid #ccc; padding: .25rem .7rem; text-align: right; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 2px solid #444; }
p { color: #444; max-width: 50rem; }
img { max-width: 100%; }
"""


def as_html(parts: Sequence[Section], picture: str) -> str:
    """Write tables as an HTML page.

    Args:
        parts: The tables.
        picture: Relative path of the learning curves.
    """
    body = "\n".join(_section(part) for part in parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Comparison of networks</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>Comparison of networks</h1>\n{body}\n<h2>Learning curves</h2>\n"
        f'<img src="{escape(picture)}" alt="Loss and accuracy of each network by epoch">\n'
        "</body>\n</html>\n"
    )


def _section(part: Section) -> str:
    header = "".join(f'<th scope="col">{escape(name)}</th>' for name in part.header)
    rows = "\n".join(_row(row) for row in part.rows)
    notes = "".join(f"<p>{escape(note)}</p>\n" for note in part.notes)
    return (
        f"<h2>{escape(part.title)}</h2>\n<table>\n<thead><tr>{header}</tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table>\n{notes}"
    )


def _row(cells: Sequence[Cell]) -> str:
    first, *others = [escape(shown(cell).strip("`")) for cell in cells]
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{one}</td>" for one in others)}</tr>'
