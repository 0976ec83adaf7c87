from __future__ import annotations

import os
import subprocess
import sys

import pytest

import hardzero
from hardzero.ops import _native

SHOW = "import hardzero; print(hardzero.show_config(mode='dicts')['instruction sets']['in use'])"


def run_with_simd(value):
    environment = {**os.environ, "HARDZERO_SIMD": value}
    return subprocess.run([sys.executable, "-c", SHOW], env=environment, capture_output=True, text=True)


def test_configuration_names_what_is_in_use():
    sets = hardzero.show_config(mode="dicts")["instruction sets"]
    assert sets["in use"] in sets["found"]
    assert set(sets["found"]) <= set(sets["compiled"])


def test_configuration_is_printed(capsys):
    assert hardzero.show_config() is None
    assert "instruction sets:" in capsys.readouterr().out


def test_unknown_mode():
    with pytest.raises(ValueError, match="mode"):
        hardzero.show_config(mode="xml")


def test_environment_variable_selects_the_arithmetic(monkeypatch):
    monkeypatch.setenv("HARDZERO_OPS", "reference")
    assert hardzero.show_config(mode="dicts")["ops"] == "reference"
    monkeypatch.setenv("HARDZERO_OPS", "numpy")
    with pytest.raises(ValueError, match="set HARDZERO_OPS to 'native' or 'reference'"):
        hardzero.show_config()


def test_environment_variable_forces_an_instruction_set():
    lowest = _native.runnable_instruction_sets()[0]
    assert run_with_simd(lowest).stdout.strip() == lowest


def test_environment_variable_with_unknown_instruction_set():
    result = run_with_simd("abacus")
    assert result.returncode != 0
    assert "HARDZERO_SIMD" in result.stderr
