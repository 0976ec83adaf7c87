"""The examples run as they stand, and say what their texts promise."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def output_of(name, capsys):
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Files that examples write stay out of the repository."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_digits_are_sparse_saved_and_predicted(capsys, tmp_path):
    output = output_of("digits.py", capsys)
    zeros = [float(value) for value in re.search(r"zeros of each hidden layer: (.*)%", output)[1].split("%, ")]
    assert zeros == pytest.approx([85, 85], abs=2)
    dense, sparse = (float(re.search(rf"{name}: ([\d.]+)% test error", output)[1]) for name in ("learn", "hardzero"))
    assert sparse < 3
    assert sparse < dense + 1
    assert int(re.search(r"multiply-adds that are left: (\d+)%", output)[1]) < 30
    assert (tmp_path / "digits.safetensors").exists()


def test_a_look_inside_prints_profile_and_overlap_and_writes_the_page(capsys, tmp_path):
    output = output_of("look_inside.py", capsys)
    assert "treves_rolls" in output
    assert "masking" in output
    assert (tmp_path / "look_inside.html").stat().st_size > 20_000


def test_every_example_is_tested():
    tested = re.findall(r"output_of\(\"(\w+\.py)\"", Path(__file__).read_text())
    assert sorted(tested) == sorted(path.name for path in EXAMPLES.glob("*.py"))
