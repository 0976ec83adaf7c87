"""Reports say what the runs say, whichever of them are missing."""

import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import hardzero
from hardzero.studies import get_study, study_names
from hardzero.studies.core.plain_metrics import plain_metrics
from hardzero.studies.core.report import StudyReport, make_report, write_page, write_runs
from hardzero.studies.core.run_store import RunSpec, RunStore
from hardzero.studies.core.running import run_study
from hardzero.studies.core.statistics import differ, estimate
from hardzero.studies.core.tables import Cell, Measure, Table, comparison
from hardzero.studies.core.workers import Workers
from hardzero.studies.sparsity_error import knee

ONE = Workers(count=1)


def test_the_interval_is_that_of_students_t():
    values = [2.0, 3.0, 4.0, 7.0]
    result = estimate([*values, float("nan")])
    assert (result.mean, result.n) == (4.0, 4)
    assert result.half_width == pytest.approx(3.182446 * np.std(values, ddof=1) / 2, rel=1e-6)
    assert estimate([5.0]).text(1) == "5.0"
    assert estimate([]).text(1) == "–"


@pytest.mark.filterwarnings("error")
def test_infinite_values_are_not_taken_for_missing_ones():
    result = estimate([np.inf, 1.0, 1.0, np.nan])
    assert (result.mean, result.n, result.text(1)) == (np.inf, 3, "inf")
    assert np.isnan(estimate([np.inf, -np.inf]).mean)
    diverged = pd.Series([np.inf, 1.0, 1.0])
    assert differ(diverged, diverged) is differ(diverged, pd.Series([1.0, 1.1, 0.9])) is None


def test_intervals_cover_the_mean_as_often_as_they_say():
    random = np.random.default_rng(0)
    covered = [abs((e := estimate(random.normal(size=4))).mean) <= e.half_width for _ in range(1500)]
    assert 0.93 < np.mean(covered) < 0.97


def test_the_paired_test_sees_what_pairing_shows():
    seeds = pd.RangeIndex(6)
    noise = pd.Series([0.0, 5.0, -3.0, 2.0, 8.0, -1.0], index=seeds)
    better = noise - 0.5 + pd.Series([0.01, -0.02, 0.0, 0.02, -0.01, 0.01], index=seeds)
    assert differ(noise, better) is True
    assert differ(noise, noise[::-1]) is False
    assert differ(noise, pd.Series(better.to_numpy(), index=seeds + 100)) is None
    assert differ(noise.head(1), better.head(1)) is None
    assert differ(noise, noise + 1) is True
    level = noise + 100
    assert differ(level, level * (1 + 1e-12)) is False


def runs_frame(errors):
    rows = [
        {"model": model, "seed": seed, "error": error, "data": "digits", "version": "1"}
        for model, values in errors.items()
        for seed, error in enumerate(values)
    ]
    return pd.DataFrame(rows)


def test_bold_marks_the_best_and_its_ties():
    runs = runs_frame({"a": [1.0, 1.1, 0.9], "b": [1.01, 1.05, 0.98], "c": [2.0, 2.1, 1.9]})
    table = comparison(
        runs, "Models", {"model": "model"}, [Measure("error", "error", 1, "lowest")], {("c",): {"error": "1.9"}}
    )
    bold = {row[1].text: row[2].bold for row in table.rows}
    assert bold == {"a": True, "b": True, "c": False}
    assert table.header == ["data", "model", "error", "paper", "runs"]
    assert [row[3].text for row in table.rows] == ["–", "–", "1.9"]
    assert "| digits | c | 2.0 ± 0.2 | 1.9 | 3 |" in table.markdown()
    assert "| **1.0 ± 0.2** |" in table.markdown()


def bold_rows(runs, best):
    table = comparison(runs, "Models", {"model": "model"}, [Measure("error", "error", 1, best)])
    return [[cell.text for cell in row[1:-2]] for row in table.rows if row[-2].bold]


@pytest.mark.parametrize(("best", "model"), [("lowest", "a"), ("highest", "c"), (None, None)])
def test_one_seed_ties_with_nothing(best, model):
    assert bold_rows(runs_frame({"a": [1.0], "b": [2.0], "c": [3.0]}), best) == ([] if model is None else [[model]])


def test_a_row_without_a_rival_is_not_the_best():
    assert bold_rows(runs_frame({"a": [1.0, 1.1, 0.9]}), "lowest") == []


