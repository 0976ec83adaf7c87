"""Sparse dictionaries."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.utils.estimator_checks import parametrize_with_checks

from hardzero import SparseAutoencoder
from hardzero.dictionary_training import TopK
from hardzero.network import ForwardPass

pytestmark = pytest.mark.filterwarnings("ignore:target_activity was not reached")


@pytest.fixture(scope="module")
def digits(digits):
    """The images alone."""
    return digits[0]


@parametrize_with_checks([SparseAutoencoder(30, target_activity=0.2, max_iter=3)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("selection", ["l1", "top_k"])
def test_atoms_have_unit_norm(digits, selection, solver):
    dictionary = SparseAutoencoder(
        100, target_activity=0.1, selection=selection, solver=solver, max_iter=3, random_state=0
    ).fit(digits)
    np.testing.assert_allclose(np.linalg.norm(dictionary.components_, axis=1), 1.0, rtol=1e-5)


def test_top_k_bounds_the_active_units_of_every_sample(digits):
    dictionary = SparseAutoencoder(200, target_activity=0.05, selection="top_k", max_iter=10, random_state=0)
    codes = dictionary.fit_transform(digits)
    assert np.diff(codes.indptr).max() <= 10
    assert codes.data.min() > 0
    assert dictionary.reconstruction_error(digits) < 0.5 * float(np.square(digits - digits.mean(axis=0)).mean())


@pytest.mark.parametrize(
    ("target_activity", "n_components", "k"), [(0.29, 100, 29), (0.57, 100, 57), (0.02, 1024, 20), (0.01, 10, 1)]
)
def test_top_k_rounds_the_number_of_units(target_activity, n_components, k):
    dictionary = SparseAutoencoder(n_components, target_activity=target_activity, selection="top_k")
    assert dictionary.activation.k == k


def test_l1_reaches_the_mean_activity(digits):
    dictionary = SparseAutoencoder(200, target_activity=0.1, batch_size=64, max_iter=60, tol=0, random_state=0)
    dictionary.fit(digits)
    assert dictionary.activity_ == pytest.approx(0.1, abs=0.03)


def test_a_step_reads_its_codes_once_and_normalizes_the_atoms_they_use(digits):
    class Codes:
        reads = 0

        def csr(self):
            self.reads += 1
            return csr_array(([1.0, 1.0], ([0, 1], [3, 5])), shape=(2, 8))

    dictionary = SparseAutoencoder(8, selection="top_k", target_activity=0.2, max_iter=1, random_state=0).fit(digits)
    trainer, codes = dictionary._trainers[0], Codes()
    dictionary.components_[...] *= 2
    trainer._step_ends(None, ForwardPass([None, codes], None))
    assert codes.reads == 1
    norms = np.linalg.norm(dictionary.components_, axis=1)
    np.testing.assert_allclose(norms, np.where(np.isin(np.arange(8), [3, 5]), 1, 2), rtol=1e-5)


def test_reconstruction_is_a_sum_of_atoms(digits):
    dictionary = SparseAutoencoder(60, target_activity=0.1, max_iter=3, random_state=0).fit(digits)
    codes = dictionary.transform(digits)
    expected = codes @ dictionary.components_ + dictionary.networks_[0].output.bias
    np.testing.assert_allclose(dictionary.inverse_transform(codes), expected, rtol=1e-4, atol=1e-5)


def test_dead_atoms_are_revived(digits):
    settings = {"target_activity": 0.02, "selection": "top_k", "max_iter": 12, "tol": 0, "random_state": 0}
    revived = SparseAutoencoder(400, **settings).fit(digits)
    left = SparseAutoencoder(400, revive_dead_atoms=False, **settings).fit(digits)
    used = [len(np.unique(dictionary.transform(digits).indices)) for dictionary in (revived, left)]
    assert revived.n_revived_ > 0
    assert left.n_revived_ == 0
    assert used[0] > used[1]


def test_revived_atoms_differ(digits):
    settings = {"target_activity": 0.01, "selection": "top_k", "learning_rate_init": 0.01, "random_state": 0}
    dictionary = SparseAutoencoder(500, max_iter=6, **settings).fit(np.repeat(digits[:30], 2, axis=0))
    assert dictionary.n_revived_ > 30
    assert len(np.unique(dictionary.components_.round(6), axis=0)) == 500


def test_calls_of_partial_fit_revive_in_the_first_three_quarters_of_the_training_only(digits):
    dictionary = SparseAutoencoder(400, target_activity=0.02, selection="top_k", max_iter=8, random_state=0)
    revived = [dictionary.partial_fit(digits[:200]).n_revived_ for _ in range(10)]
    assert 0 < revived[0] < revived[5]
    assert revived[5:] == [revived[5]] * 5


def test_revival_can_be_switched_off_between_passes(digits):
    dictionary = SparseAutoencoder(400, target_activity=0.02, selection="top_k", random_state=0)
    revived = dictionary.partial_fit(digits[:200]).n_revived_
    assert revived > 0
    assert dictionary.set_params(revive_dead_atoms=False).partial_fit(digits[:200]).n_revived_ == revived


@pytest.mark.usefixtures("several_cores")
def test_threads_do_not_change_the_bits(digits):
    atoms = [
        SparseAutoencoder(80, selection="top_k", max_iter=3, random_state=1, n_jobs=n_jobs).fit(digits).components_
        for n_jobs in (1, 2)
    ]
    np.testing.assert_array_equal(*atoms)


def test_top_k_keeps_the_largest_positive_entries():
    z = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)
    value, slope = TopK(4).value(z), TopK(4).slope(z)
    assert ((value > 0).sum(axis=1) == 4).all()
    np.testing.assert_array_equal(value[slope == 1], z[slope == 1])
    np.testing.assert_array_equal(np.sort(value, axis=1)[:, -4:], np.sort(z, axis=1)[:, -4:])
    assert not TopK(4).value(-np.abs(z)).any()
    assert (TopK(4).value(np.ones((2, 9), dtype=np.float32)).sum(axis=1) == 4).all()
    with pytest.raises(ValueError, match="at least 1"):
        TopK(0)
