"""Where a command may write."""

from __future__ import annotations

from pathlib import Path


def check_model_output(path: Path, *, force: bool) -> bool:
    """Make sure, before any work is done, that a model can be written to `path`.

    Parameters
    ----------
    path : Path
    force : bool
        Whether a file of another kind may be replaced.

    Returns
    -------
    bool
        Whether an older model will be replaced.

    Raises
    ------
    ValueError
        If the folder does not exist, or `path` is a folder or a file that is not a model of ours.
    """
    from hardzero.model_file import ModelFileError, describe

    if path.is_dir():
        raise ValueError(f"--output {path} is a folder: give the name of a file in it")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"--output {path}: there is no folder {path.parent}; create it first")
    if not path.exists():
        return False
    if not force:
        try:
            describe(path)
        except ModelFileError:
            raise ValueError(
                f"{path} exists and is no hardzero model: it is not replaced. Choose another name with --output, or "
                "replace it with --force"
            ) from None
    return True
