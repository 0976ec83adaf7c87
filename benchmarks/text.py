"""Measure text: ratings, polarity, transfer, memory and speed, and print the figures as Markdown.

``HARDZERO_DATA=… python benchmarks/text.py`` runs all parts; ``python benchmarks/text.py ratings speed`` some. Times
are those of the machine; contestants take turns in one run.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, vstack
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeCV, SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from hardzero import RectifierClassifier, RectifierRegressor, StackedDenoisingAutoencoder, datasets
from hardzero.benchmarks.timing import OURS, alternate
from hardzero.datasets import folds_by_text
from hardzero.studies.core.statistics import estimate
from hardzero.text import TextModel, bag_of_words
from hardzero.training import ChunkOfRun

RATES = (1e-3, 3e-4)
RIDGE_PENALTIES = (3.0, 10.0, 30.0, 100.0)
NETWORKS = {
    "rectifier, 1 layer": ("relu", 1),
    "rectifier, 3 layers": ("relu", 3),
    "tanh, 3 layers": ("tanh", 3),
}
LINEAR = "no hidden layer"
DROPOUT = {"input_dropout": 0.2, "hidden_dropout": 0.5}
BATCH = 64

Arguments = argparse.Namespace


def ratings(arguments: Arguments) -> Iterator[pd.DataFrame]:
    """Yield RMSE and zeros of the paper's table 2 on movie snippets, by cross-validation."""
    texts, y = all_rows("ratings:movie")
    fold_of = folds_by_text(texts, arguments.folds)
    unlabelled = datasets.load("reviews:imdb").train.X[: arguments.unlabelled] if arguments.pretrain else None
    results: dict[str, list[tuple[float, float, str]]] = {}
    for fold in range(arguments.folds):
        held_out = fold_of == fold
        words = bag_of_words()
        X, X_test = csr_array(words.fit_transform(texts[~held_out])), csr_array(words.transform(texts[held_out]))
        data = (X, y[~held_out], X_test, y[held_out])
        zeros_of_input = 1.0 - X_test.nnz / np.prod(X_test.shape)
        results.setdefault(LINEAR, []).append((*ridge_error(*data), zeros_of_input, "ridge"))
        more = None if unlabelled is None else csr_array(words.transform(unlabelled))
        for name, (activation, depth) in NETWORKS.items():
            sizes = (arguments.units,) * depth
            results.setdefault(name, []).append(best_network(arguments, sizes, activation, *data, None))
            if more is not None:
                stack = pretrained(arguments, sizes, activation, X, more)
                results.setdefault(f"{name}, pre-trained", []).append(
                    best_network(arguments, sizes, activation, *data, stack)
                )
        print(f"fold {fold + 1} of {arguments.folds}", file=sys.stderr, flush=True)
    rows = [
        {
            "model": name,
            "RMSE": estimate([error for error, _, _ in values]).text(3),
            "zeros %": f"{100 * np.mean([zeros for _, zeros, _ in values]):.1f}",
            "chosen, by fold": ", ".join(choice for _, _, choice in values),
        }
        for name, values in results.items()
    ]
    yield pd.DataFrame(rows)
    best = min(NETWORKS, key=lambda name: np.mean([error for error, _, _ in results[name]]))
    differences = {
        f"{name} − {best}": estimate([a[0] - b[0] for a, b in zip(results[name], results[best], strict=True)]).text(3)
        for name in results
        if name != best
    }
    yield pd.DataFrame({"difference of RMSE, fold by fold": differences.keys(), "mean": differences.values()})


def ridge_error(X: Any, y: Any, X_test: Any, y_test: Any) -> tuple[float]:
    """Return the RMSE of ridge regression, its penalty chosen by leave-one-out on the training data."""
    return (rmse(RidgeCV(RIDGE_PENALTIES).fit(X, y).predict(X_test), y_test),)


def network(arguments: Arguments, sizes: tuple[int, ...], activation: str, rate: float, stack: Any) -> Any:
    """Return a regressor of the protocol."""
    return RectifierRegressor(
        hidden_layer_sizes=sizes,
        activation=activation,
        learning_rate_init=rate,
        batch_size=100,
        max_iter=arguments.epochs,
        early_stopping=True,
        n_iter_no_change=2,
        pretraining=None if stack is None else FrozenEstimator(stack),
        random_state=0,
        **DROPOUT,
    )


