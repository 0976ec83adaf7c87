"""Build the native code with sanitizers and run tests on it.

    python tools/sanitize.py address,undefined
    python tools/sanitize.py thread

Any further arguments go to pytest instead of the default, the tests of the kernels and of the predictor. Needs a
checkout in which hardzero's dependencies, nanobind and pytest are installed, GCC or Clang on Linux, and CMake. The
build lies in build/sanitize-*; the installed hardzero is not touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNTIMES = {"address": "libasan.so", "thread": "libtsan.so"}
OPTIONS = {
    # Python keeps memory until exit, and uninstrumented libraries hide what they free.
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:ignore_noninstrumented_modules=1",
}


def build(sanitizers: str) -> Path:
    """Compile the module and return its path."""
    folder = ROOT / "build" / f"sanitize-{sanitizers.replace(',', '-')}"
    configure = ["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"]
    settings = {"HARDZERO_SANITIZE": sanitizers, "HARDZERO_WERROR": "ON", "Python_EXECUTABLE": sys.executable}
    definitions = [f"-D{name}={value}" for name, value in settings.items()]
    subprocess.run([*configure, *definitions], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder], check=True)
    return folder / f"_native{sysconfig.get_config_var('EXT_SUFFIX')}"


def run(sanitizers: str, module: Path, arguments: list[str]) -> int:
    """Run pytest in a process that starts with the sanitizer's runtime."""
    compiler = os.environ.get("CXX", "g++")
    names = [library for kind, library in RUNTIMES.items() if kind in sanitizers.split(",")]
    find = [subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True) for name in names]
    # The C++ runtime too: sanitizers intercept its exceptions only if it is there when they start.
    find.append(subprocess.run([compiler, "-print-file-name=libstdc++.so"], capture_output=True, text=True))
    preload = " ".join(str(Path(found.stdout.strip()).resolve()) for found in find)
    environment = {**OPTIONS, **os.environ, "LD_PRELOAD": preload, "HARDZERO_OPS": "native"}
    # The thread sanitizer wants memory where address space randomization may not put it.
    prefix = ["setarch", "--addr-no-randomize"] if shutil.which("setarch") else []
    command = [*prefix, sys.executable, __file__, "--inside", str(module), *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT).returncode


def test(module: Path, arguments: list[str]) -> int:
    """Run pytest on the sanitized module in place of the installed one."""
    from importlib.util import module_from_spec, spec_from_file_location

    import pytest

    spec = spec_from_file_location("hardzero.ops._native", module)
    assert spec is not None
    assert spec.loader is not None
    native = module_from_spec(spec)
    spec.loader.exec_module(native)
    sys.modules["hardzero.ops._native"] = native
    return int(pytest.main(["-p", "no:cacheprovider", *arguments]))


def main() -> int:
    """Build, then test."""
    if len(sys.argv) > 2 and sys.argv[1] == "--inside":
        return test(Path(sys.argv[2]), sys.argv[3:])
    if len(sys.argv) < 2 or not set(sys.argv[1].split(",")) <= {"address", "undefined", "thread"}:
        print(__doc__)
        return 2
    chosen = [str(path) for path in (ROOT / "tests" / "ops", ROOT / "tests" / "test_predictor.py") if path.exists()]
    return run(sys.argv[1], build(sys.argv[1]), sys.argv[2:] or ["-q", "-x", *chosen])


if __name__ == "__main__":
    sys.exit(main())
