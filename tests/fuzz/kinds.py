"""All kinds of input there are, and what is done to each."""

from tests.fuzz import cascades, corpora, datasets, models, texts, video_folders, videos

KINDS = (
    videos.KIND,
    video_folders.KIND,
    datasets.KIND,
    cascades.KIND,
    models.KIND,
    texts.TEXTS,
    texts.RECORDS,
    corpora.KIND,
)
