"""Ratings: snippets of reviews and tweets with the mean of 20 human ratings (Hutto and Gilbert 2014)."""

from __future__ import annotations

import csv
import io
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from hardzero.datasets.dataset import REGRESSION, Dataset
from hardzero.datasets.directory import RemoteFile, find, find_or_fetch, read_unpacked, verify_md5
from hardzero.datasets.text_dataset import assemble_text_dataset, chosen

ARCHIVE = RemoteFile(
    "ratings/hutto_ICWSM_2014.tar.gz",
    (
        "https://raw.githubusercontent.com/cjhutto/vaderSentiment/master/additional_resources/hutto_ICWSM_2014.tar.gz",
        "https://github.com/cjhutto/vaderSentiment/raw/master/additional_resources/hutto_ICWSM_2014.tar.gz",
    ),
)

STEMS = {
    "movie": "movieReviewSnippets_GroundTruth",
    "product": "amazonReviewSnippets_GroundTruth",
    "tweet": "tweets_GroundTruth",
}
DOMAINS = tuple(STEMS)

MEMBER_MD5 = {
    "movie": "0f3af01bfd9659ccaff4195eb171511f",
    "product": "061c8acd32e012312ed077a3b11dbeb6",
    "tweet": "1225f43ee55e6ee8a8e6e6860b80b311",
}
"""Of the three files in the archive; the archive itself may be packed anew."""

LOWEST, HIGHEST = -4.0, 4.0

DECIMALS = 9
"""The two published forms of the files agree to this many decimals of a rating."""

DESCRIPTION = """\
ratings: short texts and the mean of 20 human ratings of their sentiment, from -4 (negative) to 4 (positive); raw text.
Domains: movie (10,605 snippets of film reviews), product (3,708 of product reviews), tweet (4,200 tweets); MIT license.
The movie snippets overlap with the source rotten_tomatoes of the data set "reviews".
Splits: about 70 % train, 10 % validation, 20 % test, fixed by a hash of each text's words, so that duplicates are in
the same split. Double quotation marks, unbalanced in the source, are left out.
Found as ratings/*_GroundTruth.csv(.gz) or ratings/hutto_ICWSM_2014.tar.gz in the data directory, or fetched."""


def load_ratings(domains: Iterable[str] = DOMAINS) -> Dataset:
    """Load snippets of text with real-valued ratings.

    Parameters
    ----------
    domains : iterable of {"movie", "product", "tweet"}, default=all
        For transfer, train on one domain and test on another: a text is in the same split whatever domains are chosen.

    Returns
    -------
    Dataset
        `X` holds raw texts; `y` ratings from -4 to 4.

    Raises
    ------
    DatasetNotFound
        If a file is neither on this machine nor can be fetched.
    ValueError
        If a file is damaged, or a domain is unknown.
    """
    wanted = chosen("domains", domains, DOMAINS)
    snippets = [snippet for domain in wanted for snippet in _read_domain(domain)]
    return assemble_text_dataset(
        [text for text, _ in snippets],
        np.array([rating for _, rating in snippets], dtype=np.float64),
        name="ratings" if wanted == DOMAINS else f"ratings:{','.join(wanted)}",
        task=REGRESSION,
        target_name="sentiment",
        class_names=None,
        description=DESCRIPTION,
    )


def _read_domain(domain: str) -> list[tuple[str, float]]:
    """Read texts and ratings of one domain, from its CSV file if there is one, else from the published archive."""
    table = RemoteFile(f"ratings/{STEMS[domain]}.csv.gz")
    path = find(table)
    if path is not None:
        rows = _rows_of_csv(read_unpacked(path, table).decode("utf-8"))
    else:
        path = find_or_fetch(ARCHIVE)
        rows = _rows_of_tsv(_archive_member(path, domain).decode("utf-8"))
    return [_snippet(row, path) for row in rows]


def _rows_of_tsv(content: str) -> Iterator[list[str]]:
    """Yield id, rating and text of each line; there is no header, and quotation marks mean nothing."""
    for line in re.split(r"\r?\n", content):
        if line:
            yield line.split("\t", 2)


def _rows_of_csv(content: str) -> Iterator[list[str]]:
    """Yield id, rating and text of each row.

    The CSV of the product domain was made by a program that took the unbalanced quotation marks of the tab-separated
    source for quoting: some texts have whole lines of that source appended, which are rows of their own.
    """
    rows = csv.reader(io.StringIO(content, newline=""))
    next(rows, None)
    for row in rows:
        if len(row) == 3:
            first_text, *swallowed = re.split(r"\r?\n", row[2])
            yield [row[0], row[1], first_text]
            yield from _rows_of_tsv("\n".join(swallowed))
        else:
            yield row


def _snippet(row: list[str], path: Path) -> tuple[str, float]:
    """Return text and rating of a row after checking them."""
    try:
        _, rating_text, text = row
        rating = round(float(rating_text), DECIMALS)
    except ValueError as error:
        raise ValueError(f"{path} has a row that is not id, rating and text: {','.join(row)[:80]!r}") from error
    if not LOWEST <= rating <= HIGHEST:
        raise ValueError(f"{path} has the rating {rating}; ratings go from {LOWEST:g} to {HIGHEST:g}")
    return " ".join(text.replace('"', " ").split()), rating


def _archive_member(path: Path, domain: str) -> bytes:
    """Read one file of the archive without unpacking it to the disk."""
    name = f"hutto_ICWSM_2014/{STEMS[domain]}.txt"
    try:
        with tarfile.open(path) as archive:
            member = archive.extractfile(name)
            content = b"" if member is None else member.read()
    except (tarfile.TarError, EOFError, OSError, KeyError, zlib.error) as error:
        raise ValueError(
            f"{name} cannot be read from {path} ({error}); delete it and load the data set again"
        ) from error
    verify_md5(content, MEMBER_MD5[domain], f"{name} in {path}")
    return content
