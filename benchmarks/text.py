"""Measure text: polarity, transfer, memory and speed, and print the figures as Markdown.

``HARDZERO_DATA=… python benchmarks/text.py`` runs all parts; ``python benchmarks/text.py memory speed`` some. With
``--results FILE --minutes 3``, polarity and transfer are measured in pieces: repeat the command until it prints tables.
Times are those of the machine; contestants take turns in one run. Ratings are the study table2.
"""

from __future__ import annotations

import argparse
import copy
import csv
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.stats import spearmanr
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from figures_as_text import markdown
from hardzero import RectifierClassifier, RectifierRegressor, StackedDenoisingAutoencoder, datasets
from hardzero.benchmarks.peers import denormals_as_zero
from hardzero.benchmarks.timing import OURS, alternate
from hardzero.studies.core.statistics import estimate
from hardzero.studies.table2 import AUTOENCODERS, LINEAR, MODELS, PROTOCOL, all_rows, linear_model
from hardzero.text import N_WORDS, TextModel, bag_of_words
from hardzero.training import ChunkOfRun
from kept_results import OutOfTime, Results

RATES = (1e-3, 3e-4)
REGRESSION_STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)
SVM_STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03)
PATIENCE, MOST_EPOCHS = 3, 20
PRETRAINING = {**AUTOENCODERS["relu"], "max_iter": 3}
BATCH = 64
MEMORY_REVIEWS = 6000

Arguments = argparse.Namespace


def transfer(arguments: Arguments) -> Iterator[pd.DataFrame]:
    """Yield how models trained on all movie snippets, as in the study table2, rate product snippets and tweets."""
    texts, y = all_rows(datasets.load("ratings:movie"))
    words = bag_of_words()
    X = csr_array(words.fit_transform(texts))
    others = {domain: all_rows(datasets.load(f"ratings:{domain}")) for domain in ("product", "tweet")}
    rows_of = {domain: csr_array(words.transform(texts)) for domain, (texts, _) in others.items()}

    def measure(make: Callable[[], Any]) -> dict[str, tuple[float, float]]:
        model = make()
        predictions = {domain: model.predict(rows) for domain, rows in rows_of.items()}
        return {
            domain: (rmse(values, others[domain][1]), spearmanr(values, others[domain][1]).statistic)
            for domain, values in predictions.items()
        }

    results = {LINEAR: [arguments.results.get(f"transfer, {LINEAR}", lambda: measure(lambda: linear_model(X, y)))]}
    for name, settings in MODELS.items():
        results[name] = [
            arguments.results.get(
                f"transfer, {name}, seed {seed}",
                lambda settings=settings, seed=seed: measure(lambda: rater(settings, seed).fit(X, y)),
            )
            for seed in range(arguments.seeds)
        ]
    for domain, (_, truth) in others.items():
        constant = rmse(np.full(len(truth), y.mean()), truth)
        known = 100 * float(np.mean(np.diff(rows_of[domain].indptr) > 0))
        rows = [
            {
                f"trained on movie, tested on {domain}": name,
                "RMSE": estimate([values[domain][0] for values in found]).text(3),
                "rank correlation": estimate([values[domain][1] for values in found]).text(3),
            }
            for name, found in results.items()
        ]
        rows.append(
            {**dict.fromkeys(rows[0], ""), next(iter(rows[0])): "the mean movie rating", "RMSE": f"{constant:.3f}"}
        )
        print(f"{domain}: {known:.1f} % of the {len(truth):,} texts have a known word", file=sys.stderr)
        yield pd.DataFrame(rows)


def rater(settings: dict[str, Any], seed: int) -> RectifierRegressor:
    """Return a regressor by the protocol of the study table2 at its smaller rate."""
    protocol = PROTOCOL["quick"]
    names = ("batch_size", "max_iter", "early_stopping", "n_iter_no_change", "input_dropout", "hidden_dropout")
    return RectifierRegressor(
        hidden_layer_sizes=(protocol["units"],) * settings["hidden_layers"],
        activation=settings["activation"],
        learning_rate_init=min(protocol["learning_rates"]),
        random_state=seed,
        **{name: protocol[name] for name in names},
    )


