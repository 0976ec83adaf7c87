"""Values that single precision cannot tell apart are named before anything is trained on them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from hardzero.cli import app


@pytest.mark.parametrize(
    ("column", "offset", "named"),
    [
        ("b", 1e15, "feature 'b' lies around 1e+15"),
        ("b", 1.7e9, "feature 'b' lies around 1.7e+09"),
        ("y", 1e9, "the target lies around 1e+09"),
    ],
)
def test_values_too_far_from_zero_for_their_spread_are_named(tmp_path, column, offset, named):
    frame = pd.DataFrame(np.random.default_rng(0).random((80, 3)), columns=["a", "b", "y"])
    frame[column] += offset
    frame.to_csv(tmp_path / "far.csv", index=False)
    command = ["fit", str(tmp_path / "far.csv"), "--target", "y", "--task", "regression", "--epochs", "1", "--quiet"]
    result = CliRunner().invoke(app, [*command, "-o", str(tmp_path / "far.safetensors")])
    assert result.exit_code == 2
    assert named in result.output
    assert "Subtract a constant from it" in result.output
    assert not (tmp_path / "far.safetensors").exists()


def test_values_beyond_single_precision_are_named(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).random((80, 2)), columns=["a", "y"])
    frame["y"] *= 1e300
    frame.to_csv(tmp_path / "large.csv", index=False)
    result = CliRunner().invoke(app, ["fit", str(tmp_path / "large.csv"), "--target", "y", "--epochs", "1", "--quiet"])
    assert result.exit_code == 2
    assert "the target has values beyond single precision: divide it by a constant" in result.output


def test_years_and_times_of_years_are_precise_enough(tmp_path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"year": 2000 + random.integers(0, 20, 80), "time": 1.7e9 + 3e7 * random.random(80)})
    frame["y"] = frame["year"] + random.random(80)
    frame.to_csv(tmp_path / "years.csv", index=False)
    command = ["fit", str(tmp_path / "years.csv"), "--target", "y", "--task", "regression", "--epochs", "1", "--quiet"]
    result = CliRunner().invoke(app, [*command, "-o", str(tmp_path / "years.safetensors")])
    assert result.exit_code == 0, result.output
