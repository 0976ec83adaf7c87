"""What a sparse representation is like: where the zeros are, and how stable they are.

Run it with ``python examples/look_inside.py``; it writes the page look_inside.html.
"""

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from hardzero import RectifierClassifier, analysis
from hardzero.report import write_report

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, test_size=0.2, stratify=y, random_state=0)
model = RectifierClassifier((256, 256), learning_rate="cosine", target_sparsity=0.85, max_iter=60, random_state=0)
model.fit(X_train, y_train)

profile = analysis.sparsity_profile(model, X_test)
print(profile.to_frame().round(3).to_string())

overlap = analysis.active_set_overlap(
    model, X_test, perturbations={"noise": [0.1, 0.4], "masking": [0.1]}, random_state=0
)
print(overlap.to_frame().round(2).to_string(index=False))

write_report(model, "look_inside.html", (X_test, y_test), image_shape=(8, 8))
print("wrote look_inside.html")
