"""Metrics: what two batches come to, with weights and without."""
from common import *

ROWS, FIRST = 16, 10
classes = random.integers(0, 3, size=ROWS)
data = {
    "weight": np.round(random.uniform(0, 2, size=ROWS), 2),
    "classes": classes,
    "one_hot": np.eye(3)[classes],
    "scores": normal(ROWS, 3),
    "probabilities": uniform(ROWS, 3),
    "truth": random.integers(0, 2, size=(ROWS, 1)).astype("float64"),
    "said": uniform(ROWS, 1),
    "logit": normal(ROWS, 1),
    "numbers": normal(ROWS, 2),
    "guesses": normal(ROWS, 2),
}


def metric(name, target, prediction, chosen=None, bound=None, **settings):
    """Of the data of these names, with weights and without. `chosen` is what Keras takes for that name; `bound` is the deviation that is allowed."""
    for weight in [None, "weight"]:
        found = getattr(keras.metrics, chosen or name)(**settings)
        named = [target, prediction] + ([] if weight is None else [weight])
        for rows in [slice(0, FIRST), slice(FIRST, ROWS)]:
            found.update_state(*[data[n][rows] for n in named])
        result = np.atleast_1d(np.asarray(found.result(), dtype="float64"))
        made = {"class_name": name, "config": settings, "target": target, "prediction": prediction}
        made |= {} if bound is None else {"bound": bound}
        cases.append(made | ({} if weight is None else {"weight": weight}) | {"result": [number(v) for v in result]})


for name in ["MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "RootMeanSquaredError", "LogCoshError"]:
    metric(name, "numbers", "guesses")
metric("R2Score", "numbers", "guesses")
metric("R2Score", "numbers", "guesses", class_aggregation="variance_weighted_average")
metric("BinaryCrossentropy", "truth", "said")
metric("BinaryCrossentropy", "truth", "said", label_smoothing=0.1)
metric("BinaryCrossentropy", "truth", "logit", from_logits=True)
metric("CategoricalCrossentropy", "one_hot", "probabilities")
metric("CategoricalCrossentropy", "one_hot", "scores", from_logits=True, label_smoothing=0.1)
metric("SparseCategoricalCrossentropy", "classes", "probabilities")
metric("SparseCategoricalCrossentropy", "classes", "scores", from_logits=True)
metric("MeanSquaredLogarithmicError", "truth", "said")
metric("Poisson", "truth", "said")
metric("KLDivergence", "one_hot", "probabilities")
metric("Hinge", "truth", "logit")
metric("SquaredHinge", "truth", "logit")
metric("CategoricalHinge", "one_hot", "scores")

metric("accuracy", "truth", "said", chosen="BinaryAccuracy")
metric("accuracy", "one_hot", "scores", chosen="CategoricalAccuracy")
metric("accuracy", "classes", "scores", chosen="SparseCategoricalAccuracy")
metric("BinaryAccuracy", "truth", "said")
metric("BinaryAccuracy", "one_hot", "probabilities", threshold=0.3)
metric("CategoricalAccuracy", "one_hot", "scores")
metric("SparseCategoricalAccuracy", "classes", "scores")
metric("TopKCategoricalAccuracy", "one_hot", "scores", k=2)
metric("SparseTopKCategoricalAccuracy", "classes", "scores", k=2)
for name in ["Precision", "Recall"]:
    metric(name, "truth", "said")
    metric(name, "truth", "said", thresholds=0.3)
    metric(name, "one_hot", "probabilities", class_id=1)
    metric(name, "one_hot", "probabilities", top_k=2)
    metric(name, "one_hot", "probabilities", top_k=2, thresholds=0.6)
# Keras adds 1e-7 to each denominator.
metric("F1Score", "one_hot", "probabilities", bound=3e-7)
for average in ["micro", "macro", "weighted"]:
    metric("F1Score", "one_hot", "probabilities", bound=3e-7, average=average, threshold=0.4)
for curve in ["ROC", "PR"]:
    metric("AUC", "truth", "said", curve=curve)
    for method in ["minoring", "majoring"]:
        metric("AUC", "truth", "said", curve=curve, num_thresholds=20, summation_method=method)
metric("AUC", "one_hot", "probabilities", multi_label=True)
metric("AUC", "truth", "logit", from_logits=True)
finish(first=FIRST, data={name: array(values) for name, values in data.items()})
