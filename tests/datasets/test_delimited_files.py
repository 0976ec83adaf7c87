import csv
import io
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardzero.datasets import iterate_chunks, load, read_table
from hardzero.datasets.columns import select_columns
from hardzero.datasets.delimited import DelimitedFile, open_delimited, read_chunks

ROWS = "".join(f"{i},{i * 2.5},{'ab'[i % 2]}\n" for i in range(20))
TABLE = "width,height,label\n" + ROWS


def everything(dataset):
    """Rows of all splits, sorted."""
    splits = (dataset.train, dataset.validation, dataset.test)
    return sorted((*x, y) for split in splits for x, y in zip(split.X.tolist(), split.y.tolist(), strict=True))


EXPECTED = sorted((float(i), i * 2.5, "ab"[i % 2]) for i in range(20))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", TABLE),
        ("a.csv.gz", TABLE),
        ("a.tsv", TABLE.replace(",", "\t")),
        ("a.csv", TABLE.replace(",", ";")),
        ("a.txt", TABLE.replace(",", "\t")),
        ("a.data", TABLE.replace(",", "|")),
        ("a.csv", TABLE.replace("\n", "\r\n")),
        ("a.csv", TABLE.replace(",", ", ")),
        ("a.csv", "\n\n" + TABLE.replace("\n", "\n\n")),
        ("a.csv", "\ufeff" + TABLE),
        ("a.csv", TABLE.replace("label", '"label"').replace("a\n", '"a"\n')),
    ],
)
def test_the_usual_forms_of_a_table(write, name, content):
    dataset = load(write(name, content), target="label")
    assert everything(dataset) == EXPECTED
    assert dataset.feature_names == ("width", "height")
    assert dataset.target_names == ("label",)
    assert dataset.train.X.dtype == np.float32


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "cp1252"])
def test_other_encodings(write, encoding):
    content = TABLE.replace("label", "größe").replace("a\n", "é\n").encode(encoding)
    dataset = load(write("a.csv", content), target="größe", encoding=encoding)
    assert dataset.class_names == ("b", "é")


def test_files_are_divided_by_class_and_by_seed(write):
    path = write("a.csv", TABLE)
    dataset = load(path)
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [12, 4, 4]
    assert all(set(split.y) == {"a", "b"} for split in (dataset.train, dataset.validation, dataset.test))
    assert load(path).checksum == dataset.checksum
    assert load(path, seed=1).checksum != dataset.checksum
    assert len(load(path, fractions=(0.8, 0.0, 0.2)).validation) == 0


@pytest.mark.parametrize("target", ["label", 2, -1, "2", None])
def test_the_target_by_name_index_or_custom(write, target):
    assert load(write("a.csv", TABLE), target=target).target_names == ("label",)


@pytest.mark.parametrize("name", ["target", "Label", "CLASS", "Y"])
def test_the_target_has_a_usual_name_in_small_or_capital_letters(write, name):
    assert load(write("a.csv", TABLE.replace("label", name))).target_names == (name,)


def test_columns_left_out(write):
    dataset = load(write("a.csv", TABLE), target="height", ignore=["label"])
    assert dataset.feature_names == ("width",)
    assert dataset.task == "regression"


def test_a_table_without_header(write):
    dataset = load(write("a.csv", ROWS), target=-1, header=False)
    assert everything(dataset) == EXPECTED
    assert dataset.feature_names == ("column_1", "column_2")


def test_a_first_line_of_tabs_is_a_row_of_tab_separated_values(write):
    with pytest.raises(ValueError, match=r"column 1 .* has no name"):
        read_table(write("a.tsv", "\t\na\tb\n1\t2\n"))
    assert read_table(write("a.csv", " \t\na,b\n1,2\n")).X.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("content", "ignore"),
    [(",a,b\n0,1,2\n", [0]), ("a;b;\n1;2;\n", [-1]), ("x,a,b,x\n0,1,2,0\n", [0, 3]), (",,a,b\n0,0,1,2\n", ["0", "1"])],
)
def test_columns_without_a_name_of_their_own_may_be_left_out(write, content, ignore):
    path = write("a.csv", content)
    assert read_table(path, ignore=ignore).X.tolist() == [[1, 2]]
    table = read_table(path, feature_names=["b", "a"])
    assert table.X.tolist() == [[2, 1]]
    assert len(table.unused_columns) == len(ignore)


