"""The dataset ``faces.h5``: one HDF5 file that plain ``h5py`` reads.

``docs/dataset.md`` describes it for users.
"""

from __future__ import annotations

from fer_pipeline.dataset.copying import Excerpt, copy_rows
from fer_pipeline.dataset.layout import (
    COLUMNS,
    FORMAT,
    SPLIT_TEST,
    SPLIT_TRAINING,
    SPLIT_VALIDATION,
    UNKNOWN,
    VERSION,
    VOTES,
    CropRecord,
    FaceRow,
    Rows,
    called_in,
)
from fer_pipeline.dataset.reading import (
    Dataset,
    counts,
    image_hash,
    open_dataset,
    refused_by,
    withdrawn_from,
)
from fer_pipeline.dataset.withdrawn import (
    EVERYBODY,
    NOBODY,
    Admission,
    Withdrawn,
    admit,
    same_code,
    still_withdrawn,
    withdrawn_among,
)
from fer_pipeline.dataset.writing import DatasetWriter, Edits, create_dataset

__all__ = [
    "COLUMNS",
    "EVERYBODY",
    "FORMAT",
    "NOBODY",
    "SPLIT_TEST",
    "SPLIT_TRAINING",
    "SPLIT_VALIDATION",
    "UNKNOWN",
    "VERSION",
    "VOTES",
    "Admission",
    "CropRecord",
    "Dataset",
    "DatasetWriter",
    "Edits",
    "Excerpt",
    "FaceRow",
    "Rows",
    "Withdrawn",
    "admit",
    "called_in",
    "copy_rows",
    "counts",
    "create_dataset",
    "image_hash",
    "open_dataset",
    "refused_by",
    "same_code",
    "still_withdrawn",
    "withdrawn_among",
    "withdrawn_from",
]