@pytest.mark.parametrize("name", ["data", "version"])
def test_there_is_a_best_for_each_data_set_and_version(name):
    one, two = (runs_frame({"a": [level], "b": [level + 1]}).assign(**{name: str(level)}) for level in (1.0, 5.0))
    assert [row[-1] for row in bold_rows(pd.concat([one, two]), "lowest")] == ["a", "a"]


def test_a_terminal_shows_the_texts_of_a_table_as_they_are():
    table = Table("Kept in [/tmp/x]", ["unit", "time [s]"], note="Per [/min], :100:")
    table.add("[/min]", Cell("1 :100: [s]", bold=True))
    console = Console(file=io.StringIO(), width=200)
    console.print(table.rich())
    shown = console.file.getvalue()
    for text in (table.title, *table.header, table.note, *(cell.text for row in table.rows for cell in row)):
        assert text in shown


def test_a_narrow_log_cuts_nothing_off():
    table = Table("Squares", ["abcdefghij" * 2, "klmnopqrst" * 2])
    table.add("uvwxyz0123" * 2, "4567890ABC" * 2)
    console = Console(file=io.StringIO(), width=24)
    console.print(table.rich())
    shown = console.file.getvalue()
    assert "…" not in shown
    told = "".join([*table.header, *(cell.text for cell in table.rows[0])])
    assert all(shown.count(character) >= told.count(character) for character in told)


def test_versions_become_a_column_where_they_differ():
    old, new = runs_frame({"a": [1.0, 2.0]}), runs_frame({"a": [3.0, 4.0]}).assign(version="2")
    table = comparison(pd.concat([old, new]), "Models", {"model": "model"}, [Measure("error", "error", 1)])
    assert table.header[:3] == ["data", "version", "model"]
    assert [row[3].text.split(" ")[0] for row in table.rows] == ["1.5", "3.5"]


@pytest.mark.parametrize("sets", [{"1": ["digits"], "2": ["mnist"]}, {"1": ["digits", "mnist"], "2": ["mnist"]}])
def test_versions_that_ran_on_different_data_share_a_table_that_names_them(tmp_path, naps, sets):
    store = RunStore(tmp_path / "runs.sqlite")
    for version, names in sets.items():
        store.plan("naps", "quick", [spec(version, data=name, data_checksum=name) for name in names])
    while (claimed := store.claim()) is not None:
        store.finish(claimed.key, {"square": 1.0}, 0.1)
    (table,) = make_report(store, naps, version="all").tables
    assert table.header[:2] == ["version", "data"]
    named = {(row[0].text, row[1].text) for row in table.rows}
    assert named == {(version, name) for version, names in sets.items() for name in names}


def test_runs_of_a_data_set_stand_together(tmp_path, naps):
    store = RunStore(tmp_path / "runs.sqlite")
    for name in ("mnist", "digits"):
        specs = [spec("1", seed, settings={"number": n}, data=name) for seed in (0, 1) for n in (5, 3)]
        store.plan("naps", "quick", specs)
    while (claimed := store.claim()) is not None:
        store.finish(claimed.key, {"square": 1.0}, 0.1)
    report = make_report(store, naps)
    rows = [(row[0].text, row[1].text) for row in report.tables[0].rows]
    assert rows == [("digits", "5"), ("digits", "3"), ("mnist", "5"), ("mnist", "3")]
    runs = list(report.runs[["seed", "number", "data"]].itertuples(index=False, name=None))
    assert runs == [(seed, n, name) for name in ("digits", "mnist") for seed in (0, 1) for n in (5, 3)]


def test_an_interval_is_over_seeds_where_a_row_pools_settings():
    errors = {seed: 1.0 + 0.01 * seed for seed in range(5)}
    rows = [
        {"model": "a", "width": width, "seed": seed, "error": error + width}
        for width in (0, 2)
        for seed, error in errors.items()
    ]
    table = comparison(pd.DataFrame(rows), "Models", {"model": "model"}, [Measure("error", "error", 3)])
    over_seeds = estimate([error + 1 for error in errors.values()])
    assert [cell.text for cell in table.rows[0]] == ["a", over_seeds.text(3), "10"]
    assert over_seeds.text(3) == "2.020 ± 0.020"


