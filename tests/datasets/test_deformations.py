import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardzero.datasets.deformations import deform


def disks(n_images, side=32):
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.repeat((255 * (np.hypot(y, x) < side / 4)).astype(np.uint8)[None], n_images, axis=0)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 6))
def test_the_seed_fixes_every_pixel(seed, n_images):
    images = disks(n_images)
    assert np.array_equal(deform(images, seed), deform(images, seed))


def test_complexity_zero_changes_nothing():
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    assert np.array_equal(deform(images, 0, complexity=0), images)


def test_images_change_more_with_complexity_and_each_in_its_own_way():
    images = disks(300)
    change = [np.abs(deform(images, 0, complexity).astype(float) - images).mean() for complexity in (0.2, 0.5, 1.0)]
    assert 0 < change[0] < change[1] < change[2]
    assert len(np.unique(deform(images, 0).reshape(300, -1), axis=0)) == 300


def tilts(images):
    """How far each character's own axes are turned from those of the picture, as the angle of the longer one."""
    y, x = np.mgrid[:32, :32]
    weights = images.reshape(len(images), -1) / images.sum(axis=(1, 2))[:, None]
    y, x = (axis.ravel() - (weights @ axis.ravel())[:, None] for axis in (y, x))
    return np.arctan2(2 * (weights * y * x).sum(axis=1), (weights * (y * y - x * x)).sum(axis=1)) / 2


def test_a_slant_tilts_upright_strokes_more_than_level_ones():
    upright = np.zeros((300, 32, 32), dtype=np.uint8)
    upright[:, 8:24, 14:18] = 255
    level = np.swapaxes(upright, 1, 2)
    assert tilts(deform(upright, 0)).std() > 1.25 * tilts(np.swapaxes(deform(level, 0), 1, 2)).std()


def test_the_character_stays_in_the_picture():
    deformed = deform(disks(300), 0).astype(float)
    ink = deformed.sum(axis=(1, 2)) / disks(1).sum()
    assert ink.min() > 0.15
    assert ink.max() < 3
    rows = (deformed.sum(axis=2) * np.arange(32)).sum(axis=1) / deformed.sum(axis=(1, 2))
    assert np.abs(rows - 15.5).max() < 8


@pytest.mark.parametrize(
    ("images", "complexity"), [(np.zeros((2, 4, 5), np.uint8), 0.5), (np.zeros((4, 4), np.uint8), 0.5), (disks(1), 1.5)]
)
def test_bad_arguments_are_refused(images, complexity):
    with pytest.raises(ValueError, match=r"images have shape|complexity is 1\.5"):
        deform(images, 0, complexity)
