"""``hardzero study``, as a user types it."""

import io
import os
import re

import pytest
from rich.console import Console
from typer.testing import CliRunner

from hardzero.cli.study import app
from hardzero.cli.study_view import StudyView
from hardzero.studies.core.report import make_report
from hardzero.studies.core.running import make_plan, run_study
from hardzero.studies.core.workers import Workers

WIDE = {"COLUMNS": "200"}


@pytest.fixture
def study(tmp_path):
    """Call ``hardzero study`` with a store of its own."""

    def call(*arguments, code=0):
        stored = [] if "--help" in arguments else ["--store", str(tmp_path / "store")]
        result = CliRunner().invoke(app, [*arguments, *stored], env=WIDE)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return call


def test_the_list_names_every_study_and_counts_its_runs(study):
    from hardzero.studies import study_names

    assert all(name in study("list").output for name in study_names())
    study("response-curves")
    line = next(line for line in study("list").output.splitlines() if "response-curves" in line)
    assert "1 of 1" in line


def test_the_list_has_studies_of_one_s_own_with_their_runs(study, naps, monkeypatch):
    monkeypatch.setenv("NAPS", "2")
    assert "naps" not in study("list").output
    study(naps, "--seeds", "1", "--workers", "1")
    line = next(line for line in study("list").output.splitlines() if "naps" in line)
    assert "a study of your own" in line
    assert "2 of 2" in line


def test_a_study_is_run_by_its_name_and_reported(study, tmp_path):
    output = study("response-curves").output
    assert "LIF neuron" in output
    assert "1 of 1 runs finished" in output
    names = {path.name for path in (tmp_path / "store").iterdir()}
    assert {"runs.sqlite", "response-curves-quick.html", "response-curves-quick.csv"} <= names


def test_run_may_be_said(study):
    assert "LIF neuron" in study("run", "response-curves").output


def test_a_file_with_a_study_is_run_like_the_paper_s(study, naps, monkeypatch):
    monkeypatch.setenv("NAPS", "4")
    output = study(naps, "--seeds", "2", "--workers", "1").output
    assert "8 of 8 runs finished" in output
    assert re.search(r"3 +│ +9\.\d+ ± .* │ +9 +│", output)


def test_a_log_file_shows_how_far_a_study_is(study, naps, monkeypatch):
    monkeypatch.setenv("NAPS", "4")
    lines = study(naps, "--seeds", "1", "--workers", "1").output.splitlines()
    progress = [line for line in lines if "runs finished," in line and "spent" in line]
    assert "0 of 4 runs finished" in progress[0]
    assert "4 of 4 runs finished" in progress[-1]


def test_failures_are_named_and_the_exit_code_says_so(study, naps, monkeypatch):
    monkeypatch.setenv("NAPS", "4")
    monkeypatch.setenv("NAPS_FAILS_AT", "2")
    output = study(naps, "--seeds", "1", "--workers", "1", code=1).output
    assert "this nap was cut short" in output
    assert "3 of 4 runs finished (1 failed)" in output


def test_a_study_that_was_corrected_no_longer_fails(study, tmp_path):
    path = tmp_path / "own.py"
    parts = {"tables": "[]", "pictures": "[]"}
    fails = 'return {"b": 1 if settings["a"] == "tanh" else settings["missing"]}'
    path.write_text(OWN_STUDY.format(grid="[{'a': 'tahn'}]", **parts).replace('return {"b": 1}', fails))
    assert "tahn" in study(str(path), "--seeds", "2", "--workers", "1", code=1).output
    path.write_text(OWN_STUDY.format(grid="[{'a': 'tanh'}]", **parts).replace('return {"b": 1}', fails))
    output = study(str(path), "--seeds", "1", "--workers", "1").output
    assert "tahn" not in output
    assert "1 of 2 runs finished (1 failed)" in output
    output = study(str(path), "--seeds", "2", "--workers", "1").output
    assert "2 of 2 runs finished. " in output
    assert "tahn" not in study("report", str(path)).output


