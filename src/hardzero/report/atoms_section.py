"""For sparse dictionaries of images: the atoms that are used most."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardzero.report.first_layer_section import weight_image
from hardzero.report.section import ImageCard, ImageGroup, Section

N_ATOMS = 48


def is_dictionary(estimator: Any) -> bool:
    """Tell whether a model writes its input as a sum of atoms."""
    return hasattr(estimator, "n_revived_")


def atoms_section(estimator: Any, X: Any, image_shape: tuple[int, ...] | None) -> Section:
    """Return how many atoms are used, and the most used ones as images where inputs are images of that shape.

    Parameters
    ----------
    estimator : fitted SparseAutoencoder
    X : array-like of shape (n_samples, n_features)
    image_shape : tuple of int or None
        (height, width) or (channels, height, width).
    """
    atoms, codes = estimator.components_, estimator.transform(X)
    n_samples, n_atoms = codes.shape
    uses = np.bincount(codes.indices, minlength=n_atoms)
    text = (
        f"{np.count_nonzero(uses):,} of {n_atoms:,} atoms are used by some of {n_samples:,} samples, "
        f"{codes.nnz / n_samples:.1f} by a sample on average. "
        f"{estimator.n_revived_:,} were replaced in training because no sample of an epoch used them."
    )
    if image_shape is None or len(image_shape) not in (2, 3) or int(np.prod(image_shape)) != atoms.shape[1]:
        return Section("Atoms", text)
    ranked = [int(atom) for atom in np.argsort(-uses, kind="stable")[:N_ATOMS] if uses[atom]]
    cards = [_card(atom, atoms[atom].reshape(image_shape), uses[atom] / n_samples) for atom in ranked]
    return Section("Atoms", text, images=[ImageGroup(f"The {len(cards)} most used", cards)] if cards else [])


def _card(atom: int, image: NDArray[np.float32], used: float) -> ImageCard:
    shown = f"{100 * used:.1f} %"
    return ImageCard(shown, [weight_image(image, f"Atom {atom} as an image, used by {shown} of samples")])