def test_a_header_of_numbers_is_read_where_it_names_the_features(write):
    path = write("a.csv", "0,1,2\n3,4,5\n")
    assert read_table(path, feature_names=["2", "0"]).X.tolist() == [[5, 3]]
    assert read_table(path, feature_names=["2=5", "0"]).X.tolist() == [[1, 3]]
    for names in (None, ["3", "0"]):
        with pytest.raises(ValueError, match=r"only numbers .* rename the columns .* header=False"):
            read_table(path, feature_names=names)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line", ["sep=;\n", "sep=;\r\n", ""])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_line_for_spreadsheets_names_the_delimiter(write, name, line, encoding):
    path = write(name, (line + "a;b\n1;2\n3;x\n").encode(encoding))
    assert read_table(path, ignore=["b"], encoding=encoding).X.tolist() == [[1], [3]]
    with pytest.raises(ValueError, match="column 'b' is 'x' in row 3"):
        read_table(path, encoding=encoding)


def test_blanks_around_the_names_of_features_do_not_count(write):
    path = write("a.csv", "a, b , c,d\n1,2,3,4\n")
    table = read_table(path, feature_names=[" c", " b ", "a"])
    assert (table.X.tolist(), table.feature_names) == ([[3, 2, 1]], (" c", " b ", "a"))
    assert table.unused_columns == ("d",)
    with pytest.raises(ValueError, match="lacks 1 of the 2 feature columns"):
        read_table(path, feature_names=["c", " c"])
    with pytest.raises(ValueError, match="several columns of the same name: b"):
        read_table(write("a.csv", "a,b, b \n1,2,3\n"), feature_names=["a", " b "])


def test_features_without_a_header_are_taken_by_place_where_there_is_no_target(write):
    options = {"target": 0, "target_required": False, "header": False, "feature_names": ("column_2", "column_3")}
    with_target = read_table(write("a.csv", "0,1,2\n1,3,4\n"), **options)
    without = read_table(write("b.csv", "1,2\n3,4\n"), **options)
    assert with_target.X.tolist() == without.X.tolist() == [[1, 2], [3, 4]]
    assert with_target.y.tolist() == [0, 1]
    assert without.y is None
    assert without.feature_names == options["feature_names"]
    with pytest.raises(ValueError, match="lacks 1 of the 2 feature columns"):
        read_table(write("b.csv", "1,2\n3,4\n"), **options | {"target_required": True})


def test_true_and_false_are_numbers(write):
    table = read_table(write("a.csv", "a,b\ntrue,1\nfalse,2\n"))
    assert table.X.tolist() == [[1, 1], [0, 2]]


def test_blanks_after_a_delimiter_are_no_part_of_a_field(write):
    table = read_table(write("a.csv", 'a, text, label\n1, "good, I say", 0\n2, , 1\n'), text="text", target="label")
    assert table.X.tolist() == ["good, I say", ""]
    with pytest.raises(ValueError, match="column 'b' is missing in row 3"):
        read_table(write("b.csv", "a, b\n1, 2\n3, \n"))


def test_text(write):
    content = 'text,label\n"Hello, ""world""\nagain",0\n,1\nnull,0\n007,1\n'
    table = read_table(write("a.csv", content), text="text", target="label")
    assert table.X.tolist() == ['Hello, "world"\nagain', "", "null", "007"]
    assert table.y.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("ending", ["", "\n", "\n\n \n"])
