"""ONNX Runtime, for predictions: on one thread and on all, fed by dictionary and by bound memory."""

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

import workloads


class Writer:
    """A chain of nodes."""

    def __init__(self):
        self.nodes, self.weights, self.last = [], [], "x"
        self.random = np.random.default_rng(44)

    def add(self, op, *shapes, **attributes):
        names = [f"w{len(self.weights) + i}" for i in range(len(shapes))]
        for name, shape in zip(names, shapes):
            scale = 1 / np.sqrt(np.prod(shape[1:]) or 1)
            values = (self.random.standard_normal(shape) * scale).astype(np.float32)
            self.weights.append(numpy_helper.from_array(values, name))
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [self.last, *names], [output], **attributes))
        self.last = output


def network(name, shape, classes):
    g = Writer()
    if name == "mnist_cnn":
        for channels, filters in ((1, 32), (32, 64)):
            g.add("Conv", (filters, channels, 3, 3), (filters,))
            g.add("Relu")
        g.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        g.add("Flatten")
        sizes = (9216, 128, classes)
    else:
        sizes = (*shape, *workloads.HIDDEN[name], classes)
    for n, m in zip(sizes, sizes[1:]):
        g.add("Gemm", (m, n), (m,), transB=1)
        if m != classes:
            g.add("Relu")
    g.add("Sigmoid") if classes == 1 else g.add("Softmax", axis=-1)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *shape])
    y = helper.make_tensor_value_info(g.last, TensorProto.FLOAT, ["n", classes])
    graph = helper.make_graph(g.nodes, name, [x], [y], g.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def predictions(name, rows, threads):
    x = workloads.rows(name, rows)
    if x.ndim == 4:
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    model = network(name, x.shape[1:], workloads.WORKLOADS[name].classes)
    calls = {}
    for count in sorted({1, threads}):
        options = ort.SessionOptions()
        options.intra_op_num_threads = count
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        calls[f"{count} threads"] = lambda session=session: session.run(None, {"x": x})
        binding = session.io_binding()
        binding.bind_ortvalue_input("x", ort.OrtValue.ortvalue_from_numpy(x))
        outputs = session.run(None, {"x": x})
        binding.bind_ortvalue_output(session.get_outputs()[0].name, ort.OrtValue.ortvalue_from_numpy(outputs[0]))
        calls[f"{count} threads, bound"] = lambda session=session, binding=binding: session.run_with_iobinding(binding)
    return calls
