"""The command line in this process, and small files to feed it."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command in an empty folder."""
    from hardzero.cli import app

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return call


@pytest.fixture
def table(tmp_path):
    """A table with a class, a value and an identifier."""
    random = np.random.default_rng(0)
    X = random.normal(size=(150, 3)) * [1, 100, 0.01] + [0, 1000, 5]
    species = np.array(["ant", "bee"])[(X[:, 0] > 0).astype(int)]
    weight = 50_000 + 10_000 * X[:, 0] + 3_000 * (X[:, 1] - 1000) / 100
    lines = ["id,length,width,depth,species,weight"]
    for index, (x, name, value) in enumerate(zip(X, species, weight, strict=True)):
        lines.append(f"{index},{x[0]},{x[1]},{x[2]},{name},{value}")
    path = tmp_path / "insects.csv"
    path.write_text("\n".join(lines) + "\n")
    return path