@pytest.mark.parametrize("separator", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.tsv"])
def test_a_blank_line_between_rows_of_one_column_is_an_empty_field(write, name, separator, ending):
    lines = ["", "v", "", '"two\n\nlines"', "", "  ", '""', "good", *ending.split("\n")]
    path, expected = write(name, separator.join(lines)), ["", "two\n\nlines", "", "", "", "good"]
    assert read_table(path, text="v").X.tolist() == expected
    assert np.concatenate([X for X, _ in iterate_chunks(path, 2, text="v")]).tolist() == expected
    with pytest.raises(ValueError, match=r"texts, such as 'two.*' in row 4 of"):
        read_table(path)
    assert open_delimited(path, delimiter=None, encoding="utf-8", header=True).where(5) == f"row 8 of {name}"


def test_a_blank_line_is_a_missing_number_or_a_category_in_a_single_column(write):
    path = write("a.csv", "v\n1\n\n3\n\n")
    with pytest.raises(ValueError, match="column 'v' is missing in row 3"):
        read_table(path)
    assert read_table(path, fill_missing=True).X.tolist() == [[1, 0], [0, 1], [3, 0]]
    assert read_table(path, categories="v").feature_names == ("v=", "v=1", "v=3")
    assert read_table(write("b.csv", "\n1\n\n3\n"), header=False, fill_missing=True).X[:, 1].tolist() == [1, 0, 1, 0]
    with pytest.raises(ValueError, match=r"row 4 of a\.csv has 2 fields where 1 are expected"):
        read_table(write("a.csv", "v\n\n1\n1,2\n"))


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("label\ttext", ["0\tfine", '1\t"so" it', "0\tso", '1\t"So it', "0\tgoes", "1\t", '0\tthey "said"', "1\tx"]),
        ("text\tlabel", ["fine\t0", '"so" it\t1', "so\t0", '"So it\t1', "goes\t0", "\t1", 'they "said"\t0', "x\t1"]),
    ],
)
def test_rows_that_a_lone_quotation_mark_swallows_are_refused_in_a_tsv(write, header, rows):
    path = write("a.tsv", "\n".join([header, *rows, ""]))
    with pytest.raises(ValueError, match=r"column '.*' in row 5 .* takes in the next 3 rows"):
        read_table(path, text="text", target="label")


@pytest.mark.parametrize(
    "text", ['one\n\n"two"', "a\tb\nc", "one:\n\ttwo\n\tthree", "one\ntwo\tof\tthem", "regards\nphone\t123"]
)
def test_a_tsv_may_hold_quoted_texts_of_several_lines(write, text):
    path = write("a.tsv", "label\ttext\n0\tone\n1\t" + '"' + text.replace('"', '""') + '"\n')
    assert read_table(path, text="text", target="label").X.tolist() == ["one", text]


def test_a_text_longer_than_the_csv_modules_limit(write):
    path = write("a.csv", "text,label\n" + "x" * 200_000 + ",0\n,1\n" + "y,0\nz,1\n" * 4)
    assert load(path, text="text").is_text


def test_only_a_row_without_a_field_that_is_read_is_too_short(write):
    table = read_table(write("a.csv", "text,label,comment\nfine,1\n,0,none\n"), text="text", target="label")
    assert table.X.tolist() == ["fine", ""]


