"""Measure claims 1 to 12 of Glorot, Bordes and Bengio (2011) and print the figures as Markdown.

``HARDZERO_DATA=… python benchmarks/claims.py`` runs all of them; ``python benchmarks/claims.py 5 7`` some.
``--data digits`` takes seconds where MNIST takes minutes.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from figures_as_text import markdown, mean_and_deviation
from hardzero import RectifierClassifier, analysis, datasets
from hardzero.activations import Activation, Softplus

TARGETS = (0.0, 0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.99)


class Claims:
    """The claims, each a method that returns tables; trained networks are shared between them."""

    def __init__(self, data: str, hidden: tuple[int, ...], epochs: int, seeds: int) -> None:
        self.data = datasets.load(data)
        self.hidden, self.epochs, self.seeds = hidden, epochs, seeds
        self.network = cache(self._fit)

    def _fit(
        self,
        activation: str | Activation = "relu",
        target: float | None = None,
        activation_l1: float = 0.0,
        seed: int = 0,
    ) -> Any:
        started = time.perf_counter()
        fitted = RectifierClassifier(
            self.hidden,
            activation,
            max_iter=self.epochs,
            n_iter_no_change=self.epochs,
            learning_rate="cosine",
            target_sparsity=target,
            activation_l1=activation_l1,
            random_state=seed,
        ).fit(self.data.train.X, self.data.train.y)
        fitted.seconds = time.perf_counter() - started
        return fitted

    def error(self, fitted: Any) -> float:
        """Return the test error in percent."""
        return 100.0 * (1.0 - fitted.score(self.data.test.X, self.data.test.y))

    def zeros(self, fitted: Any) -> float:
        """Return the percentage of exact zeros on the test data."""
        return 100.0 * float(fitted.measure_sparsity(self.data.test.X).mean())

    def summary(self, fitted: list[Any]) -> dict[str, Any]:
        """Return error and zeros over seeds."""
        errors = [self.error(one) for one in fitted]
        return {
            "test error %": mean_and_deviation(errors),
            "zeros %": f"{np.mean([self.zeros(one) for one in fitted]):.1f}",
        }

    def claim_1(self) -> list[pd.DataFrame]:
        """Return what sets response curves apart."""
        return [analysis.response_curves().properties()]

    def claim_2(self) -> list[pd.DataFrame]:
        """Return active units without a penalty and with targets near the biological range."""
        rows = []
        for name, target in [("none", None), ("90 % zeros", 0.9), ("97 % zeros", 0.97), ("99 % zeros", 0.99)]:
            frame = analysis.sparsity_profile(self.network("relu", target), self.data.test.X).to_frame()
            rows.append(
                {
                    "target": name,
                    **{row["layer"] + " active %": 100 * row["active"] for row in frame.to_dict("records")},
                    "test error %": self.error(self.network("relu", target)),
                    "dead units": int(frame["dead_units"].sum()),
                }
            )
        return [pd.DataFrame(rows)]

    def claim_3(self) -> list[pd.DataFrame]:
        """Return zeros before training."""
        frame = analysis.initial_sparsity(self.hidden, self.data.test.X[:2000], n_repeats=3).to_frame()
        return [(100 * frame.pivot_table("zeros", ["activation", "initialization"], "layer")).reset_index()]

    def claim_4(self) -> list[pd.DataFrame]:
        """Return zeros and sizes of activations against the penalty."""
        rows = []
        for coefficient in (0.0, 1e-5, 1e-4, 1e-3, 1e-2):
            fitted = self.network("relu", None, coefficient)
            frame = analysis.sparsity_profile(fitted, self.data.test.X).to_frame()
            mean = np.mean([abs(fitted.transform(self.data.test.X, depth)).mean() for depth in range(len(frame))])
            rows.append(
                {
                    "activation_l1": f"{coefficient:g}",
                    "zeros %": 100 * frame["zeros"].mean(),
                    "mean activation": mean,
                    "largest activation": frame["largest_activation"].max(),
                    "test error %": self.error(fitted),
                }
            )
        return [pd.DataFrame(rows)]

    def claim_5(self) -> list[pd.DataFrame]:
        """Return the effect of small input changes on the last hidden layer."""
        parts = []
        for name, activation, target in self._representations():
            result = analysis.active_set_overlap(
                self.network(activation, target),
                self.data.test.X,
                perturbations={"noise": [0.1, 0.4], "masking": [0.1, 0.4], "shift": [1]},
                image_shape=self.data.image_shape,
            ).to_frame()
            last = result[result["layer"] == f"layer {len(self.hidden)}"].drop(columns=["layer", "overlap_error"])
            last.insert(0, "network", name)
            parts.append(last)
        return [pd.concat(parts)]

    def claim_6(self) -> list[pd.DataFrame]:
        """Return sizes of representations, and how they go with the information in the input."""
        result = analysis.representation_size(self.network("relu", 0.9), self.data.test.X, self.data.test.y)
        frame = result.to_frame()
        frame = frame[frame["class"] == "all"]
        columns = [
            "layer",
            "active_mean",
            "active_5th_percentile",
            "active_95th_percentile",
            "csr_ratio",
            "packed_ratio",
        ]
        correlation = [result.information_correlation(layer) for layer in frame["layer"]]
        return [frame[columns].assign(correlation_with_input_bytes=correlation)]

    def claim_7(self) -> list[pd.DataFrame]:
        """Return scores of linear probes on inputs that training has not seen."""
        parts = []
        pool = self.data.validation
        budgets = [budget for budget in (50, 100, 300, 1000) if budget <= len(pool)]
        for name, activation, target in self._representations():
            frame = analysis.linear_separability(
                self.network(activation, target),
                pool.X,
                pool.y,
                self.data.test.X,
                self.data.test.y,
                label_budgets=budgets,
                n_resamples=5,
                max_test_samples=2000,
            ).to_frame()
            frame["text"] = [
                f"{100 * row['score']:.1f} ± {50 * (row['high'] - row['low']):.1f}" for row in frame.to_dict("records")
            ]
            wide = frame.pivot_table("text", "layer", "labels", aggfunc="first").reset_index()
            wide.insert(0, "network", name)
            parts.append(wide)
        return [pd.concat(parts)]

    def claim_8(self) -> list[pd.DataFrame]:
        """Return error, zeros and time of prediction against the target."""
        estimator = RectifierClassifier(
            self.hidden, max_iter=self.epochs, n_iter_no_change=self.epochs, learning_rate="cosine"
        )
        train, test = self.data.train, self.data.test
        frontier = analysis.sparsity_frontier(
            estimator, train.X, train.y, test.X, test.y, target_sparsity=TARGETS, n_seeds=self.seeds
        )
        frame = frontier.to_frame()
        return [frame.assign(zeros=100 * frame["zeros"])]

    def claim_9(self) -> list[pd.DataFrame]:
        """Return times of activation functions, and of predictions against zeros."""
        costs = analysis.activation_cost().to_frame()
        rows = []
        for name, activation, target in self._representations():
            cost = analysis.prediction_cost(self.network(activation, target), self.data.test.X).to_frame()
            rows += [{"network": name, **row} for row in cost.to_dict("records")]
        return [costs, pd.DataFrame(rows)]

    def claim_10(self) -> list[pd.DataFrame]:
        """Return error by hardness of the zero."""
        functions = [Softplus(beta) for beta in (1.0, 2.0, 4.0, 8.0)]
        rows = []
        for activation in (*functions, "relu"):
            name = activation if isinstance(activation, str) else f"softplus, β = {activation.beta:g}"
            fitted = [self.network(activation, seed=seed) for seed in range(self.seeds)]
            rows.append({"activation": name, **self.summary(fitted)})
        return [pd.DataFrame(rows)]

    def claim_11(self) -> list[pd.DataFrame]:
        """Return the width of rectifier networks that equals that of tanh networks, on odd targets."""
        result = analysis.antisymmetric_capacity(widths=(2, 3, 4, 6, 8, 12, 16, 32))
        return [result.width_ratios(target).assign(target=target) for target in result.targets]

    def claim_12(self) -> list[pd.DataFrame]:
        """Return mean activations and error of rectifiers and signed rectifiers."""
        rows = []
        for activation in ("relu", "signed_relu"):
            fitted = [self.network(activation, seed=seed) for seed in range(self.seeds)]
            means = [
                np.mean([one.transform(self.data.test.X, depth).mean() for one in fitted])
                for depth in range(len(self.hidden))
            ]
            by_layer = {f"mean of layer {depth + 1}": mean for depth, mean in enumerate(means)}
            rows.append({"activation": activation, **by_layer, **self.summary(fitted)})
        return [pd.DataFrame(rows)]

    def _representations(self) -> list[tuple[str, str, float | None]]:
        return [("rectifier", "relu", None), ("rectifier, 90 % zeros", "relu", 0.9), ("tanh", "tanh", None)]


def main() -> None:
    """Measure the claims that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("claims", type=int, nargs="*", metavar="CLAIM", help="1 to 12; all if none")
    parser.add_argument("--data", default="mnist", help="a data set of images (default: mnist)")
    parser.add_argument("--hidden", default="500,500,500", help="units of the hidden layers (default: 500,500,500)")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=3, help="networks behind each mean error")
    arguments = parser.parse_args()
    if not set(arguments.claims) <= set(range(1, 13)):
        parser.error("claims are numbered 1 to 12")
    warnings.simplefilter("ignore", ConvergenceWarning)
    hidden = tuple(int(size) for size in arguments.hidden.split(","))
    claims = Claims(arguments.data, hidden, arguments.epochs, arguments.seeds)
    for number in arguments.claims or range(1, 13):
        method: Callable[[], list[pd.DataFrame]] = getattr(claims, f"claim_{number}")
        started = time.perf_counter()
        tables = method()
        print(f"## Claim {number} ({time.perf_counter() - started:.0f} s)\n", flush=True)
        for frame in tables:
            print(markdown(frame), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
