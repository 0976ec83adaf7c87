"""The package as a whole: quick to import, typed, and every example of its docstrings right."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import hardzero

OPTIONAL = {"torch", "onnx", "onnxruntime", "openvino", "dask", "distributed", "ray"}
HEAVY = ["sklearn", "scipy", "pandas", "matplotlib", "rich", "typer", "pooch", "torch", "onnx", "dask", "ray"]
MODULES = sorted(module.name for module in pkgutil.walk_packages(hardzero.__path__, "hardzero."))


def modules_after(statement):
    """Return the modules that a fresh interpreter has loaded after a statement."""
    script = f"{statement}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout))


def test_importing_the_package_loads_none_of_its_dependencies():
    assert not modules_after("import hardzero").intersection([*HEAVY, "numpy"])


def test_the_estimators_load_no_more_packages_than_scikit_learns():
    theirs = modules_after("from sklearn.neural_network import MLPClassifier; import sklearn.model_selection")
    ours = modules_after("from hardzero import RectifierClassifier")
    assert not (ours - theirs).intersection(HEAVY)


def test_every_public_name_can_be_had():
    for name in hardzero.__all__:
        assert getattr(hardzero, name) is not None
    assert set(hardzero.__all__) <= set(dir(hardzero))
    with pytest.raises(AttributeError, match="has no attribute 'MLPClassifier'"):
        _ = hardzero.MLPClassifier


def test_the_version_is_that_of_the_distribution():
    assert version("hardzero") == hardzero.__version__


def test_the_package_is_marked_as_typed():
    assert (Path(hardzero.__file__).parent / "py.typed").exists()


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:target_.* was not reached")
def test_the_examples_of_docstrings_are_right(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in OPTIONAL:
            raise
        pytest.skip(f"needs {error.name}")
    outcome = doctest.testmod(module)
    assert outcome.failed == 0
