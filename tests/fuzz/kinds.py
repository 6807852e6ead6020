"""All kinds of input there are, and what is done to each."""

from tests.fuzz import cascades, corpora, datasets, models, texts, videos

KINDS = (
    videos.KIND,
    datasets.KIND,
    cascades.KIND,
    models.KIND,
    texts.TEXTS,
    texts.RECORDS,
    corpora.KIND,
)