def test_a_row_counts_the_runs_that_it_averages():
    runs = runs_frame({"a": [1.0, float("nan"), float("inf")], "b": [float("nan")] * 3}).assign(time=2.0)
    measures = [Measure("error", "error", 1), Measure("time", "time", 1)]
    tables = [comparison(runs, "Models", {"model": "model"}, part) for part in (measures[:1], measures)]
    assert [[cell.text for cell in row[2:]] for row in tables[0].rows] == [["inf", "2"], ["–", "0"]]
    assert [row[-1].text for row in tables[1].rows] == ["2 to 3", "3"]


def runs_with(store, values):
    """Return finished runs of the naps study, of one setting with these values."""
    store.plan("naps", "quick", [spec("1", settings={"value": value}) for value in values])
    while (claimed := store.claim()) is not None:
        store.finish(claimed.key, {"square": 1.0}, 0.1)
    return store.frame("naps")


@pytest.mark.parametrize(("values", "expected"), [
    ([0.5, 0.25, 1.0], ["0.5", "0.25", "1"]),
    ([2_500_000, 3_000_000, None], ["2500000", "3000000", "–"]),
    ([0.1234567, 0.1234568], ["0.1234567", "0.1234568"]),
    ([1, True, 1.0, "yes"], ["1", "true", "1.0", '"yes"']),
    ([[1], [[1], [2, 3]], []], ["1", "[1], [2, 3]", "[]"]),
    ([{"a": 1}, {"a": 2}], ['{"a": 1}', '{"a": 2}']),
])  # fmt: skip
def test_settings_make_rows_of_their_own_and_are_told_apart(tmp_path, naps, values, expected):
    runs = runs_with(RunStore(tmp_path / "runs.sqlite"), values)
    table = comparison(runs, "Values", {"value": "value"}, [Measure("square", "square", 0)])
    assert [row[0].text for row in table.rows] == expected
    assert StudyReport(get_study(naps), "quick", runs).protocol == {"value": " · ".join(expected)}


def test_the_paper_s_figures_of_a_list_go_by_a_tuple(tmp_path):
    runs = runs_with(RunStore(tmp_path / "runs.sqlite"), [[100, 100], [100]])
    paper = {((100, 100),): {"square": "9"}}
    table = comparison(runs, "Values", {"value": "value"}, [Measure("square", "square", 0)], paper)
    assert [row[2].text for row in table.rows] == ["9", "–"]


def test_the_paper_s_figures_may_be_those_of_a_data_set():
    runs = pd.concat([runs_frame({"a": [1.0], "b": [2.0]}).assign(data=data) for data in ("digits", "mnist")])
    paper = {("a",): {"error": "any"}, ("mnist", "a"): {"error": "of mnist"}}
    table = comparison(runs, "Models", {"model": "model"}, [Measure("error", "error", 1)], paper)
    found = {(row[0].text, row[1].text): row[3].text for row in table.rows}
    assert found == {("digits", "a"): "any", ("digits", "b"): "–", ("mnist", "a"): "of mnist", ("mnist", "b"): "–"}


def test_markdown_keeps_bars_within_their_cell():
    table = Table("Models", ["model", "a|b"])
    table.add("x|y", Cell("1|2", bold=True))
    assert table.markdown().splitlines()[::2] == [r"| model | a\|b |", r"| x\|y | **1\|2** |"]


def test_the_knee_is_found_and_not_invented():
    zeros = np.linspace(40, 99.5, 80)
    noise = np.random.default_rng(0).normal(scale=0.03, size=80)
    errors = 2.0 + noise + 0.8 * np.maximum(0.0, np.log(15.0 / (100.0 - zeros)))
    assert knee(zeros, errors) == pytest.approx(85, abs=4)
    assert knee(zeros[:5], errors[:5]) is None
    assert knee(zeros, 2.0 - 0.01 * zeros) is None


def test_networks_that_have_collapsed_do_not_move_the_knee():
    zeros = np.linspace(60, 99.5, 80)
    errors = 1.5 * np.maximum(1.0, 10.0 / (100.0 - zeros)) ** 0.4
    assert knee(zeros, errors) == pytest.approx(90, abs=1)
    collapsed = knee(np.append(zeros, [99.99, 100.0]), np.append(errors, [88.65, 90.2]))
    assert collapsed == pytest.approx(90, abs=1)


def test_the_knee_of_networks_without_errors():
    zeros = np.linspace(60, 99.5, 80)
    assert knee(zeros, np.zeros(80)) is None
    assert 80 < knee(zeros, np.where(zeros < 90, 0.0, 5.0)) < 92