BAD = [
    ("", {}, "is empty"),
    ("\n\n", {}, "is empty"),
    ("a,label\n", {}, "a header and no rows"),
    ("label\n1\n2\n", {}, "no column left for features"),
    ("a,b\n1,2\n", {}, "name the target column .* Its columns are a, b"),
    ("y,label\n1,2\n", {}, r"several columns could be the target \(y, label\)"),
    (TABLE, {"target": "Lable"}, r"no column 'Lable' .* Did you mean 'label'\? Its columns are width, height, label"),
    (TABLE, {"target": 3}, "no column 3"),
    (TABLE, {"target": "label", "ignore": ["label"]}, "both the target and ignored"),
    (TABLE, {"target": "label", "text": "label"}, "both the text and the target"),
    (TABLE, {"target": ["label", -1]}, "twice"),
    (TABLE, {"target": "height"}, "column 'label' holds texts, such as 'a' in row 2 .* text= .* ignore="),
    (TABLE + "1,x,a\n", {}, "column 'height' is 'x' in row 22 of a.csv, which is not a number"),
    (TABLE + "1,x,a\n2,,b\n", {}, r"row 22 of a.csv \(1 more cells are wrong, too\)"),
    (TABLE + "1,?,a\n", {}, r"column 'height' is missing \(\?\) in row 22"),
    (TABLE + "1,NA,a\n", {}, "column 'height' is missing .NA. in row 22"),
    (TABLE + "1,nan,a\n", {}, "column 'height' is missing .nan. in row 22"),
    (TABLE + '1,"2,5",a\n', {}, "column 'height' is '2,5' in row 22 .* decimal=\",\" .* with a decimal point"),
    ("a;y\n1,5;0\n;1\n12;0\n", {}, "column 'a' is '1,5' in row 2 .* decimal comma"),
    ("a;y\n;0\n1,5;1\n2,5;0\n", {}, "column 'a' holds texts, such as '1,5' in row 3 .* decimal comma"),
    ("a,y\n,0\ngood,1\nbad,0\n", {}, "column 'a' holds texts, such as 'good' in row 3 .* text= .* ignore="),
    (TABLE + "1,,a\n", {}, "column 'height' is missing in row 22"),
    (TABLE + "1,inf,a\n", {}, "column 'height' is inf in row 22"),
    (TABLE + "1,-1e39,a\n", {}, r"column 'height' is -1e\+39 in row 22 .* float32"),
    (TABLE + "1,2,\n", {}, "target 'label' is missing in row 22 .* unlabeled=True"),
    (TABLE + "\n\n1,x,a\n", {}, "row 24 of a.csv"),
    ("a,b,y\n" + '1,"2\n",0\n' * 3 + "1,x,1\n", {}, "row 5 of a.csv"),
    (TABLE + "1,2,a,4\n", {}, "row 22 of a.csv has 4 fields where 3 are expected"),
    ("a,y\n1,2,3\n" + "1,2\n" * 5, {}, "row 2 of a.csv has 3 fields where 2 are expected"),
    (TABLE + "1,2\n", {}, "row 22 of a.csv has 2 fields where 3 are expected"),
    ("id,y,t\n1,0,a\n2,1\n", {"text": "t"}, "row 3 of a.csv has 2 fields where 3 are expected"),
    (TABLE + '1,"2,a\n', {}, "quotation mark .* never closed"),
    ("a,a,y\n1,2,3\n", {}, "several columns of the same name: a"),
    (",a,y\n1,2,3\n", {}, "column 1 .* has no name; .* ignore=0"),
    ("a,y,y\n1,2,3\n", {"text": "a", "target": "y"}, "several columns of the same name: y"),
    ("alcohol, %;ash;y\n1;2;0\n", {"target": "ash"}, r"\(columns divided by ','; delimiter= sets another\) has no "),
    ("alcohol, %;ash;y\n1;2;0\n", {}, r"name the target .* \(columns divided by ','; delimiter= sets another\)"),
    ("1,2,3\n4,5,6\n", {}, "first row .* only numbers .* header=False"),
    ("a,y\n" + "1,7\n" * 9, {}, "target 'y' of a.csv is 7 in all 9 rows"),
    ("a,y\n" + "1,x\n" * 9, {}, "target 'y' of a.csv is 'x' in all 9 rows"),
    ("a,y\n" + "1,7.5\n" * 9, {"task": "regression"}, "is 7.5 in all 9 rows"),
    ("a,y\n1,0\n2,1\n", {}, "too few for a"),
    ("a,y\n" + "".join(f"1,{i}.5\n" for i in range(30)) + "1,twelve\n", {}, "target 'y' is 'twelve' in row 32"),
    ("a,y\n" + "".join(f"1,name{i}\n" for i in range(30)), {}, "different text in each of 30 rows"),
    (TABLE, {"task": "regression"}, "target 'label' is 'a' in row 2 .* which is not a number"),
    ("a,y\n" + "1,0\n2,inf\n" * 9, {}, "target 'y' is infinite in row 3"),
    (TABLE, {"task": "ranking"}, "task='ranking' is unknown"),
    (TABLE, {"fractions": (0.5, 0.1, 0.1)}, "fractions is"),
    (TABLE, {"encoding": "nonsense"}, "encoding='nonsense' is unknown"),
    (TABLE, {"encoding": "base64"}, "encoding='base64' is unknown"),
    (TABLE, {"delimiter": ";;"}, "delimiter=';;' must be one character"),
    (TABLE, {"decimal": ";"}, "decimal=';' must be a point or a comma"),
    ("a;y\n" + "1,5;0\n2;1\n1.234,5;0\n", {"decimal": ","}, "column 'a' is '1.234,5' in row 4 .* no point"),
    (
        "a;y\n" + "1.500;0\n" * 9,
        {"decimal": ","},
        "column 'a' holds texts, such as '1.500' in row 2 of a.csv; .* no point",
    ),
    ("a;y\n" + "1,5;0\n2,5;1.5\n", {"decimal": ","}, "target 'y' in row 3 of a.csv is '1.5'; .* no point"),
    ("a;y\n" + "1,5;0\n2,5;1.500\n", {"decimal": ","}, "target 'y' in row 3 of a.csv is '1.500'; .* no point"),
    ("1,5;2,5\n3,5;4,5\n", {"decimal": ","}, "first row .* only numbers"),
    ("a;y\n" + "1;2,5\n2;3,25\n" * 9, {}, "target 'y' is '2,5' in row 2 .* decimal=\",\""),
    ((TABLE + "1,2,é\n").encode("latin-1"), {}, "line 22 of .* is not utf-8"),
    (TABLE.encode("utf-16"), {}, 'is in UTF-16, .* encoding="utf-16"'),
    ("a,p,q\n" + "1,0,1\n2,1,x\n" * 5, {"target": ["p", "q"]}, "target 'q' is 'x' in row 3"),
    ("a,p,q\n" + "1,0,1\n2,1,3\n" * 5, {"target": ["p", "q"], "task": "classification"}, "target 'q' is 3 in row 3"),
]


