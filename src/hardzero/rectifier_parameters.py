"""The parameters and attributes that classifier and regressor share: what is allowed, and what is documented."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

from hardzero.activations import ACTIVATIONS, Activation
from hardzero.optimizers import LEARNING_RATES

STOCHASTIC_SOLVERS = ("sgd", "adam")

PARAMETER_CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions(set(ACTIVATIONS)), Activation],
    "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions(set(LEARNING_RATES))],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    # Smaller ones are denormal in single precision, and the engine takes these for zero.
    "epsilon": [Interval(Real, 1e-37, None, closed="left")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "activation_l1": [Interval(Real, 0, None, closed="left"), "array-like"],
    "target_sparsity": [Interval(Real, 0, 1, closed="left"), "array-like", None],
    "input_dropout": [Interval(Real, 0, 1, closed="left")],
    "hidden_dropout": [Interval(Real, 0, 1, closed="left")],
    "revive_dead_units": ["boolean"],
    "pretraining": [StrOptions({"denoising"}), HasMethods(["fit", "transform"]), None],
    "n_jobs": [Integral, None],
}

SHARED_PARAMETERS = """
    hidden_layer_sizes : int or array-like of int, default=(256, 256)
        Units of each hidden layer. Two layers of 256 fit tabular data, bags of words and small images well,
        and exact zeros keep them cheap.
    activation : str or Activation, default="relu"
        One of ``relu``, ``signed_relu``, ``softplus``, ``tanh``, ``logistic``, ``identity``, ``lif``, or an
        instance from `hardzero.activations` where constants are to be set.
    solver : {"adam", "sgd", "lbfgs"}, default="adam"
        ``adam`` needs the least tuning; ``sgd`` is the fastest a step; ``lbfgs`` suits small data sets.
    alpha : float, default=1e-4
        L2 penalty on weights, divided by the summed weight of the minibatch's samples, as in scikit-learn.
    batch_size : int or "auto", default="auto"
        ``auto`` is ``min(200, n_samples)``. Not used by ``lbfgs``.
    learning_rate : {"constant", "invscaling", "adaptive", "cosine"}, default="constant"
        The first three as in scikit-learn, for ``sgd``; ``cosine``, for ``sgd`` and ``adam``, falls to 0 over
        `max_iter` epochs.
    learning_rate_init : float, default=0.001
        Learning rate at the start.
    power_t : float, default=0.5
        Exponent of ``invscaling``.
    max_iter : int, default=200
        Epochs, or iterations of ``lbfgs``.
    shuffle : bool, default=True
        Whether the samples are put in a new random order each epoch.
    random_state : int, RandomState or None, default=None
        Draws initial weights, the validation split, the order of samples and dropout. The same seed gives
        the same bits for any number of threads.
    tol : float, default=1e-4
        Improvement below which an epoch counts as one without progress.
    verbose : bool, default=False
        Whether the loss of each epoch is printed.
    warm_start : bool, default=False
        Whether `fit` and `fit_chunks` go on from the parameters of the call before.
    momentum : float, default=0.9
        Momentum of ``sgd``.
    nesterovs_momentum : bool, default=True
        Whether the momentum is Nesterov's.
    early_stopping : bool, default=False
        Whether a part of the training data is held out, training stops when its score does, and the best
        parameters are kept.
    validation_fraction : float, default=0.1
        The part held out by `early_stopping`.
    beta_1, beta_2, epsilon : float, default=0.9, 0.999, 1e-8
        Constants of ``adam``.
    n_iter_no_change : int or inf, default=10
        Epochs, or passes of `fit_chunks`, without progress after which training stops.
    max_fun : int, default=15000
        Most calls of the objective by ``lbfgs``.
    activation_l1 : float or sequence of float, default=0.0
        Coefficient of the L1 penalty on hidden activations (sum over a layer's units, mean over samples), one
        for all hidden layers or one each (Glorot, Bordes and Bengio 2011, section 3.2).
    target_sparsity : float, sequence of float or None, default=None
        Wanted fraction of exact zeros of the hidden layers, reached by adapting the L1 coefficients during training
        and by a last shift of the biases (`hardzero.penalties.SparsityController`, `hardzero.calibration`), measured
        on the held-out part of `early_stopping`, else on 500 rows that are kept out of training, and below 10,000
        rows, in `partial_fit` and in `fit_chunks` without `validation` on training rows. Missing it by more than one
        point gives a warning, but for `partial_fit`. None, or 0 for all layers, leaves the zeros as they come.
    input_dropout, hidden_dropout : float, default=0.0
        Probability that an input, or a hidden unit, is dropped in training.
    revive_dead_units : bool, default=False
        Whether units that do not fire on the training data (at most 2,048 rows) have their thresholds moved back into
        reach after each epoch, or chunk, of the first three quarters of training. Helps where many units have died, as
        in narrow layers under a high learning rate. Off by default: with a `target_sparsity` of 0.95 and more it works
        against the penalty, and costs accuracy.
    pretraining : None, "denoising", StackedDenoisingAutoencoder or FrozenEstimator, default=None
        Where the hidden layers start from: random weights, or the encoders of denoising autoencoders trained on
        all rows. Rows without a label (-1, None or NaN for a classifier, NaN for a regressor) then serve
        pre-training only; without pre-training, -1 is a class like any other. A `StackedDenoisingAutoencoder` says
        how to pre-train; its sizes, activation, seed and threads are replaced by those of this estimator. One that
        is fitted already is used as it is inside `sklearn.frozen.FrozenEstimator`; features that have names must have
        the same ones in the same order. ``"denoising"`` is the default one, with `activation_l1` or `target_sparsity`
        of this estimator.
    n_jobs : int or None, default=None
        Threads, at most one for each core. None and -1 use all cores that the process may use, -2 all but one, and so
        on; the results do not depend on it."""

SHARED_ATTRIBUTES = """
    network_ : hardzero.network.Network
        The network.
    coefs_, intercepts_ : list of ndarray
        Weights, of shape (n_inputs, n_outputs), and biases of each layer, float32.
    sparsity_ : ndarray of shape (n_hidden_layers,)
        Fraction of exact zeros of each hidden layer of the network, as training left it, on the (first 10,000)
        training samples; after `fit_chunks` on those of its `validation`, else of the last chunk, and after
        `partial_fit` on the first 500 rows given.
    sparsity_curve_ : ndarray of shape (n_epochs, n_hidden_layers)
        The same over the minibatches of each epoch, or pass over chunks, while the weights change; with
        `target_sparsity`, the last after the shift of the biases. After ``lbfgs`` this, `loss_curve_`,
        `best_loss_`, `validation_scores_` and `best_validation_score_` do not exist, as in scikit-learn.
    loss_, best_loss_ : float
        Latest and least of `loss_curve_`; `best_loss_` is None with early stopping.
    loss_curve_ : list of float
        Training loss of each epoch, with all penalties; those on the weights by the weights after the epoch.
    validation_scores_, best_validation_score_ : list of float, float
        Scores on the held-out part, with early stopping, else None. The best is of the latest fit, a network that it
        went on from included.
    n_iter_, t_ : int
        Epochs, or iterations of ``lbfgs``, of the latest fit; samples trained on in all, not counting ``lbfgs``.
    n_layers_, n_outputs_ : int
        Layers including input and output; outputs.
    out_activation_ : str
        ``softmax``, ``logistic``, ``identity`` or ``exp``.
    pretraining_ : StackedDenoisingAutoencoder
        The fitted autoencoders, where `pretraining` is set.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where `X` had string column names."""