def test_checkpoints_of_failed_runs_are_kept_until_the_study_has_changed(study, tmp_path):
    path, checkpoints = tmp_path / "own.py", tmp_path / "store" / "checkpoints"
    fails = "context.checkpoints.mkdir(parents=True, exist_ok=True); raise MemoryError"
    text = OWN_STUDY.format(grid="[{'a': 1}]", tables="[]", pictures="[]").replace('return {"b": 1}', fails)
    path.write_text(text)
    study(str(path), "--seeds", "2", "--workers", "1", code=1)
    (checkpoints / "of-another-program").mkdir()
    study(str(path), "--seeds", "1", "--workers", "1", code=1)
    assert len(list(checkpoints.iterdir())) == 3
    path.write_text(text.replace(fails, 'return {"b": 1}') + "\n    revision = 2\n")
    study(str(path), "--seeds", "1", "--workers", "1")
    assert [folder.name for folder in checkpoints.iterdir()] == ["of-another-program"]


@pytest.mark.parametrize(("error", "reason"), [
    ("RuntimeError('CUDA error: no memory\\nCompile with TORCH_USE_CUDA_DSA')", "RuntimeError: CUDA error: no memory"),
    ("ValueError('\\nAll the 3 fits failed.\\nBelow are more details')", "ValueError: All the 3 fits failed."),
    ("ValueError(1700 * 'a')", f"ValueError: {287 * 'a'}…"),
    ("KeyError('a')", "KeyError: 'a'"),
    ("MemoryError", "MemoryError"),
    ("SyntaxError('invalid syntax', ('own.py', 1, 1, 'x = = 2'))", "SyntaxError: invalid syntax"),
])  # fmt: skip
def test_the_reason_of_a_failure_is_the_first_line_of_its_error(study, tmp_path, error, reason):
    path = tmp_path / "own.py"
    parts = {"grid": "[{'a': 1}]", "tables": "[]", "pictures": "[]"}
    path.write_text(OWN_STUDY.format(**parts).replace('return {"b": 1}', f"raise {error}"))
    output = study(str(path), "--seeds", "1", "--workers", "1", code=1).output
    assert f"failed {{'a': 1}}: {reason}\n" in output
    assert f'failed:  seed 0: {{"a": 1}}: {reason}\n' in output


def test_a_failure_is_one_line_of_a_log():
    console = Console(file=io.StringIO(), width=80)
    StudyView(console, "own", 1, 0).run_failed({"a": "x" * 60}, "ValueError: " + "y " * 60)
    assert console.file.getvalue() == f"failed {{'a': '{'x' * 60}'}}: ValueError: {'y ' * 60}\n"


def test_square_brackets_are_shown_as_they_are(study, tmp_path):
    path = tmp_path / "brackets.py"
    path.write_text(
        "from hardzero.studies import Study\n\n"
        "class Brackets(Study):\n"
        "    name = 'brackets'\n    title = 'Weights [kg]'\n    claim = 'Rates [/min] fall.'\n\n"
        "    def grid(self, scale, data):\n        return [{'unit': '[/min]'}]\n\n"
        "    def measure(self, settings, context):\n        raise ValueError('no [/min]')\n\n"
        "    def tables(self, runs):\n        return []\n"
    )
    output = study(str(path), "--seeds", "1", "--workers", "1", code=1).output
    assert "failed {'unit': '[/min]'}: ValueError: no [/min]" in output
    assert "Weights [kg] (quick): Rates [/min] fall." in output


def test_a_report_runs_nothing(study, naps, monkeypatch, tmp_path):
    monkeypatch.setenv("NAPS_LOG", str(tmp_path / "log"))
    study(naps, "--seeds", "1", "--workers", "1")
    monkeypatch.setenv("NAPS", "99")
    assert "12 of 12 runs finished" in study("report", naps).output
    assert len((tmp_path / "log").read_text().splitlines()) == 12


def test_tables_in_markdown(study):
    study("response-curves")
    assert "| rectifier |" in study("report", "response-curves", "--markdown").output