Fit = Callable[[int], tuple[Any, float]]
"""Fits a model with a seed; returns it and its accuracy on the validation split."""


@dataclass
class Polarity:
    """Reviews as bags of words, and the models that compete on them."""

    X: csr_array
    y: Any
    validation: tuple[csr_array, Any]
    test: tuple[csr_array, Any]
    stacks: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def outcome(self, fit: Fit, seed: int) -> dict[str, Any]:
        """Return validation and test accuracy of a model, its zeros, and the seconds of fitting it."""
        started = time.perf_counter()
        model, validation = fit(seed)
        seconds = time.perf_counter() - started
        zeros = float(model.measure_sparsity(self.test[0]).mean()) if hasattr(model, "measure_sparsity") else np.nan
        return {"validation": validation, "test": model.score(*self.test), "zeros": zeros, "seconds": seconds}

    def linear(self, model: Any) -> Fit:
        """Return how a linear model is fitted, which has no use for a seed."""
        return lambda seed: (model.fit(self.X, self.y), model.score(*self.validation))

    def peer(self, sizes: tuple[int, ...], alpha: float, rate: float) -> Fit:
        """Return how scikit-learn's MLP is fitted: the epoch best on the validation split is kept, as by hardzero."""

        def fit(seed: int) -> tuple[Any, float]:
            model = MLPClassifier(sizes, alpha=alpha, learning_rate_init=rate, random_state=seed)
            best, best_score, epoch, best_epoch = None, -np.inf, 0, 0
            while epoch - best_epoch < PATIENCE and epoch < MOST_EPOCHS:
                epoch += 1
                model.partial_fit(self.X, self.y, classes=[0, 1])
                score = model.score(*self.validation)
                if score > best_score:
                    best, best_score, best_epoch = copy.deepcopy(model), score, epoch
            return best, best_score

        return fit

    def network(self, sizes: tuple[int, ...], rate: float, input_dropout: float, code_scale: str | None = None) -> Fit:
        """Return how a network of rectifiers is fitted, pre-trained where the scale of its codes is given."""

        def fit(seed: int) -> tuple[Any, float]:
            model = RectifierClassifier(
                sizes,
                learning_rate_init=rate,
                input_dropout=input_dropout,
                hidden_dropout=0.5,
                early_stopping=True,
                n_iter_no_change=PATIENCE,
                max_iter=MOST_EPOCHS,
                pretraining=None if code_scale is None else self.pretrained(sizes, seed, code_scale),
                random_state=seed,
            )
            model.fit(self.X, self.y, validation=self.validation)
            return model, float(model.best_validation_score_)

        return fit

    def pretrained(self, sizes: tuple[int, ...], seed: int, code_scale: str) -> FrozenEstimator:
        """Return autoencoders of the training texts, without their labels."""
        if (sizes, seed) not in self.stacks:
            stack = StackedDenoisingAutoencoder(sizes, random_state=seed, **PRETRAINING)
            self.stacks[sizes, seed] = stack.fit(self.X)
        return FrozenEstimator(self.stacks[sizes, seed].set_params(code_scale=code_scale))

    def grids(self) -> dict[str, dict[str, Fit]]:
        """Return what is tried of each model."""
        found = {
            "logistic regression": {
                f"C {C:g}": self.linear(LogisticRegression(C=C, max_iter=300)) for C in REGRESSION_STRENGTHS
            },
            "linear SVM": {f"C {C:g}": self.linear(LinearSVC(C=C)) for C in SVM_STRENGTHS},
        }
        sizes_by_name = {"100 units": (100,), "3 layers of 200": (200, 200, 200)}
        for name, sizes in sizes_by_name.items():
            found[f"scikit-learn's MLP, {name}"] = {
                f"rate {rate:g}, alpha {alpha:g}": self.peer(sizes, alpha, rate)
                for rate in RATES
                for alpha in (1e-4, 1e-2, 1.0)
            }
        for name, sizes in sizes_by_name.items():
            found[f"hardzero, {name}"] = {
                f"rate {rate:g}, input dropout {dropout:g}": self.network(sizes, rate, dropout)
                for rate in RATES
                for dropout in (0.2, 0.5)
            }
            found[f"hardzero, {name}, pre-trained"] = {
                f"rate {rate:g}, {code_scale} code scale": self.network(sizes, rate, 0.2, code_scale)
                for rate in RATES
                for code_scale in ("trained", "initial")
            }
        return found


