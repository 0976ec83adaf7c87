"""Handwritten digits at 85 % zeros: train, compare with scikit-learn, save, and predict in microseconds.

Run it with ``python examples/digits.py``; the data come with scikit-learn.
"""

import time

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import hardzero
from hardzero import RectifierClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, test_size=0.2, stratify=y, random_state=0)

settings = {"hidden_layer_sizes": (256, 256), "batch_size": 32, "max_iter": 30, "random_state": 0}
dense = MLPClassifier(**settings).fit(X_train, y_train)
sparse = RectifierClassifier(**settings, learning_rate="cosine", target_sparsity=0.85).fit(X_train, y_train)
for name, model in (("scikit-learn", dense), ("hardzero", sparse)):
    print(f"{name}: {1 - model.score(X_test, y_test):.2%} test error")
print("exact zeros of each hidden layer:", ", ".join(f"{zeros:.1%}" for zeros in sparse.measure_sparsity(X_test)))

# The hidden representation is a sparse matrix: its size follows the active units.
hidden = sparse.transform(X_test)
print(f"a hidden layer of {hidden.shape[1]} units keeps {hidden.nnz / len(X_test):.0f} numbers a digit")

sparse.save("digits.safetensors")
predict = hardzero.load("digits.safetensors").to_predictor(precision="bfloat16")
one = X_test[:1]
for name, call in (("scikit-learn", dense.predict_proba), ("hardzero", predict)):
    call(one)
    started = time.perf_counter()
    for _ in range(200):
        call(one)
    print(f"{name}: {(time.perf_counter() - started) / 200 * 1e6:.0f} µs for one digit")
cost = predict.cost(X_test)
share = cost.multiply_adds.sum() / (cost.dense_multiply_adds.sum() * len(X_test))
print(f"multiply-adds that are left: {share:.0%} of dense arithmetic")