def test_the_files_of_a_report_may_lie_in_another_folder_than_the_store(study, tmp_path, monkeypatch):
    study("response-curves")
    store = tmp_path / "store"
    for path in store.glob("response-curves-quick.*"):
        path.unlink()
    monkeypatch.setattr("os.access", lambda path, mode: not (path == store and mode == os.W_OK))
    with pytest.raises(ValueError, match=r"nothing can be written in .*: name another folder with --output"):
        study("report", "response-curves")
    assert "| rectifier |" in study("report", "response-curves", "--markdown").output
    assert study("list").output
    with pytest.raises(ValueError, match=r"--markdown writes no files: leave out --output"):
        study("report", "response-curves", "--markdown", "--output", str(tmp_path / "reports"))
    assert not (tmp_path / "reports").exists()
    study("report", "response-curves", "--output", str(tmp_path / "reports"))
    assert list(store.glob("response-curves-quick.*")) == []
    names = {path.name for path in (tmp_path / "reports").iterdir()}
    assert {"response-curves-quick.html", "response-curves-quick.csv"} <= names


@pytest.mark.parametrize(("arguments", "message"), [
    (["tabel1"], "unknown study 'tabel1'"),
    (["response-curves", "--scale", "huge"], "unknown scale 'huge'"),
    (["response-curves", "--seeds", "0"], "number of seeds must be positive"),
    (["response-curves", "--workers", "0"], "number of workers must be positive"),
    (["response-curves", "--backend", "slurm"], "unknown backend 'slurm'"),
    (["response-curves", "--data", "digits"], "uses no data set"),
    (["sparsity-error", "--data", "/no/such/file.csv"], "none of the data sets of sparsity-error can be used"),
    (["report", "response-curves"], "there is no store of runs"),
])  # fmt: skip
def test_mistakes_are_explained(study, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        study(*arguments)


def test_data_that_are_absent_are_named(study):
    result = CliRunner().invoke(app, ["run", "sparsity-error", "--data", "/no/such/file.csv"])
    assert "Without /no/such/file.csv" in result.output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class Broken(:", "cannot be loaded: SyntaxError"),
        ("import no_such_module", "cannot be loaded: ModuleNotFoundError"),
        ("{study}", "has no name: give it one"),
        ("{study}    name = 'a/../../b'\n    title = claim = 'x'\n", "becomes that of files"),
        ("{study}    name = 'a'\n    title = 'x'\n", "has no claim"),
        ("{named}    data = ('digits')\n", "must be a sequence of names, such as ('digits',), got 'digits'"),
        ("{named}    data_at_full_scale = 'norb'\n", "data_at_full_scale of the study Own in"),
        ("{named}    unlabeled_data = ('digits',)\n", "must be the name of a data set, or None, got ('digits',)"),
        ("{named}    task = 'clustering'\n", "must be 'classification', 'regression' or None, got 'clustering'"),
        ("{named}    takes_text = 'no'\n", "must be True, False or None, got 'no'"),
        ("{named}    scales = 'quick'\n", "must be a sequence of names, such as ('quick', 'full'), got 'quick'"),
        ("{named}    seeds = 5\n", "must be a dict of whole numbers by scale, such as {'quick': 3, 'full': 5}, got 5"),
        ("{named}    seeds = {'quick': 2.0}\n", "seeds of the study Own in"),
        ("{named}    timed = None\n", "must be True or False, got None"),
        ("{named}    revision = '2'\n", "must be a whole number, got '2'"),
        ("{named}    revision = 1.0\n", "must be a whole number, got 1.0"),
        ("{named}    revision = True\n", "must be a whole number, got True"),
        (
            "from hardzero.studies import Study\nclass Own(Study):\n    name = title = claim = 'a'\n",
            "grid, measure, tables",
        ),
    ],
)
def test_a_study_file_that_cannot_be_used_is_named(tmp_path, text, message):
    study = (
        "from hardzero.studies import Study\n\n\nclass Own(Study):\n"
        "    def grid(self, scale, data):\n        return [{'a': 1}]\n\n"
        "    def measure(self, settings, context):\n        return {'b': 1}\n\n"
        "    def tables(self, runs):\n        return []\n\n"
    )
    path = tmp_path / "own.py"
    path.write_text(text.replace("{named}", "{study}    name = title = claim = 'a'\n").replace("{study}", study))
    result = CliRunner().invoke(app, ["run", str(path), "--workers", "1", "--store", str(tmp_path / "store")])
    assert isinstance(result.exception, ValueError)
    assert message in str(result.exception)
    assert "own.py" in str(result.exception)


