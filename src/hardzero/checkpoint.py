"""Checkpoints: the state of a training in a file, from which it goes on to the same bits.

A training has one stage or, with pre-training, several: one for each autoencoder and one for the network. The file
holds the result of every stage that has ended and the whole state of the present one.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hardzero.atomic_file import atomic_file
from hardzero.user_warnings import warn_user

if TYPE_CHECKING:
    from hardzero.training import Trainer

FORMAT = "hardzero checkpoint 3"

COPYING_PART = 0.05
"""Part of the time that copies of the state may take, from which Ctrl-C is served."""

SavedParameters = list[tuple[NDArray[np.float32], NDArray[np.float32]]]


class CheckpointUnusable(ValueError):
    """A checkpoint from which this training cannot go on: damaged, of another version, or of another training."""


@dataclass(frozen=True)
class Checkpoint:
    """Where and how often the state of a training is saved.

    Parameters
    ----------
    path : path-like
        A file. Where it exists and belongs to a training with the same settings and data, `fit` goes on from it
        and ends with the same bits as without the interruption. It stays when training has ended, so that `fit`
        gives the result again without training; delete it to train anew.
    every_epochs : int, optional
        Save after so many epochs.
    every_minutes : float, optional
        Save at the end of the first epoch after so many minutes; 5 where neither is given: a crash costs at most so
        much, and the time that saving takes does not count. Ctrl-C saves the last complete epoch (of epochs so short
        that copying each would take long, one of the last).

    Raises
    ------
    ValueError
        If `path` is empty or a folder, or an interval is not a positive number.

    Examples
    --------
    >>> Checkpoint("digits.checkpoint", every_epochs=10)
    Checkpoint(path='digits.checkpoint', every_epochs=10, every_minutes=None)
    """

    path: str | os.PathLike[str]
    every_epochs: int | None = None
    every_minutes: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.path, str | os.PathLike) or not str(self.path):
            raise ValueError(f"checkpoint must be the path of a file, or a Checkpoint; got {self.path!r}")
        if Path(self.path).is_dir():
            raise ValueError(f"the checkpoint {self.path} is a folder: give the path of a file in it")
        for name, kind, wanted in (("every_epochs", Integral, "whole number"), ("every_minutes", Real, "number")):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, kind) and value > 0):  # type: ignore[operator]
                raise ValueError(f"{name} of a checkpoint must be a positive {wanted}, got {value!r}")
        if self.every_epochs is None and self.every_minutes is None:
            object.__setattr__(self, "every_minutes", 5.0)


def as_checkpoint(checkpoint: str | os.PathLike[str] | Checkpoint) -> Checkpoint:
    """Return a checkpoint for a path, or the one given."""
    return checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint(checkpoint)


@dataclass(frozen=True)
class SavedStage:
    """One stage of a training as it is in the file: numbers as JSON values, and arrays by name."""

    state: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


@dataclass
class TrainingFile:
    """The checkpoint of one training: what is in the file, and when it is written next.

    Parameters
    ----------
    checkpoint : Checkpoint
    fingerprint : str
        Of settings and data (see `fingerprint`).
    random_state : numpy.random.RandomState
        As it is before anything is drawn. It is put back to where it was at the start of the saved training, so
        that the held-out part and whatever else is drawn before the first epoch come out the same.

    Raises
    ------
    ValueError
        If `random_state` draws from another generator than MT19937, whose state the file can hold.
    CheckpointUnusable
        If the file is no checkpoint, is damaged, or belongs to another training.
    """

    checkpoint: Checkpoint
    fingerprint: str
    random_state: np.random.RandomState
    saved: list[SavedStage] = field(init=False, repr=False)
    ended: list[SavedStage] = field(default_factory=list, init=False, repr=False)
    last_save: float = field(init=False)
    start: dict[str, Any] = field(init=False, repr=False)
    _present: SavedStage | None = field(default=None, init=False, repr=False)
    _unsaved: SavedStage | None = field(default=None, init=False, repr=False)
    _next_copy: float = field(default=0.0, init=False, repr=False)

    def __post_init__(self) -> None:
        generator = self.random_state.get_state(legacy=False)["bit_generator"]
        if generator != "MT19937":
            raise ValueError(
                f"checkpoint cannot save a random_state that draws from {generator}: set random_state to a whole "
                "number, or to a RandomState made from one"
            )
        path = Path(self.checkpoint.path)
        if not path.absolute().parent.is_dir():
            raise ValueError(f"cannot save checkpoints to {path}: there is no folder {path.parent}; create it first")
        self.saved = []
        if path.exists():
            with _damage_refused(path):
                state, arrays = _read(path, self.fingerprint)
                _set_random_state(self.random_state, state["start"], arrays["start_random_keys"])
                self.saved = [
                    SavedStage(stage, {name: arrays[f"{index}.{name}"] for name in stage["arrays"]})
                    for index, stage in enumerate(state["stages"])
                ]
        self.start = self.random_state.get_state(legacy=False)
        self.last_save = time.monotonic()

    def resume(self, trainer: Trainer) -> tuple[int, SavedParameters | None]:
        """Put a trainer into the saved state.

        Returns
        -------
        first_epoch : int
            The epoch to go on with: 1 for a new training, beyond the last for one that has ended.
        best_parameters : list of (weights, bias), or None
            Of the best validation score so far.

        Raises
        ------
        CheckpointUnusable
            If the file is damaged.
        """
        if len(self.ended) >= len(self.saved):
            return 1, None
        with _damage_refused(self.checkpoint.path):
            return self._restored(trainer, self.saved[len(self.ended)])

    def _restored(self, trainer: Trainer, stage: SavedStage) -> tuple[int, SavedParameters | None]:
        """Put a trainer into the state of a stage; return what `resume` does."""
        state, arrays = stage.state, stage.arrays
        trainer.restore_arrays(arrays)
        # Moments that were not kept start anew, and with them the correction of their bias.
        trainer.optimizer.n_steps = state["n_steps"] if trainer.state_arrays().keys() <= arrays.keys() else 0
        trainer.optimizer.learning_rate.current = state["learning_rate"]
        trainer.penalty.restore(state["penalty"])
        for name, value in state["history"].items():
            setattr(trainer.history, name, value)
        _set_random_state(trainer.random_state, state["random"], arrays["random_keys"])
        best = None
        if state["has_best"]:
            indices = range(len(trainer.network.parameters))
            best = [(arrays[f"best_weights.{i}"], arrays[f"best_bias.{i}"]) for i in indices]
        if state["ended"]:
            self._present = stage
        epochs = trainer.settings.max_epochs if state["ended"] else trainer.history.n_epochs
        return epochs + 1, best

    def stage_ends(self) -> None:
        """Go over to the next stage, unless the present one, the last, was interrupted."""
        if self._present is None:
            return
        kept = {name: array for name, array in self._present.arrays.items() if "state" not in name}
        self.ended.append(SavedStage({**self._present.state, "arrays": list(kept)}, kept))
        self._present = self._unsaved = None

    def epoch_ends(self, trainer: Trainer, best_parameters: SavedParameters | None, *, ended: bool) -> None:
        """Save if it is time to, or if the stage has ended; otherwise keep a copy for `save_last_epoch`, now and then.

        Copies are made as often as they take `COPYING_PART` of the time.
        """
        plan = self.checkpoint
        due = ended or (plan.every_epochs is not None and trainer.history.n_epochs % plan.every_epochs == 0)
        if plan.every_minutes is not None:
            due |= time.monotonic() - self.last_save >= 60.0 * plan.every_minutes
        started = time.monotonic()
        if not due and started < self._next_copy:
            return
        self._unsaved = self._snapshot(trainer, best_parameters, ended=ended)
        self._next_copy = time.monotonic() + (time.monotonic() - started) / COPYING_PART
        if ended:
            self._present = self._unsaved
        if due:
            self._write_or_warn(self._unsaved)

    def save_last_epoch(self) -> None:
        """Save the state after the last complete epoch, if it is not in the file."""
        if self._unsaved is not None:
            self._write_or_warn(self._unsaved)

    def _snapshot(self, trainer: Trainer, best_parameters: SavedParameters | None, *, ended: bool) -> SavedStage:
        """Return a copy of a trainer's state: training and calibration go on changing it."""
        random = trainer.random_state.get_state(legacy=False)
        arrays: dict[str, NDArray[Any]] = {name: array.copy() for name, array in trainer.state_arrays().items()}
        arrays["random_keys"] = random["state"]["key"]
        for i, (weights, bias) in enumerate(best_parameters or []):
            arrays[f"best_weights.{i}"], arrays[f"best_bias.{i}"] = weights, bias
        state = {
            "n_steps": trainer.optimizer.n_steps,
            "learning_rate": trainer.optimizer.learning_rate.current,
            "penalty": copy.deepcopy(trainer.penalty.state()),
            "history": {name: copy.copy(value) for name, value in vars(trainer.history).items()},
            "random": _random_scalars(random),
            "has_best": best_parameters is not None,
            "ended": ended,
            "arrays": list(arrays),
        }
        return SavedStage(state, arrays)

    def _write_or_warn(self, present: SavedStage) -> None:
        """Write the file; a full disk or a lost folder must not cost the training, which tries again later."""
        try:
            self._write(present)
        except OSError as error:
            self.last_save = time.monotonic()
            warn_user(f"the checkpoint {self.checkpoint.path} could not be saved: {error}")

    def _write(self, present: SavedStage) -> None:
        """Write the file: completely, or not at all."""
        from safetensors.numpy import save

        stages = [*self.ended, present]
        contiguous = {
            f"{index}.{name}": np.ascontiguousarray(array)
            for index, stage in enumerate(stages)
            for name, array in stage.arrays.items()
        }
        contiguous["start_random_keys"] = self.start["state"]["key"]
        document = {
            "fingerprint": self.fingerprint,
            "start": _random_scalars(self.start),
            "stages": [stage.state for stage in stages],
        }
        with atomic_file(self.checkpoint.path) as file:
            file.write(save(contiguous, metadata={"format": FORMAT, "state": json.dumps(document, default=_plain)}))
        self.last_save = time.monotonic()
        self._unsaved = None