def polarity(arguments: Arguments) -> Iterator[pd.DataFrame]:
    """Yield test accuracies on reviews: each model's best of its grid by the validation split, on the same features."""
    data = datasets.load("reviews")
    words = bag_of_words()
    X = csr_array(words.fit_transform(data.train.X))
    X_validation, X_test = (csr_array(words.transform(split.X)) for split in (data.validation, data.test))
    task = Polarity(X, data.train.y, (X_validation, data.validation.y), (X_test, data.test.y))
    rows = []
    for name, grid in task.grids().items():
        seeds = range(arguments.seeds if "C " not in next(iter(grid)) else 1)
        tried = {
            choice: pd.DataFrame(
                arguments.results.get(
                    f"polarity, {name}, {choice}, seed {seed}", lambda fit=fit, seed=seed: task.outcome(fit, seed)
                )
                for seed in seeds
            )
            for choice, fit in grid.items()
        }
        choice, best = max(tried.items(), key=lambda item: item[1]["validation"].mean())
        accuracy, zeros = best["test"].mean(), best["zeros"].mean()
        rows.append(
            {
                "model": name,
                "test accuracy %": f"{100 * accuracy:.2f}",
                "lowest to highest of the seeds": f"{100 * best['test'].min():.2f} to {100 * best['test'].max():.2f}",
                "validation accuracy %": f"{100 * best['validation'].mean():.2f}",
                "zeros %": "" if np.isnan(zeros) else f"{100 * zeros:.1f}",
                "chosen": f"{choice} (of {len(grid)})",
                "seconds a fit": f"{np.mean([outcomes['seconds'].mean() for outcomes in tried.values()]):.1f}",
            }
        )
    yield pd.DataFrame(rows)


def memory(arguments: Arguments) -> Iterator[pd.DataFrame]:
    """Yield the peak memory of ``hardzero fit --chunk-rows`` on a file of reviews and on one of 8 times the size."""
    data = datasets.load("reviews")
    order = np.random.default_rng(0).permutation(len(data.train.y))[:MEMORY_REVIEWS]
    texts, y = data.train.X[order], np.asarray(data.train.y)[order]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for words in ("vocabulary", "hashing"):
            for copies in (1, 8):
                path = Path(folder) / f"reviews{copies}.csv"
                with path.open("w", newline="", encoding="utf-8") as file:
                    writer = csv.writer(file)
                    writer.writerow(["text", "label"])
                    for copy_number in range(copies):
                        # Each copy brings words of its own, as new texts do.
                        writer.writerows(
                            (f"{text} copy{copy_number}of{i}", label)
                            for i, (text, label) in enumerate(zip(texts, y, strict=True))
                        )
                command = ["fit", str(path), "--text", "text", "--target", "label", "--chunk-rows", "1000", "--quiet"]
                command += ["--epochs", "1", "--hidden", "64", "-o", str(Path(folder) / f"{copies}{words}.safetensors")]
                command += ["--target-sparsity", "none", *(["--hash-words"] if words == "hashing" else [])]
                peak, seconds = peak_memory([sys.executable, "-m", "hardzero", *command])
                rows.append(
                    {
                        "words": words,
                        "rows": f"{copies * len(texts):,}",
                        "file, MB": f"{path.stat().st_size / 1e6:.1f}",
                        "peak memory, MB": f"{peak:.0f}",
                        "seconds": f"{seconds:.0f}",
                    }
                )
                print(rows[-1], file=sys.stderr, flush=True)
    yield pd.DataFrame(rows)


