"""Layers that begin on the host: texts and whole numbers. In Keras they run on TensorFlow."""
from common import *

import tensorflow


def held(x):
    """Texts or numbers."""
    x = np.asarray(x)
    if x.dtype.kind in "USO":
        text = lambda t: t.decode() if isinstance(t, bytes) else str(t)
        return {"dtype": "text", "shape": list(x.shape), "values": [text(t) for t in x.ravel()]}
    if x.dtype == np.int64 and x.size and abs(x).max() > 2**31:
        return {"dtype": "i64", "shape": list(x.shape), "values": [int(v) for v in x.ravel()]}
    return array(x)


def case(name, settings, input, adapt=None):
    """A layer applied to an array, perhaps after a look at another."""
    settings_of = settings | ({"ngrams": tuple(settings["ngrams"])} if isinstance(settings.get("ngrams"), list) else {})
    layer = getattr(keras.layers, name)(**settings_of)
    found = {"class_name": name, "config": settings}
    if adapt is not None:
        layer.adapt(adapt)
        found["adapt"] = held(adapt)
        if name == "Discretization":
            found["bin_boundaries"] = [number(v) for v in layer.bin_boundaries]
        else:
            found["vocabulary"] = [t if isinstance(t, str) else int(t) for t in layer.get_vocabulary()]
    output = layer(tensorflow.constant(input))
    output = output.numpy() if hasattr(output, "numpy") else np.asarray(output)
    cases.append(found | {"input": held(input), "output": held(output)})


# Of each length at which the hash goes another way, in several scripts.
lengths = [0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 128, 200]
long = np.array([("Größe und Maß, " * 20)[:n] for n in lengths] + ["日本語", "a b", "Ω"])
many = np.array([3, -7, 0, 2**40, -(2**62), 42])
pairs = np.array([["A", "B"], ["", "C"], ["B", "A"]])
case("Hashing", {"num_bins": 1000003}, long)
case("Hashing", {"num_bins": 1000003, "salt": [133, 137]}, long)
case("Hashing", {"num_bins": 97, "salt": [2**40, 1]}, many)
case("Hashing", {"num_bins": 97}, many)
case("Hashing", {"num_bins": 3, "mask_value": ""}, pairs)
case("Hashing", {"num_bins": 5, "mask_value": 3}, many)
case("Hashing", {"num_bins": 5, "mask_value": 2}, np.array([[2.0, 2.5], [-2.5, 1e6]]))
case("Hashing", {"num_bins": 1, "mask_value": ""}, pairs)
for mode in ["one_hot", "multi_hot", "count"]:
    case("Hashing", {"num_bins": 4, "output_mode": mode}, pairs)
case("Hashing", {"num_bins": 4, "output_mode": "one_hot"}, pairs[:, :1])

names = ["a", "b", "c", "d"]
seen = np.array([["a", "c", "d"], ["d", "z", "b"], ["q", "[UNK]", "zz"]])
texts = "StringLookup"
case(texts, {"vocabulary": names}, seen)
case(texts, {"vocabulary": names, "num_oov_indices": 3}, seen)
case(texts, {"vocabulary": names, "num_oov_indices": 3, "salt": [5, 6], "oov_token": "z", "mask_token": "q"}, seen)
case(texts, {"vocabulary": ["q", "?", "?", *names], "num_oov_indices": 2, "oov_token": "?", "mask_token": "q"}, seen)
case(texts, {"vocabulary": ["[UNK]", "a", "[UNK]"]}, seen)
case(texts, {"vocabulary": names, "num_oov_indices": 0}, np.array(["b", "a"]))
case(texts, {"vocabulary": names, "output_mode": "one_hot"}, seen)
case(texts, {"vocabulary": names, "output_mode": "one_hot"}, seen[:, :1])
case(texts, {"vocabulary": names, "output_mode": "multi_hot", "mask_token": "q"}, seen)
case(texts, {"vocabulary": names, "output_mode": "count", "max_tokens": 7, "pad_to_max_tokens": True}, seen)
weights = [0.25, 0.75, 0.6, 0.4]
case(texts, {"vocabulary": names, "output_mode": "tf_idf", "idf_weights": weights, "num_oov_indices": 2}, seen)
case(texts, {"vocabulary": ["[UNK]", *names], "output_mode": "tf_idf", "idf_weights": [0.9, *weights]}, seen)
case(texts, {"vocabulary": names, "output_mode": "tf_idf", "idf_weights": weights, "max_tokens": 7, "pad_to_max_tokens": True}, seen)
case(texts, {"vocabulary": names, "invert": True}, np.array([[1, 3, 4], [4, 0, 2]]))
case(texts, {"vocabulary": names, "invert": True, "mask_token": "m", "oov_token": "?", "num_oov_indices": 2}, np.array([[0, 1, 2], [3, 6, 7]]))
corpus = np.array([["b", "a", "é"], ["a", "", "Z"], ["[UNK]", "b", "日"], ["a", "é", "zz"]])
case(texts, {}, corpus, adapt=corpus)
case(texts, {"max_tokens": 4, "mask_token": ""}, corpus, adapt=corpus)
case(texts, {"max_tokens": 4, "mask_token": "", "num_oov_indices": 2, "output_mode": "count"}, corpus, adapt=corpus)
case(texts, {"output_mode": "tf_idf"}, corpus, adapt=corpus)
case(texts, {"output_mode": "tf_idf", "max_tokens": 9, "pad_to_max_tokens": True}, corpus, adapt=corpus)
case(texts, {}, corpus[:, 0], adapt=corpus[:, 0])

