"""Greedy actions of the network 100-64-10: microseconds for one observation, actions per second for 1024 at once."""

from measure import measured, rate, report  # first: it pins the threads

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

generator = np.random.default_rng(0)
FIRST, FIRST_BIAS = generator.standard_normal((100, 64), dtype=np.float32) * 0.1, np.zeros(64, np.float32)
SECOND, SECOND_BIAS = generator.standard_normal((64, 10), dtype=np.float32) * 0.1, np.zeros(10, np.float32)


def in_numpy(observed):
    hidden = observed @ FIRST
    hidden += FIRST_BIAS
    np.maximum(hidden, 0, out=hidden)
    return (hidden @ SECOND + SECOND_BIAS).argmax(1)


def in_onnxruntime():
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["observed", "first", "first_bias"], ["mixed"]),
            helper.make_node("Relu", ["mixed"], ["hidden"]),
            helper.make_node("Gemm", ["hidden", "second", "second_bias"], ["values"]),
            helper.make_node("ArgMax", ["values"], ["action"], axis=1, keepdims=0),
        ],
        "greedy",
        [helper.make_tensor_value_info("observed", TensorProto.FLOAT, ["batch", 100])],
        [helper.make_tensor_value_info("action", TensorProto.INT64, ["batch"])],
        [
            numpy_helper.from_array(array, name)
            for name, array in [
                ("first", FIRST),
                ("first_bias", FIRST_BIAS),
                ("second", SECOND),
                ("second_bias", SECOND_BIAS),
            ]
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda observed: session.run(None, {"observed": observed})[0]


if __name__ == "__main__":
    onnx_action = in_onnxruntime()
    probe = generator.standard_normal((64, 100), dtype=np.float32)
    assert (onnx_action(probe) == in_numpy(probe)).all(), "both must choose the same"
    for peer, action in [("onnxruntime", onnx_action), ("numpy", in_numpy)]:
        one = generator.standard_normal((1, 100), dtype=np.float32)
        many = generator.standard_normal((1024, 100), dtype=np.float32)
        calls = 200
        one_by_one = rate(lambda: [action(one) for _ in range(calls)], calls)
        report(peer, "S = 100-64-10, batch 1", "us/action", 1e6 / one_by_one)
        measured(peer, "S = 100-64-10, batch 1024", "actions/s", lambda: lambda: action(many), 1024)
