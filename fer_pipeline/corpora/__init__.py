"""Public corpora of labelled faces: one reader each.

A reader turns what the corpus's authors distribute into stills; nothing here knows of a dataset's
file. To add a corpus, write its reader and name it in `CORPORA`.
"""

from __future__ import annotations

from fer_pipeline.corpora.affectnet import AFFECTNET
from fer_pipeline.corpora.ck import CK
from fer_pipeline.corpora.corpus import (
    Corpus,
    Entry,
    Progress,
    ReadOptions,
    Skipped,
    Still,
    Unusable,
)
from fer_pipeline.corpora.fe import FE
from fer_pipeline.corpora.fer2013 import FER2013
from fer_pipeline.corpora.ferplus import FERPLUS
from fer_pipeline.corpora.folder import FOLDER
from fer_pipeline.corpora.jaffe import JAFFE
from fer_pipeline.corpora.kdef import KDEF
from fer_pipeline.corpora.rafdb import RAFDB
from fer_pipeline.corpora.sof import SOF

CORPORA: dict[str, Corpus] = {
    "affectnet": AFFECTNET,
    "ck": CK,
    "fe": FE,
    "fer2013": FER2013,
    "ferplus": FERPLUS,
    "folder": FOLDER,
    "jaffe": JAFFE,
    "kdef": KDEF,
    "rafdb": RAFDB,
    "sof": SOF,
}

__all__ = [
    "CORPORA",
    "Corpus",
    "Entry",
    "Progress",
    "ReadOptions",
    "Skipped",
    "Still",
    "Unusable",
]