keys = [12, 36, 1138, 42]
met = np.array([[12, 1138, 42], [42, -1000, 36], [7, 0, -1]])
whole = "IntegerLookup"
case(whole, {"vocabulary": keys}, met)
case(whole, {"vocabulary": keys, "num_oov_indices": 3}, met)
case(whole, {"vocabulary": keys, "num_oov_indices": 3, "oov_method": "farmhash"}, met)
case(whole, {"vocabulary": keys, "num_oov_indices": 3, "oov_method": "farmhash", "salt": [5, 6], "mask_token": 0}, met)
case(whole, {"vocabulary": [0, -2, *keys], "oov_token": -2, "mask_token": 0}, met)
case(whole, {"vocabulary": keys, "output_mode": "one_hot"}, met)
case(whole, {"vocabulary": keys, "output_mode": "multi_hot", "mask_token": 7}, met)
case(whole, {"vocabulary": keys, "output_mode": "count", "max_tokens": 7, "pad_to_max_tokens": True}, met)
case(whole, {"vocabulary": keys, "output_mode": "tf_idf", "idf_weights": weights}, met)
case(whole, {"vocabulary": keys, "invert": True, "oov_token": -7}, np.array([[1, 3], [0, 9]]))
case(whole, {"vocabulary": keys, "invert": True, "mask_token": -5}, np.array([[1, 3], [0, 9]]))
case(whole, {}, met, adapt=met)
case(whole, {"max_tokens": 4, "mask_token": 42, "output_mode": "tf_idf"}, met, adapt=met)

lines = np.array(["Foo, bar  baz!", "", "bar\tÄpfel; äpfel", "it's a-b foo\x0bbar  é日 "])
of_text = "TextVectorization"
known = ["foo", "bar", "bar baz", "Foo,", "a", "é日", "Äpfel;", "äpfel"]
case(of_text, {"vocabulary": known}, lines)
case(of_text, {"vocabulary": known}, lines[:, None])
case(of_text, {"vocabulary": known, "output_sequence_length": 2}, lines)
case(of_text, {"vocabulary": known, "output_sequence_length": 6, "standardize": "lower"}, lines)
case(of_text, {"vocabulary": known, "standardize": "strip_punctuation", "ngrams": 2}, lines)
case(of_text, {"vocabulary": known, "standardize": None, "ngrams": [2, 1]}, lines)
case(of_text, {"vocabulary": ["f", "o", " ", "ä", "日"], "split": "character"}, lines)
case(of_text, {"vocabulary": ["f", "o", " ", "a b"], "split": "character", "ngrams": [3, 2]}, lines)
case(of_text, {"vocabulary": known, "split": None}, np.array([["foo", "bar"], ["", "q"]]))
case(of_text, {"vocabulary": known, "split": None}, lines)
case(of_text, {"vocabulary": known, "split": None, "ngrams": 2}, np.array([["bar", "baz", "a"], ["", "q", "foo"]]))
case(of_text, {"vocabulary": known, "split": None, "output_sequence_length": 3}, np.array([["foo", "bar"], ["", "q"]]))
for mode in ["multi_hot", "count"]:
    case(of_text, {"vocabulary": known, "output_mode": mode}, lines)
    case(of_text, {"vocabulary": known, "output_mode": mode, "max_tokens": 11, "pad_to_max_tokens": True}, lines)
case(of_text, {"vocabulary": known, "output_mode": "tf_idf", "idf_weights": [0.1 * i for i in range(8)]}, lines)
case(of_text, {}, lines, adapt=lines)
case(of_text, {"max_tokens": 5, "ngrams": 2}, lines, adapt=lines)
case(of_text, {"output_mode": "tf_idf", "max_tokens": 6}, lines, adapt=lines)
case(of_text, {"output_mode": "count", "split": None}, pairs, adapt=pairs)

bins = "Discretization"
spread, between = normal(40, 2), normal(6, 2) + 1e-5
case(bins, {"num_bins": 3}, between, adapt=spread[:4])
case(bins, {"num_bins": 4, "epsilon": 0.03}, between, adapt=spread)
case(bins, {"num_bins": 5, "epsilon": 0.01}, between, adapt=normal(130, 2) ** 3)
case(bins, {"num_bins": 4, "epsilon": 0.03}, between, adapt=normal(250, 2))
finish()
