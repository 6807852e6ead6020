"""Public corpora of labelled faces: one reader each.

A reader turns what the corpus's authors distribute into stills; nothing here knows of a dataset's
file. To add a corpus, write its reader and name it in `CORPORA`.
"""

from __future__ import annotations

from fer_pipeline.corpora.corpus import Corpus, Progress, Still, Unusable
from fer_pipeline.corpora.fer2013 import FER2013

CORPORA: dict[str, Corpus] = {
    "fer2013": FER2013,
}

__all__ = ["CORPORA", "Corpus", "Progress", "Still", "Unusable"]