@pytest.mark.parametrize(("content", "options", "complaint"), BAD, ids=[f"{case[2][:40]}" for case in BAD])
def test_bad_files_are_refused_with_place_and_remedy(write, content, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        load(write("a.csv", content), **options)


@given(
    st.lists(st.tuples(*[st.floats(-1e6, 1e6, width=32)] * 3), min_size=10, max_size=40, unique_by=lambda row: row[2]),
    st.sampled_from([";", "\t", ","]),
)
def test_decimal_commas_are_read_as_points_are(tmp_path_factory, rows, delimiter):
    folder, frame = tmp_path_factory.mktemp("tables"), pd.DataFrame(rows, columns=["a", "b", "y"])
    tables = []
    for decimal in (".", ","):
        path = folder / f"{decimal == ','}.csv"
        quoting = csv.QUOTE_NONNUMERIC if delimiter == decimal else csv.QUOTE_MINIMAL
        texts = frame.map(lambda value, decimal=decimal: f"{value:.9f}".replace(".", decimal))
        texts.to_csv(path, index=False, sep=delimiter, quoting=quoting)
        options = {"target": "y", "task": "regression", "delimiter": delimiter, "decimal": decimal}
        tables.append(read_table(path, **options))
        chunks = list(iterate_chunks(path, 7, **options))
        np.testing.assert_array_equal(np.vstack([X for X, _ in chunks]), tables[-1].X)
    np.testing.assert_array_equal(tables[0].X, tables[1].X)
    np.testing.assert_array_equal(tables[0].y, tables[1].y)


def test_texts_keep_their_commas_and_points_beside_decimal_commas(write):
    path = write("a.csv", "text;y\n" + "no. 1, or 1.5;v1.2.3\nall, in all;a,b\n" * 5)
    dataset = load(path, text="text", target="y", decimal=",")
    assert dataset.class_names == ("a,b", "v1.2.3")
    assert set(dataset.train.X) == {"no. 1, or 1.5", "all, in all"}


def test_a_cut_gzip_file_is_refused(write):
    path = write("a.csv.gz", TABLE * 50)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="cut off or damaged"):
        load(path)


