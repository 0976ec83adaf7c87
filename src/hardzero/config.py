"""What this installation runs on: instruction sets, threads, BLAS."""

from __future__ import annotations

import platform
from typing import Any, Literal, overload


@overload
def show_config(mode: Literal["stdout"] = ...) -> None: ...
@overload
def show_config(mode: Literal["dicts"]) -> dict[str, Any]: ...


def show_config(mode: Literal["stdout", "dicts"] = "stdout") -> dict[str, Any] | None:
    """Show which kernels, how many threads and which BLAS hardzero uses, like `numpy.show_config`.

    Parameters
    ----------
    mode : {"stdout", "dicts"}, default="stdout"
        Print, or return as a dictionary.

    Returns
    -------
    dict or None
        The configuration if `mode` is "dicts".

    Raises
    ------
    ValueError
        If `mode` is neither, or the environment variable ``HARDZERO_SIMD`` names an instruction set, or
        ``HARDZERO_OPS`` an arithmetic, that is not there.

    Notes
    -----
    ``HARDZERO_SIMD`` forces one of the instruction sets found (``x86_64_v2``, ``x86_64_v3``, ``x86_64_v4``
    on x86-64), ``HARDZERO_OPS=reference`` the arithmetic in NumPy, ``OMP_NUM_THREADS`` fewer threads
    than the cores that affinity, a container's limit and ``LOKY_MAX_CPU_COUNT`` leave.

    Examples
    --------
    >>> show_config(mode="dicts")["ops"]
    'native'
    """
    if mode not in ("stdout", "dicts"):
        raise ValueError(f"mode must be 'stdout' or 'dicts', got {mode!r}")
    config = _config()
    if mode == "dicts":
        return config
    for name, value in config.items():
        if not isinstance(value, dict):
            print(f"{name}: {value}")
            continue
        print(f"{name}:")
        for part, content in value.items():
            print(f"  {part}: {', '.join(content) if isinstance(content, list) else content}")
    return None


def _config() -> dict[str, Any]:
    import numpy as np
    import scipy

    from hardzero import __version__
    from hardzero.ops import _native, get_ops
    from hardzero.threads import usable_cores

    numpy_config: Any = np.show_config(mode="dicts")
    blas = numpy_config["Build Dependencies"]["blas"]
    return {
        "hardzero": __version__,
        "ops": get_ops().name,
        "instruction sets": {
            "compiled": _native.compiled_instruction_sets(),
            "found": _native.runnable_instruction_sets(),
            "in use": _native.chosen_instruction_set(),
        },
        "threads": usable_cores(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "BLAS (reference ops only)": {"name": blas.get("name", ""), "version": blas.get("version", "")},
    }