def fingerprint(settings: Mapping[str, Any], *arrays: Any) -> str:
    """Return a hash of settings and data, by which a checkpoint is matched to its training.

    Parameters
    ----------
    settings : mapping
        Values whose ``repr`` determines them. Of one meaning are a list and a tuple, one value and a sequence of it
        alone, and a number of NumPy's and of Python's.
    *arrays : ndarray, csr_array, None, or a tuple of these
    """
    plain = {name: _plain_setting(value) for name, value in settings.items()}
    digest = hashlib.sha256(repr(sorted(plain.items())).encode())
    for part in _parts(arrays):
        digest.update(b"none" if part is None else f"{part.dtype}{part.shape}".encode())
        if part is not None:
            digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()


def _plain_setting(value: Any) -> Any:
    """Return a setting in the form that stands for all of its meaning."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        items = tuple(_plain_setting(item) for item in value)
        return items[0] if len(items) == 1 else items
    if isinstance(value, dict):
        return {_plain_setting(key): _plain_setting(item) for key, item in value.items()}
    return value


def _parts(value: Any) -> Iterator[NDArray[Any] | None]:
    """Yield the arrays that a tuple, or a CSR matrix, consists of."""
    if isinstance(value, tuple):
        for item in value:
            yield from _parts(item)
    elif hasattr(value, "indptr"):
        yield from (np.array(value.shape), value.data, value.indices, value.indptr)
    else:
        yield value


@contextmanager
def _damage_refused(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say what to do about a file that cannot be read, lacks a part or holds something else in its place."""
    from safetensors import SafetensorError

    try:
        yield
    except CheckpointUnusable:
        raise
    except (SafetensorError, OSError, LookupError, AttributeError, TypeError, ValueError) as error:
        raise CheckpointUnusable(
            f"{path} is damaged, or not a checkpoint ({type(error).__name__}: {error}): delete it, or name another file"
        ) from error


def _read(path: Path, expected: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return state and arrays of a checkpoint of this version and training."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata() or {}
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if metadata.get("format") != FORMAT:
        raise CheckpointUnusable(
            f"{path} is not a checkpoint of this version of hardzero: delete it, or name another file"
        )
    state = json.loads(metadata["state"])
    if state["fingerprint"] != expected:
        raise CheckpointUnusable(
            f"the checkpoint {path} belongs to a training with other settings or data: go on with those, delete the "
            "file, or name another one"
        )
    return state, arrays


def _plain(value: Any) -> Any:
    """Return a number of NumPy's, which parameters may be, as one of Python's."""
    return value.item()


def _random_scalars(state: Mapping[str, Any]) -> dict[str, Any]:
    return {"position": state["state"]["pos"], "has_gauss": state["has_gauss"], "gauss": state["gauss"]}


def _set_random_state(random_state: np.random.RandomState, scalars: Mapping[str, Any], keys: NDArray[Any]) -> None:
    random_state.set_state(("MT19937", keys, scalars["position"], scalars["has_gauss"], scalars["gauss"]))