def best_network(
    arguments: Arguments, sizes: tuple[int, ...], activation: str, X: Any, y: Any, X_test: Any, y_test: Any, stack: Any
) -> tuple[float, float, str]:
    """Return test RMSE, zeros and rate of the network that is best on the validation tenth of the training data."""
    fitted = [network(arguments, sizes, activation, rate, stack).fit(X, y) for rate in RATES]
    best = max(fitted, key=lambda regressor: regressor.best_validation_score_)
    zeros = float(best.measure_sparsity(X_test).mean())
    return rmse(best.predict(X_test), y_test), zeros, f"{best.learning_rate_init:g}"


def pretrained(arguments: Arguments, sizes: tuple[int, ...], activation: str, X: Any, more: Any) -> Any:
    """Return autoencoders trained on labelled and unlabelled texts."""
    stack = StackedDenoisingAutoencoder(
        sizes, activation=activation, max_iter=arguments.pretraining_epochs, batch_size=100, random_state=0
    )
    return stack.fit(csr_array(vstack([X, more], format="csr")))


def transfer(arguments: Arguments) -> Iterator[pd.DataFrame]:
    """Yield how a model trained on all movie snippets rates product snippets and tweets."""
    texts, y = all_rows("ratings:movie")
    words = bag_of_words()
    X = csr_array(words.fit_transform(texts))
    linear = RidgeCV(RIDGE_PENALTIES).fit(X, y)
    deep = [
        network(arguments, (arguments.units,) * 3, "relu", RATES[1], None).set_params(random_state=seed).fit(X, y)
        for seed in range(3)
    ]
    rows = []
    for domain in ("product", "tweet"):
        others, truth = all_rows(f"ratings:{domain}")
        rows_of_others = csr_array(words.transform(others))
        known = 100 * float(np.mean(np.diff(rows_of_others.indptr) > 0))
        for name, models in {LINEAR: [linear], "rectifier, 3 layers": deep}.items():
            predictions = [model.predict(rows_of_others) for model in models]
            rows.append(
                {
                    "trained on movie, tested on": domain,
                    "model": name,
                    "RMSE": estimate([rmse(values, truth) for values in predictions]).text(3),
                    "RMSE of the mean rating": rmse(np.full(len(truth), y.mean()), truth),
                    "rank correlation": np.mean([spearmanr(values, truth).statistic for values in predictions]),
                    "texts with a known word %": known,
                }
            )
    yield pd.DataFrame(rows)


def polarity(arguments: Arguments) -> Iterator[pd.DataFrame]:
    """Yield test accuracies on reviews: each model's best setting by the validation split, on the same features."""
    data = datasets.load("reviews")
    words = bag_of_words()
    X = csr_array(words.fit_transform(data.train.X))
    X_validation, X_test = (csr_array(words.transform(split.X)) for split in (data.validation, data.test))
    common = {"max_iter": 3, "batch_size": 200, "random_state": 0}
    grids: dict[str, list[Any]] = {
        "logistic regression": [LogisticRegression(C=C, max_iter=300) for C in (0.01, 0.03, 0.1)],
        "linear SVM": [LinearSVC(C=C) for C in (0.001, 0.003, 0.01)],
        "scikit-learn's MLP, 100 units": [MLPClassifier((100,), alpha=alpha, **common) for alpha in (1e-4, 1.0)],
        "hardzero, 100 units": [
            RectifierClassifier((100,), hidden_dropout=0.5, input_dropout=0.5, **{**common, "max_iter": epochs})
            for epochs in (3, 6)
        ],
        "hardzero, 3 layers of 200": [
            RectifierClassifier((200,) * 3, hidden_dropout=0.5, input_dropout=0.5, **{**common, "max_iter": epochs})
            for epochs in (3, 6)
        ],
    }
    rows = []
    for name, grid in grids.items():
        started = time.perf_counter()
        fitted = [clone(model).fit(X, data.train.y) for model in grid]
        seconds = time.perf_counter() - started
        best = max(fitted, key=lambda model: model.score(X_validation, data.validation.y))
        accuracy = best.score(X_test, data.test.y)
        half_width = 196 * np.sqrt(accuracy * (1 - accuracy) / X_test.shape[0])
        zeros = f"{100 * best.measure_sparsity(X_test).mean():.1f}" if hasattr(best, "measure_sparsity") else ""
        chosen = {key: value for key, value in best.get_params().items() if key in ("C", "alpha", "max_iter")}
        rows.append(
            {
                "model": name,
                "test accuracy %": f"{100 * accuracy:.2f} ± {half_width:.2f}",
                "zeros %": zeros,
                "chosen": ", ".join(f"{key}={value:g}" for key, value in chosen.items()),
                "seconds, all fits": seconds,
            }
        )
        print(rows[-1], file=sys.stderr, flush=True)
    yield pd.DataFrame(rows)


