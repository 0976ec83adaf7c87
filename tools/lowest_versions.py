"""Test hardzero with the lowest versions of its dependencies that pyproject.toml names.

    python tools/lowest_versions.py
    python tools/lowest_versions.py -q tests/test_estimators.py

Arguments go to pytest. Needs Python 3.11, for which all of these versions have wheels, CMake, Ninja and a C++17
compiler. The environment lies in build/lowest-versions; the installed hardzero is not touched.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "lowest-versions"
TEST_TOOLS = ("pytest", "hypothesis", "onnx")


def lowest_versions() -> list[str]:
    """Return the requirements of building, running and testing, pinned to their lowest versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tools = [each for each in project["project"]["optional-dependencies"]["test"] if each.startswith(TEST_TOOLS)]
    requirements = [*project["build-system"]["requires"], *project["project"]["dependencies"], *tools]
    return [requirement.replace(">=", "==") for requirement in requirements]


def main() -> int:
    """Install, then test."""
    pins = lowest_versions()
    print("\n".join(pins), flush=True)
    venv.create(FOLDER, with_pip=True, clear=True)
    python = str(FOLDER / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", *pins], check=True)
    # Build with the versions that are there, not with newer ones.
    build = ["--no-build-isolation", "--no-deps", str(ROOT)]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *build], check=True)
    return subprocess.run([python, "-m", "pytest", *sys.argv[1:]], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