OWN_STUDY = """
from hardzero.studies import Study


class Own(Study):
    name = "own"
    title = claim = "x"

    def grid(self, scale, data):
        return {grid}

    def measure(self, settings, context):
        return {{"b": 1}}

    def tables(self, runs):
        return {tables}

    def pictures(self, runs):
        return {pictures}
"""


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"grid": "[]"}, "grid of the study own returns no settings at scale quick"),
        (
            {"grid": "[{'a': 1}, (1, 2)]"},
            "grid of the study own failed (own.py): TypeError: each setting must be a dict of values by name, and",
        ),
        ({"grid": "{}['a']"}, "grid of the study own failed (own.py, line 10): KeyError: 'a'"),
        ({"grid": "[{'a': object()}]"}, "grid of the study own failed (own.py): TypeError: Object of type object"),
        ({"grid": "[{'a': float('inf')}]"}, "grid of the study own failed (own.py): ValueError: Out of range float"),
        ({"grid": "[{'a': {0: 1.0}}]"}, "grid of the study own failed (own.py): ValueError: settings are kept as JSON"),
        (
            {"grid": "[{'a': 1}, {'seed': 1}]"},
            "grid of the study own failed (own.py): ValueError: a setting must not be named",
        ),
        ({"tables": "runs['c']"}, "tables of the study own failed (own.py, line 16): KeyError: 'c'"),
        ({"pictures": "1 / 0"}, "pictures of the study own failed (own.py, line 19): ZeroDivisionError"),
        ({"tables": "None"}, "tables of the study own failed (own.py): TypeError: it must return a list of Table obj"),
        ({"tables": "['a']"}, "it must return a list of Table objects, and returned ['a']"),
        ({"pictures": "[1]"}, "pictures of the study own failed (own.py): TypeError: it must return a list of Picture"),
    ],
)
def test_errors_in_the_methods_of_a_study_name_the_line(tmp_path, parts, message):
    path = tmp_path / "own.py"
    path.write_text(OWN_STUDY.format(**{"grid": "[{'a': 1}]", "tables": "[]", "pictures": "[]", **parts}))
    result = CliRunner().invoke(app, ["run", str(path), "--workers", "1", "--store", str(tmp_path / "store")])
    assert isinstance(result.exception, ValueError)
    assert message in str(result.exception)


def test_tables_and_pictures_may_be_generators(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN_STUDY.format(grid="[{'a': 1}]", tables="iter([])", pictures="iter([])"))
    store = run_study(str(path), n_seeds=1, folder=tmp_path, workers=Workers(count=1))
    report = make_report(store, str(path))
    assert (report.tables, report.pictures) == ([], [])


def test_a_scale_without_seeds_has_those_of_other_studies(tmp_path):
    path = tmp_path / "own.py"
    text = OWN_STUDY.format(grid="[{'a': 1}]", tables="[]", pictures="[]")
    path.write_text(text + "\n    seeds = {'quick': 2}\n    scales = ('tiny', 'quick', 'full')\n")
    assert [len(make_plan(str(path), scale).specs) for scale in ("quick", "full")] == [2, 5]
    assert len(make_plan(str(path), "tiny", n_seeds=4).specs) == 4
    with pytest.raises(ValueError, match="seeds of own has no number for scale tiny"):
        make_plan(str(path), "tiny")