def memory(arguments: Arguments) -> Iterator[pd.DataFrame]:
    """Yield the peak memory of ``hardzero fit --chunk-rows`` on a file and on 8 copies of it."""
    texts, y = all_rows("ratings:movie")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for words in ("vocabulary", "hashing"):
            for copies in (1, 8):
                path = Path(folder) / f"snippets{copies}.csv"
                with path.open("w", newline="", encoding="utf-8") as file:
                    writer = csv.writer(file)
                    writer.writerow(["text", "label"])
                    for copy in range(copies):
                        # Each copy brings words of its own, as new texts do.
                        writer.writerows(
                            (f"{text} copy{copy}of{i}", int(r > 0))
                            for i, (text, r) in enumerate(zip(texts, y, strict=True))
                        )
                command = ["fit", str(path), "--text", "text", "--target", "label", "--chunk-rows", "2000", "--quiet"]
                command += ["--epochs", "1", "--hidden", "64", "-o", str(Path(folder) / f"{copies}{words}.safetensors")]
                command += ["--hash-words"] if words == "hashing" else []
                peak, seconds = peak_memory([sys.executable, "-c", "from hardzero.cli import main; main()", *command])
                rows.append(
                    {
                        "words": words,
                        "rows": copies * len(texts),
                        "file, MB": path.stat().st_size / 1e6,
                        "peak memory, MB": f"{peak:.0f}",
                        "seconds": seconds,
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
    words = bag_of_words()
    X, X_test = csr_array(words.fit_transform(texts)), csr_array(words.transform(data.test.X))
    X.sort_indices()
    for sizes in arguments.hidden:
        for solver, rate in (("sgd", 0.03), ("adam", 0.001)):
            yield training_speed(arguments, sizes, solver, rate, (X, y), (X_test, np.asarray(data.test.y)))
    yield prediction_speed(texts[:4096], y[:4096], data.test.X[:: len(data.test.X) // 64])


def training_speed(
    arguments: Arguments, sizes: tuple[int, ...], solver: str, rate: float, train: Any, test: Any
) -> pd.DataFrame:
    """Time epochs of minibatches of 64, and score what they have taught: the same network for all but the linear one.

    The contestants take turns, one epoch each; the accuracy is that after the last epoch, the same number for all.
    """
    X, y = train
    settings = {"solver": solver, "learning_rate_init": rate, "batch_size": BATCH, "alpha": 0.0, "random_state": 0}
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
            bags = TorchBags(X, y, sizes, solver, variant, rate=rate, batch_size=BATCH, n_threads=arguments.threads)
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


def all_rows(name: str) -> tuple[Any, Any]:
    """Return texts and targets of all splits."""
    data = datasets.load(name)
    splits = (data.train, data.validation, data.test)
    return np.concatenate([split.X for split in splits]), np.concatenate([split.y for split in splits])


def rmse(predictions: Any, truth: Any) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(np.mean(np.square(predictions - truth))))


def markdown(frame: pd.DataFrame) -> str:
    """Return a table as Markdown, numbers with three significant digits."""

    def text(value: Any) -> str:
        return f"{value:.3g}" if isinstance(value, float) and abs(value) < 1000 else str(value)

    rows = [list(map(str, frame.columns)), ["---"] * frame.shape[1]]
    rows += [[text(value) for value in row] for row in frame.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


PARTS: dict[str, Callable[[Arguments], Iterator[pd.DataFrame]]] = {
    "ratings": ratings,
    "polarity": polarity,
    "transfer": transfer,
    "memory": memory,
    "speed": speed,
}


def main() -> None:
    """Measure the parts that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all if none")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--units", type=int, default=200, help="units of a hidden layer (default: 200)")
    parser.add_argument("--epochs", type=int, default=15, help="most epochs of a network (default: 15)")
    parser.add_argument("--pretrain", action="store_true", help="also with denoising pre-training on IMDB reviews")
    parser.add_argument("--unlabelled", type=int, default=2000, help="IMDB reviews for pre-training (default: 2000)")
    parser.add_argument("--pretraining-epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="of hardzero and PyTorch, in the speed part")
    parser.add_argument("--samples", type=int, default=8192, help="training samples of the speed part (default: 8192)")
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
    warnings.simplefilter("ignore", ConvergenceWarning)
    for name in arguments.parts or PARTS:
        started = time.perf_counter()
        for frame in PARTS[name](arguments):
            print(f"## {name} ({time.perf_counter() - started:.0f} s)\n\n{markdown(frame)}\n", flush=True)


if __name__ == "__main__":
    main()