def test_an_unknown_ending_is_refused(write):
    with pytest.raises(ValueError, match=r"'\.xlsx', which is none of the formats read"):
        load(write("a.xlsx", "x"))


class CountedName(str):
    """A name that counts the comparisons with it."""

    n_comparisons = 0
    __hash__ = str.__hash__

    def __eq__(self, other):
        CountedName.n_comparisons += 1
        return str.__eq__(self, other)


@pytest.mark.parametrize("options", [{}, {"feature_names": [f"c{i}" for i in range(1, 500)]}, {"text": "c1"}])
def test_reading_compares_each_name_a_few_times(write, monkeypatch, options):
    names = tuple(CountedName(f"c{i}") for i in range(500))
    path = write("wide.csv", ",".join(names) + "\n" + ",".join("1" * 500) + "\n")
    monkeypatch.setattr(CountedName, "n_comparisons", 0)
    selection = select_columns(names, "wide.csv", target="c0", ignore=["c2"], **options)
    list(read_chunks(DelimitedFile(path, ",", "utf-8", True, names), selection, None))
    assert CountedName.n_comparisons < 50 * len(names)


def test_a_wide_header_is_read_in_a_time_in_proportion(write):
    path = write("wide.csv", ",".join(f"column {i}" for i in range(40_000)))
    started = time.process_time()
    table = open_delimited(path, delimiter=None, encoding="utf-8", header=True)
    assert time.process_time() - started < 2
    assert len(table.names) == 40_000


NUMBERS = st.floats(-(2.0**99), 2.0**99, width=32) | st.integers(-1000, 1000)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(NUMBERS, min_size=n, max_size=n), min_size=1, max_size=20))
)
def test_every_table_of_numbers_comes_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("tables") / "a.csv"
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([[f"c{i}" for i in range(len(rows[0]))], *rows])
    if len(rows[0]) == 1:
        path.write_text(path.read_text() + "\n")
    np.testing.assert_allclose(read_table(path).X, np.array(rows, dtype=np.float32), rtol=1e-6, atol=1e-37)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_the_row_and_column_of_any_bad_cell_are_named(tmp_path_factory, data):
    n_rows, n_columns = data.draw(st.integers(1, 12)), data.draw(st.integers(2, 4))
    bad_row, bad_column = data.draw(st.integers(0, n_rows - 1)), data.draw(st.integers(0, n_columns - 1))
    text = data.draw(st.sampled_from(["x", "", "1 2", "--", "inf", "1e99"]))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([f"c{i}" for i in range(n_columns)] + ["note"])
    row_number = 1
    for row in range(n_rows):
        blanks = data.draw(st.integers(0, 2))
        stream.write("\n" * blanks)
        row_number += blanks + 1
        cells = [str(column) for column in range(n_columns)]
        if row == bad_row:
            cells[bad_column] = text
            expected = row_number
        writer.writerow([*cells, data.draw(st.sampled_from(["plain", "two\nlines", "a,b", '"']))])
    path = tmp_path_factory.mktemp("tables") / "a.csv"
    path.write_text(stream.getvalue())
    with pytest.raises(ValueError, match=rf"column 'c{bad_column}' .* in row {expected} of a\.csv"):
        read_table(path, ignore=["note"])
