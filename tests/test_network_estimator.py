"""What estimators share."""

from __future__ import annotations

import pytest

from hardzero import DenoisingAutoencoder, RectifierClassifier, RectifierRegressor, SparseAutoencoder


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (RectifierClassifier(), "coefs_"),
        (RectifierRegressor(), "intercepts_"),
        (DenoisingAutoencoder(), "components_"),
        (SparseAutoencoder(), "components_"),
    ],
)
def test_properties_of_a_fit_are_no_attributes_before_it(estimator, name):
    assert not hasattr(estimator, name)
    with pytest.raises(AttributeError, match=f"this {type(estimator).__name__} is not fitted yet: call fit first"):
        getattr(estimator, name)