def test_intervals_of_errors_by_zeros_are_over_networks():
    errors = [2.0, 2.2, 2.1, 2.4]
    alike = {"data": "digits", "zeros": 82.0}
    runs = pd.DataFrame([
        {**alike, "activation_l1": 0.001 * i, "seed": i % 2, "test_error": error} for i, error in enumerate(errors)
    ])  # fmt: skip
    _, table = get_study("sparsity-error").tables(runs)
    assert table.rows[0][1].text == estimate(errors).text(2)
    assert "interval over networks" in table.note


def test_a_page_stands_alone_and_says_everything(tmp_path, naps, monkeypatch):
    monkeypatch.setenv("NAPS_FAILS_AT", "2")
    store = run_study(naps, folder=tmp_path, workers=ONE)
    report = make_report(store, naps)
    write_page(report, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    for text in (
        "Naps",
        "<strong>Claim:</strong> Squares are squares.",
        "22 of 24 runs finished (2 failed)",
        "this nap was cut short",
    ):
        assert text in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    ElementTree.fromstring(re.sub(r"<(meta|img|br)([^>]*)>", r"<\1\2/>", page.split("\n", 1)[1]))


def test_the_page_of_a_study_of_the_paper_quotes_its_claim(tmp_path):
    write_page(
        make_report(run_study("response-curves", folder=tmp_path, workers=ONE), "response-curves"),
        tmp_path / "page.html",
    )
    assert "<strong>The paper:</strong> " in (tmp_path / "page.html").read_text()


def test_all_runs_are_written_as_tables(tmp_path, naps):
    report = make_report(run_study(naps, folder=tmp_path, workers=ONE), naps)
    for path in write_runs(report, tmp_path):
        frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
        assert len(frame) == 24
        assert frame["square"].tolist() == report.runs["square"].tolist()


def test_dicts_are_json_in_the_csv(tmp_path, naps):
    store, settings = RunStore(tmp_path / "runs.sqlite"), {"number": 1, "decoders": {"relu": "sigmoid"}}
    store.plan("naps", "quick", [spec("1", settings=settings)])
    store.finish(store.claim().key, {"square": 1.0}, 0.1)
    path, *_ = write_runs(make_report(store, naps), tmp_path)
    assert json.loads(pd.read_csv(path)["decoders"][0]) == settings["decoders"]


def test_settings_of_several_types_are_json_in_parquet(tmp_path, naps):
    pytest.importorskip("pyarrow")
    store = RunStore(tmp_path / "runs.sqlite")
    targets = [0.9, [0.9, 0.8], None]
    store.plan("naps", "quick", [spec("1", settings={"number": 1, "target": target}) for target in targets])
    while (claimed := store.claim()) is not None:
        store.finish(claimed.key, {"square": 1.0, "zeros": [0.5, 0.25]}, 0.1)
    _, path = write_runs(make_report(store, naps), tmp_path)
    frame = pd.read_parquet(path)
    assert [None if text is None or text != text else json.loads(text) for text in frame["target"]] == targets
    assert frame["zeros"].map(list).tolist() == [[0.5, 0.25]] * 3
    assert frame["square"].tolist() == [1.0] * 3


def spec(version, seed=0, **changes):
    return RunSpec(**{"study": "naps", "revision": 1, "settings": {"number": 1}, "data": None, "data_checksum": None, "version": version, "seed": seed, **changes})  # fmt: skip  # noqa: E501


def test_versions_are_kept_apart_and_can_be_compared(tmp_path, naps):
    store = RunStore(tmp_path / "runs.sqlite")
    for version, square in (("0.0.1", 1.0), ("0.0.2", 2.0)):
        store.plan("naps", "quick", [spec(version)])
        store.finish(store.claim().key, {"square": square}, 0.1)
    assert make_report(store, naps).finished["square"].tolist() == [2.0]
    assert make_report(store, naps, version="0.0.1").finished["square"].tolist() == [1.0]
    both = make_report(store, naps, version="all")
    assert both.tables[0].header[0] == "version"
    assert len(both.tables[0].rows) == 2
    with pytest.raises(ValueError, match=r"no runs of version 7: the store has 0.0.1, 0.0.2"):
        make_report(store, naps, version="7")


def test_the_largest_scale_with_finished_runs_is_shown(tmp_path, naps):
    store = RunStore(tmp_path / "runs.sqlite")
    for scale, seed in (("full", 0), ("quick", 1)):
        store.plan("naps", scale, [spec("1", seed=seed)])
    store.finish(store.claim([spec("1", seed=1).key]).key, {"square": 1.0}, 2.0)
    assert make_report(store, naps).scale == "quick"
    store.finish(store.claim().key, {"square": 1.0}, 2.0)
    assert make_report(store, naps).scale == "full"


def test_the_time_of_a_run_and_of_all_are_told(tmp_path, naps):
    store = RunStore(tmp_path / "runs.sqlite")
    store.plan("naps", "quick", [spec("1", seed=seed) for seed in range(3)])
    for seconds in (1.0, 2.0, 6.0):
        store.finish(store.claim().key, {"square": 1.0}, seconds)
    assert re.search(r"\b3 s a run .*\b9 s in all", make_report(store, naps).timing)


def test_the_present_version_is_shown_though_another_one_finished_later(tmp_path, naps):
    store = RunStore(tmp_path / "runs.sqlite")
    for version in (hardzero.__version__, "0.0.1"):
        store.plan("naps", "quick", [spec(version)])
        store.finish(store.claim().key, {"square": 1.0}, 0.1)
    assert make_report(store, naps).finished["version"].tolist() == [hardzero.__version__]


def test_the_version_is_chosen_before_the_scale(tmp_path, naps):
    store = RunStore(tmp_path / "runs.sqlite")
    for version, scale in (("0.0.9", "full"), (hardzero.__version__, "quick")):
        store.plan("naps", scale, [spec(version)])
        store.finish(store.claim().key, {"square": 1.0}, 0.1)
    for version, shown, scale in (
        (None, hardzero.__version__, "quick"),
        (hardzero.__version__, hardzero.__version__, "quick"),
        ("0.0.9", "0.0.9", "full"),
    ):
        report = make_report(store, naps, version=version)
        assert (report.scale, report.finished["version"].tolist()) == (scale, [shown])
    with pytest.raises(ValueError, match=r"no runs of version 0.0.9: the store has "):
        make_report(store, naps, version="0.0.9", scale="quick")


def test_runs_of_another_revision_are_reported_as_such_while_there_are_no_others(tmp_path, naps, monkeypatch):
    store = RunStore(tmp_path / "runs.sqlite")
    store.plan("naps", "full", [spec("1")])
    store.finish(store.claim().key, {"square": 1.0}, 0.1)
    assert make_report(store, naps).status == "1 of 1 runs finished"
    monkeypatch.setattr(type(get_study(naps)), "revision", 2)
    told = "1 of 1 runs finished; of revision 1 of the study, which has revision 2 now"
    assert make_report(store, naps).status == told
    store.plan("naps", "quick", [spec("1", revision=2)])
    store.finish(store.claim().key, {"square": 2.0}, 0.1)
    report = make_report(store, naps)
    assert (report.scale, report.finished["square"].tolist()) == ("quick", [2.0])
    assert report.status == "1 of 1 runs finished"
    assert make_report(store, naps, scale="full").status == told


def test_the_revision_that_the_study_has_is_reported_though_there_is_a_later_one(tmp_path, naps):
    store = RunStore(tmp_path / "runs.sqlite")
    for revision, scale in ((2, "full"), (2, "quick"), (1, "quick")):
        store.plan("naps", scale, [spec("1", revision=revision, seed=len(scale))])
        store.finish(store.claim().key, {"square": float(revision)}, 0.1)
    report = make_report(store, naps)
    assert (report.scale, report.finished["square"].tolist()) == ("quick", [1.0])
    assert report.status == "1 of 1 runs finished"


def test_versions_with_another_revision_are_named_and_left_out(tmp_path, naps, monkeypatch):
    monkeypatch.setattr(type(get_study(naps)), "revision", 2)
    store = RunStore(tmp_path / "runs.sqlite")
    store.plan("naps", "quick", [spec("0.0.1"), spec("0.0.2", revision=2)])
    while (claimed := store.claim()) is not None:
        store.finish(claimed.key, {"square": 1.0}, 0.1)
    report = make_report(store, naps, version="all")
    assert report.finished["version"].tolist() == ["0.0.2"]
    assert report.status == (
        "1 of 1 runs finished; without version 0.0.1, whose runs are of another revision of the study"
    )


@pytest.mark.parametrize("last", ["0.0.1", "0.0.2"])
def test_among_earlier_versions_the_one_that_finished_last_is_shown(tmp_path, naps, last):
    store = RunStore(tmp_path / "runs.sqlite")
    specs = {version: spec(version) for version in ("0.0.1", "0.0.2")}
    store.plan("naps", "quick", specs.values())
    for version in sorted(specs, key=lambda version: version == last):
        store.finish(store.claim([specs[version].key]).key, {"square": 1.0}, 0.1)
    assert make_report(store, naps).finished["version"].tolist() == [last]


@pytest.mark.parametrize(("checksums", "expected"), [
    (["a" * 64, "b" * 64], ["mine.csv (aaaaaa)", "mine.csv (bbbbbb)"]),
    (["a" * 64, f"{'a' * 64}+{'b' * 64}"], ["mine.csv (aaaaaa)", "mine.csv (aaaaaa+bbbbbb)"]),
])  # fmt: skip
def test_contents_that_share_a_name_are_told_apart(tmp_path, naps, checksums, expected):
    store = RunStore(tmp_path / "runs.sqlite")
    store.plan("naps", "quick", [spec("1", data="mine.csv", data_checksum=checksum) for checksum in checksums])
    while (claimed := store.claim()) is not None:
        store.finish(claimed.key, {"square": 1.0}, 0.1)
    assert sorted(make_report(store, naps).finished["data"]) == expected


def test_each_data_set_has_pictures_of_its_own():
    import matplotlib.pyplot as plt

    def runs(metrics):
        rows = [{"data": data, "network": "tanh", "key": data, **metrics(value)} for data, value in values.items()]
        return pd.DataFrame(rows)

    def points(value):
        alike = ("size", "input_change", "overlap", "chance_overlap", "change")
        return {"perturbation": ["noise"], "layer": ["layer 1"], **{name: [value] for name in alike}}

    def probes(value):
        return {"layer": ["input", "layer 1"], "labels": [30, 30], "score": [value, value]}

    values = {"digits": 0.25, "mnist": 0.75}
    for name, metrics in (("disentangling", points), ("separability", probes)):
        shown = set()
        for picture in get_study(name).pictures(runs(metrics)):
            (line,) = [line for line in picture.axes.get_lines() if line.get_label().startswith("tanh")]
            shown.add((picture.caption.split(":")[0], *line.get_ydata()))
            picture.figure.draw_without_rendering()
            assert picture.axes.get_window_extent().height > 0.6 * picture.figure.bbox.height
        assert shown == set(values.items())
    plt.close("all")


def test_a_study_without_runs_is_named_with_the_command_that_runs_it(tmp_path, naps):
    store = RunStore(tmp_path / "runs.sqlite")
    command = f"run 'hardzero study {naps} --scale full --store {tmp_path}' first"
    with pytest.raises(ValueError, match=re.escape(f"has no runs of naps at scale full: {command}")):
        make_report(store, naps, scale="full")
    with pytest.raises(ValueError, match="unknown scale 'huge' of naps"):
        make_report(store, naps, scale="huge")


TINY = {
    "train_samples": 150,
    "hidden_layer_sizes": [12, 12],
    "layers": [20, 20],
    "max_iter": 2,
    "pretraining_epochs": 1,
    "learning_rates": None,
    "steps": 20,
    "units": 8,
    "rounds": 1,
    "samples": 40,
    "widths": [2, 4],
    "starts": 1,
    "labels_of_probe": [20, 40],
    "resamples": 2,
    "labels": 30,
    "early_stopping": False,
}


def tiny_grid(study):
    """Return a few runs of a study, made so small that each takes a moment."""
    data = "digits" if study.data else None
    grid = []
    for settings in study.grid("quick", data):
        small = {**settings, **{name: value for name, value in TINY.items() if name in settings and name != "labels"}}
        if small not in grid:
            grid.append(small)
    return grid[:12] if study.name != "semi-supervised" else grid[:8]


@pytest.fixture(scope="session")
def ratings(tmp_path_factory):
    """A file of short texts with ratings."""
    random = np.random.default_rng(0)
    words = {"good": 1.0, "fine": 0.5, "bad": -1.0, "dull": -0.5, "film": 0.0, "story": 0.0, "actors": 0.0}
    texts = [random.choice(list(words), size=random.integers(3, 7)) for _ in range(150)]
    lines = [f"{' '.join(text)},{sum(words[word] for word in text) + 0.01 * i}" for i, text in enumerate(texts)]
    path = tmp_path_factory.mktemp("ratings") / "ratings.csv"
    path.write_text("text,rating\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def small_runs(tmp_path_factory, ratings):
    """Every study at tiny size on digits, by its own code, as results of two versions: name -> store."""
    from hardzero import datasets
    from hardzero.studies.core.study import Context

    digits = datasets.load("digits")
    texts = datasets.load(ratings, target="rating", text="text")
    stores = {}
    for name in study_names():
        study = get_study(name)
        store = RunStore(tmp_path_factory.mktemp(name) / "runs.sqlite")
        data = None if not study.data else texts if name == "table2" else digits
        specs = [
            RunSpec(name, study.revision, settings, data and "digits", data and data.checksum, version, seed)
            for version in "12"
            for seed in range(2)
            for settings in tiny_grid(study)
        ]
        store.plan(name, "quick", specs)
        measured = {}
        while (claimed := store.claim()) is not None:
            run = json.dumps([claimed.settings, claimed.seed])
            if run not in measured:
                metrics = study.measure(dict(claimed.settings), Context(data, claimed.seed))
                measured[run] = plain_metrics(study, claimed.settings, metrics)
            store.finish(claimed.key, measured[run], 0.1)
        stores[name] = store
    return stores


@pytest.mark.slow
@pytest.mark.parametrize("name", study_names())
def test_every_study_is_measured_and_reported(small_runs, name, tmp_path):
    import matplotlib.pyplot as plt

    report = make_report(small_runs[name], name)
    assert len(report.finished) == len(report.runs)
    assert all(table.rows for table in report.tables)
    assert report.tables
    for table in report.tables:
        assert all(len(row) == len(table.header) for row in table.rows)
        assert not any("nan" in cell.text for row in table.rows for cell in row)
    write_page(report, tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size > 3000
    plt.close("all")


@pytest.mark.slow
@pytest.mark.parametrize("name", study_names())
def test_every_study_shows_versions_side_by_side(small_runs, name):
    import matplotlib.pyplot as plt

    one, both = (make_report(small_runs[name], name, version=version) for version in ("1", "all"))
    assert [table.title for table in both.tables] == [table.title for table in one.tables]
    for alone, together in zip(one.tables, both.tables, strict=True):
        assert together.header == ["version", *alone.header]
        for version in "12":
            rows = [row[1:] for row in together.rows if row[0].text == version]
            assert rows == alone.rows
    assert len(both.pictures) == 2 * len(one.pictures)
    plt.close("all")


@pytest.mark.slow
@pytest.mark.parametrize("name", study_names())
def test_reports_survive_missing_runs(small_runs, name, tmp_path):
    import matplotlib.pyplot as plt

    study = get_study(name)
    frame = make_report(small_runs[name], name).finished
    random = np.random.default_rng(0)
    for count in (1, 1, 1, 2, 3, len(frame) // 2, len(frame) - 1):
        kept = frame.iloc[np.sort(random.permutation(len(frame))[: max(count, 1)])]
        for table in study.tables(kept):
            assert all(len(row) == len(table.header) for row in table.rows)
        for picture in study.pictures(kept):
            picture.figure.canvas.draw()
        plt.close("all")


@pytest.mark.slow
def test_a_study_gives_the_same_metrics_again():
    from hardzero import datasets
    from hardzero.studies.core.study import Context

    study = get_study("sparsity-error")
    settings = tiny_grid(study)[1]
    digits = datasets.load("digits")
    metrics = [study.measure(dict(settings), Context(digits, 0, threads)) for threads in (1, 2)]
    assert metrics[0] == metrics[1]
    assert metrics[0] != study.measure(dict(settings), Context(digits, 1, 1))


def test_the_study_that_the_documentation_shows_runs(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "studies.md").read_text()
    (tmp_path / "dropout.py").write_text(re.search(r"```python\n(# dropout.*?)```", text, re.DOTALL).group(1))
    source = str(tmp_path / "dropout.py")
    store = run_study(source, n_seeds=1, folder=tmp_path, workers=ONE)
    assert store.counts() == {"done": 6}
    assert len(make_report(store, source).tables[0].rows) == 6
