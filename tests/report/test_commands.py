"""The commands ``hardzero report`` and ``hardzero sweep``."""

import typer
from typer.testing import CliRunner

from hardzero import model_file
from hardzero.analysis.sparsity_frontier import SparsityFrontier
from hardzero.cli.report import report
from hardzero.cli.sweep import sweep


def run(command, *arguments):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_report_of_a_model_file(classifier, sweep, tmp_path):
    model_file.save(classifier, tmp_path / "model.safetensors")
    sweep.save(tmp_path / "sweep.json")
    result = run(report, tmp_path / "model.safetensors", "digits", "--sweep", tmp_path / "sweep.json")
    assert result.exit_code == 0, result.output
    html = (tmp_path / "model.html").read_text()
    assert "RectifierClassifier on digits" in html
    assert "Sparsity, accuracy and speed" in html
    assert "Training loss of each epoch" in html


def test_report_without_data(classifier, tmp_path):
    model_file.save(classifier, tmp_path / "model.safetensors")
    result = run(report, tmp_path / "model.safetensors", "-o", tmp_path / "other.html")
    assert result.exit_code == 0, result.output
    assert str(tmp_path / "other.html") in result.output
    assert "hardzero report MODEL DATA" in (tmp_path / "other.html").read_text()


def test_sweep_prints_and_saves_the_frontier(tmp_path):
    path = tmp_path / "sweep.json"
    options = ("--target-sparsity", "0,0.8", "--seeds", "1", "--epochs", "3", "--hidden", "32")
    result = run(sweep, "digits", *options, "-o", path)
    assert result.exit_code == 0, result.output
    assert "against dense" in result.output
    assert [point.target for point in SparsityFrontier.load(path).points] == [0.0, 0.8]


def test_sweep_names_the_option_that_is_wrong():
    result = run(sweep, "digits", "--target-sparsity", "a,b")
    assert "--target-sparsity needs numbers" in str(result.exception)
