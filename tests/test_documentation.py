"""The Python that README and docs show runs as it stands there, page by page."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from hardzero import RectifierClassifier

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

N_SAMPLES = 100
"""Samples of what pages call `X`: their networks are wide."""

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[str]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.fixture
def names(digits) -> dict[str, object]:
    """What pages take for given: data, of float64 as most arrays are, a fitted model of it, rated texts."""
    X, y = digits[0][:N_SAMPLES].astype(np.float64), digits[1][:N_SAMPLES]
    classifier = RectifierClassifier(16, max_iter=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit(X, y)
    texts = ["a film to see again", "not worth the evening"] * 5
    return {"__name__": "page", "X": X, "y": y, "classifier": classifier, "texts": texts, "ratings": [3.5, -2.0] * 5}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.stem)
def test_the_python_of_a_page_runs(page, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for block in blocks(page):
        for package in ("torch", "onnxruntime"):
            if f"import {package}" in block:
                pytest.importorskip(package, reason=f"the page goes on with {package}")
        exec(compile(block, f"{page.name}: {block.splitlines()[0]}", "exec"), names)


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