def peak_memory(command: list[str]) -> tuple[float, float]:
    """Run a command; return the peak of its resident memory in MB, and its seconds."""
    started = time.perf_counter()
    process = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(process, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)} failed with status {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss / 1024, time.perf_counter() - started


def speed(arguments: Arguments) -> Iterator[pd.DataFrame]:
    """Yield speed and accuracy of training, and microseconds of a prediction from raw text."""
    data = datasets.load("reviews")
    order = np.random.default_rng(0).permutation(len(data.train.y))[: arguments.samples]
    texts, y = data.train.X[order], np.asarray(data.train.y, dtype=np.int64)[order]
    words = bag_of_words(arguments.words)
    X, X_test = csr_array(words.fit_transform(texts)), csr_array(words.transform(data.test.X))
    X.sort_indices()
    for sizes in arguments.hidden:
        for solver, rate in (("sgd", 0.03), ("adam", 0.001)):
            yield training_speed(arguments, sizes, solver, rate, (X, y), (X_test, np.asarray(data.test.y)))
    yield prediction_speed(texts[:4096], y[:4096], data.test.X[:: len(data.test.X) // 64])


def training_speed(
    arguments: Arguments, sizes: tuple[int, ...], solver: str, rate: float, train: Any, test: Any
) -> pd.DataFrame:
    """Time epochs, and score what they have taught: the same network for all but the linear one.

    The contestants take turns, one epoch each; the accuracy is that after the last epoch, the same number for all.
    """
    X, y = train
    batch_size = arguments.batch_size
    settings = {"solver": solver, "learning_rate_init": rate, "batch_size": batch_size, "alpha": 0.0, "random_state": 0}
    settings |= {"momentum": 0.0} if solver == "sgd" else {}
    models = {
        OURS: RectifierClassifier(sizes, n_jobs=arguments.threads, **settings),
        "scikit-learn's MLP on CSR": MLPClassifier(sizes, **settings),
        "SGDClassifier (linear)": SGDClassifier(loss="log_loss", random_state=0),
    }
    contestants: dict[str, Callable[[], object]] = {
        name: lambda model=model: model.partial_fit(X, y, classes=[0, 1])  # type: ignore[misc]
        for name, model in models.items()
    }
    sparser = RectifierClassifier(sizes, n_jobs=arguments.threads, target_sparsity=0.85, **settings)
    models[f"{OURS}, target_sparsity=0.85"] = sparser
    contestants[f"{OURS}, target_sparsity=0.85"] = epochs_of_one_run(sparser, X, y, arguments.turns + 2)
    try:
        from torch_bags import VARIANTS, TorchBags
    except ImportError:
        print("torch is not installed: skipped", file=sys.stderr)
    else:
        for variant in VARIANTS[solver]:
            common = {"rate": rate, "batch_size": batch_size, "n_threads": arguments.threads}
            bags = TorchBags(X, y, sizes, solver, variant, **common)
            contestants[f"PyTorch, {variant}"], models[f"PyTorch, {variant}"] = bags.epoch, bags
    times = alternate(contestants, n_turns=arguments.turns, least_seconds=0)
    return pd.DataFrame(
        {
            f"training, {'-'.join(map(str, sizes))}, {solver}": name,
            "samples/s": f"{X.shape[0] / times.median(name):,.0f}",
            "times as long as hardzero": times.ratio(name),
            "test accuracy %": f"{100 * models[name].score(*test):.1f}",
        }
        for name in contestants
    )


def epochs_of_one_run(model: Any, X: Any, y: Any, n_epochs: int) -> Callable[[], object]:
    """Return a function that trains for the next epoch of a run, along which the target sparsity is approached."""
    random_state, epochs = np.random.RandomState(0), iter(range(n_epochs))

    def epoch() -> None:
        number = next(epochs)
        model._fit_chunk(X, y, [0, 1], ChunkOfRun(number / n_epochs, (number + 1) / n_epochs, random_state))

    return epoch


def prediction_speed(texts: Any, y: Any, new: Any) -> pd.DataFrame:
    """Time predictions for single raw reviews, vectorizing included, on one thread."""
    model = TextModel(RectifierClassifier((256, 256), max_iter=6, target_sparsity=0.85, random_state=0, n_jobs=1))
    predictor = model.fit(texts, y).to_predictor()
    linear = make_pipeline(bag_of_words(), SGDClassifier(random_state=0)).fit(texts, y)
    weights, intercept = linear[1].coef_[0], linear[1].intercept_[0]
    contestants: dict[str, Callable[[], object]] = {
        OURS: lambda: [predictor([text]) for text in new],
        "hardzero, TextModel.predict": lambda: [model.predict([text]) for text in new],
        "CountVectorizer and SGDClassifier": lambda: [linear.predict([text]) for text in new],
        "a linear model on hardzero's lean rows": lambda: [
            weights[predictor.rows([text]).indices].sum() + intercept > 0 for text in new
        ],
        "CountVectorizer alone": lambda: [linear[0].transform([text]) for text in new],
    }
    times = alternate(contestants, n_turns=9)
    n_words = np.mean([len(text.split()) for text in new])
    rows = [
        {
            "prediction of one raw review": name if name != OURS else "hardzero, to_predictor()",
            "µs": f"{times.median(name) / len(new) * 1e6:,.0f}",
            "times as long as hardzero": times.ratio(name),
            "words a review": n_words,
        }
        for name in contestants
    ]
    return pd.DataFrame(rows)


def rmse(predictions: Any, truth: Any) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(np.mean(np.square(predictions - truth))))


PARTS: dict[str, Callable[[Arguments], Iterator[pd.DataFrame]]] = {
    "polarity": polarity,
    "transfer": transfer,
    "memory": memory,
    "speed": speed,
}


def main() -> None:
    """Measure the parts that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all if none")
    parser.add_argument("--results", type=Path, help="file that keeps what is measured of polarity and transfer")
    parser.add_argument("--minutes", type=float, default=np.inf, help="after which no further model is trained")
    parser.add_argument("--seeds", type=int, default=3, help="networks a model of polarity and transfer (default: 3)")
    parser.add_argument("--threads", type=int, default=2, help="of hardzero and PyTorch, in the speed part")
    parser.add_argument("--batch-size", type=int, default=BATCH, help=f"of the speed part (default: {BATCH})")
    parser.add_argument("--samples", type=int, default=8192, help="training samples of the speed part (default: 8192)")
    parser.add_argument("--words", type=int, default=N_WORDS, help="most words of the speed part (default: 5000)")
    parser.add_argument(
        "--hidden",
        nargs="+",
        default=[(256, 256), (1000, 1000, 1000)],
        type=lambda sizes: tuple(map(int, sizes.split(","))),
        help="networks of the speed part (default: 256,256 1000,1000,1000)",
    )
    parser.add_argument("--turns", type=int, default=5, help="timed epochs of each contestant (default: 5)")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    arguments.results = Results(arguments.results, arguments.minutes)
    warnings.simplefilter("ignore", ConvergenceWarning)
    for name in arguments.parts or PARTS:
        started = time.perf_counter()
        try:
            for frame in PARTS[name](arguments):
                print(f"## {name} ({time.perf_counter() - started:.0f} s)\n\n{markdown(frame)}\n", flush=True)
        except OutOfTime:
            print(f"{name} is not finished: the same command goes on with the rest", file=sys.stderr)


if __name__ == "__main__":
    with denormals_as_zero():
        main()
