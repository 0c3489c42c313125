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
    "series": normal(ROWS, 4),
    "forecast": normal(ROWS, 4),
    "places": random.integers(0, 3, size=(ROWS, 2)),
    "taken": random.integers(0, 3, size=(ROWS, 2)).astype("float64"),
    "bits": random.integers(0, 2, size=(ROWS, 2)).astype("float64"),
    "pairs": uniform(ROWS, 2),
    "chosen": random.integers(0, 3, size=ROWS).astype("float64"),
    "sequence": normal(ROWS, 3, 2),
    "continued": normal(ROWS, 3, 2),
}


def metric(name, target, prediction, chosen=None, bound=None, more={}, weighted=True, each=False, **settings):
    """Of the data of these names, with weights and without. `chosen` is what Keras takes for that name; `bound` is the deviation that is allowed; `more` are
    arguments of Keras alone; `each` says that it wants a weight for each place."""
    for weight in [None, "weight"] if weighted else [None]:
        found = getattr(keras.metrics, chosen or name)(**settings, **more)
        named = [target, prediction] + ([] if weight is None else [weight])
        for rows in [slice(0, FIRST), slice(FIRST, ROWS)]:
            batch = [data[n][rows] for n in named]
            if weight and each:
                batch[2] = np.broadcast_to(batch[2][:, None], batch[0].shape)
            found.update_state(*batch)
        result = np.atleast_1d(np.asarray(found.result(), dtype="float64"))
        made = {"class_name": name, "config": settings, "target": target, "prediction": prediction}
        made |= {} if bound is None else {"bound": bound}
        cases.append(made | ({} if weight is None else {"weight": weight}) | {"result": [number(v) for v in result]})


for name in ["MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "RootMeanSquaredError", "LogCoshError"]:
    metric(name, "numbers", "guesses")
metric("R2Score", "numbers", "guesses")
metric("R2Score", "numbers", "guesses", class_aggregation="variance_weighted_average")
# Keras adjusts in single precision.
metric("R2Score", "numbers", "guesses", bound=1e-6, num_regressors=3)
metric("R2Score", "numbers", "guesses", bound=1e-6, class_aggregation=None, num_regressors=40)
for name in ["CosineSimilarity", "PearsonCorrelation", "ConcordanceCorrelation"]:
    metric(name, "series", "forecast")
    metric(name, "sequence", "continued", axis=1, weighted=False)
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
for name in ["TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"]:
    metric(name, "truth", "said")
    metric(name, "one_hot", "probabilities", thresholds=[0.2, 0.7])
for name in ["Precision", "Recall"]:
    metric(name, "one_hot", "probabilities", thresholds=[0.1, 0.35, 0.8])
    metric(name, "truth", "said")
    metric(name, "truth", "said", thresholds=0.3)
    metric(name, "one_hot", "probabilities", class_id=1)
    metric(name, "one_hot", "probabilities", top_k=2)
    metric(name, "one_hot", "probabilities", top_k=2, thresholds=0.6)
# Keras adds 1e-7 to each denominator.
metric("F1Score", "one_hot", "probabilities", bound=3e-7)
for average in ["micro", "macro", "weighted"]:
    metric("F1Score", "one_hot", "probabilities", bound=3e-7, average=average, threshold=0.4)
    metric("FBetaScore", "one_hot", "probabilities", bound=3e-7, average=average, beta=2.0)
    metric("FBetaScore", "one_hot", "probabilities", bound=3e-7, average=average, beta=0.5, threshold=0.4)
metric("FBetaScore", "one_hot", "probabilities", bound=3e-7, beta=2.0)
for name, setting in [
    ("SensitivityAtSpecificity", "specificity"),
    ("SpecificityAtSensitivity", "sensitivity"),
    ("PrecisionAtRecall", "recall"),
    ("RecallAtPrecision", "precision"),
]:
    for least in [0.3, 0.6, 0.95]:
        metric(name, "truth", "said", **{setting: least})
    metric(name, "one_hot", "probabilities", class_id=1, num_thresholds=10, **{setting: 0.4})
    metric(name, "truth", "said", num_thresholds=1, **{setting: 0.4})
for curve in ["ROC", "PR", "PRGAIN"]:
    metric("AUC", "truth", "said", curve=curve)
    metric("AUC", "bits", "pairs", curve=curve, multi_label=True, label_weights=[0.3, 1.2])
    metric("AUC", "bits", "pairs", curve=curve, label_weights=[0.3, 1.2], thresholds=[0.1, 0.5, 0.6])
    for method in ["minoring", "majoring"]:
        metric("AUC", "truth", "said", curve=curve, num_thresholds=20, summation_method=method)
metric("AUC", "one_hot", "probabilities", multi_label=True)
metric("AUC", "truth", "logit", from_logits=True)
# Keras counts in whole numbers unless it is told otherwise, and divides in single precision, with 1e-7 in each denominator.
iou = {"bound": 1e-6, "more": {"dtype": "float64"}}
metric("IoU", "places", "taken", each=True, num_classes=3, target_class_ids=[0, 2], **iou)
metric("IoU", "classes", "scores", num_classes=3, target_class_ids=[1], sparse_y_pred=False, ignore_class=2, **iou)
metric("IoU", "one_hot", "scores", num_classes=3, target_class_ids=[1], sparse_y_true=False, sparse_y_pred=False, **iou)
metric("MeanIoU", "places", "taken", each=True, num_classes=3, **iou)
metric("MeanIoU", "places", "taken", each=True, num_classes=5, **iou)
metric("MeanIoU", "places", "taken", each=True, num_classes=2, ignore_class=0, **iou)
metric("MeanIoU", "one_hot", "scores", num_classes=3, sparse_y_true=False, sparse_y_pred=False, **iou)
metric("OneHotIoU", "one_hot", "scores", num_classes=3, target_class_ids=[0, 2], **iou)
metric("OneHotIoU", "one_hot", "chosen", num_classes=3, target_class_ids=[0, 2], sparse_y_pred=True, ignore_class=1, **iou)
metric("OneHotMeanIoU", "one_hot", "scores", num_classes=3, **iou)
metric("OneHotMeanIoU", "one_hot", "chosen", num_classes=3, sparse_y_pred=True, ignore_class=1, **iou)
metric("BinaryIoU", "bits", "pairs", each=True, **iou)
metric("BinaryIoU", "bits", "pairs", each=True, target_class_ids=[1], threshold=0.3, **iou)
finish(first=FIRST, data={name: array(values) for name, values in data.items()})
