"""XML that others wrote, without what makes XML dangerous.

A document type may define entities: some grow to gigabytes, others read files of this machine. No
file of a coder needs one, so a file with one is refused at its very declaration.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from fer_pipeline.errors import CoderError

# ELAN's own files are seven deep. What writes a document goes down by recursion.
_DEEPEST = 100


class _DoctypeError(Exception):
    """The document declares a type."""


class _Builder(ET.TreeBuilder):
    """Keeps comments, and takes no document type and no depth without an end."""

    def __init__(self) -> None:
        super().__init__(insert_comments=True, insert_pis=True)
        self._depth = 0

    def start(self, tag: str, attrs: dict[str, str]) -> ET.Element:
        """Begin an element."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError(f"more than {_DEEPEST} elements lie in each other")
        return super().start(tag, attrs)

    def end(self, tag: str) -> ET.Element:
        """End an element."""
        self._depth -= 1
        return super().end(tag)

    def doctype(self, name: str, public: str | None, system: str | None) -> None:  # noqa: ARG002
        """Refuse a declaration of a document type, as the parser meets it."""
        raise _DoctypeError


def parse_xml(path: Path) -> ET.Element:
    """Read an XML file; return its root.

    Raises:
        CoderError: It cannot be read, is no XML, or declares a document type.
    """
    parser = ET.XMLParser(target=_Builder())  # noqa: S314 - as above
    try:
        with path.open("rb") as file:
            while part := file.read(65536):
                parser.feed(part)
        root: ET.Element = parser.close()
    except OSError as error:
        raise CoderError(
            f"{path}: cannot be read ({error.strerror or error})", "check the path"
        ) from error
    except _DoctypeError:
        raise CoderError(
            f"{path}: declares a document type, which may do harm and which no coder's file needs",
            "save it again with the program that made it",
        ) from None
    except (ET.ParseError, ValueError, LookupError) as error:
        raise CoderError(f"{path}: is no XML ({error})", "save it again") from error
    return root
