"""AlexNet's weights as other frameworks lay them out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

SIZE, WIDTH, UNITS = 131, 0.05, 24  # leaves 3×3 places of few maps, so that a wrong order of FC6 shows

# What the reference models' own descriptions say: maps, groups, zeros around the picture, response normalization.
THEIRS = {
    "caffe": ((96, 256, 384, 384, 256), (1, 2, 1, 2, 2), 0, True),
    "torchvision": ((64, 192, 384, 256, 256), (1, 1, 1, 1, 1), 2, False),
}


@dataclass(frozen=True)
class Foreign:
    """Weights as another framework has them: convolutions out × in × rows × columns, FC6 reading maps first."""

    layout: str
    convolutions: list
    dense: list

    @classmethod
    def random(cls, layout, seed=0):
        generator, (maps, grouped, _, _) = np.random.default_rng(seed), THEIRS[layout]
        filters = [2 * max(1, round(WIDTH * count / 2)) for count in maps]

        def weights(*shape):
            return generator.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype(np.float32), generator.normal(
                0, 0.1, shape[0]
            ).astype(np.float32)

        inputs = [3, *filters[:-1]]
        shapes = zip(filters, inputs, grouped, (11, 5, 3, 3, 3), strict=True)
        convolutions = [weights(out, ins // groups, side, side) for out, ins, groups, side in shapes]
        return cls(layout, convolutions, [weights(UNITS, 9 * filters[-1]), weights(UNITS, UNITS)])

    def as_caffe(self):
        """conv1 … fc7 as bvlc_alexnet.npy has them: rows × columns × in × out, FC6 reading rows first."""
        (fc6, bias), fc7 = self.dense
        by_rows = fc6.reshape(UNITS, -1, 3, 3).transpose(2, 3, 1, 0).reshape(-1, UNITS)
        found = {f"conv{n}": [k.transpose(2, 3, 1, 0), b] for n, (k, b) in enumerate(self.convolutions, 1)}
        return {**found, "fc6": [by_rows, bias], "fc7": [fc7[0].T, fc7[1]], "fc8": [np.ones((UNITS, 3)), np.ones(3)]}

    def as_torchvision(self):
        places = [*(f"features.{n}" for n in (0, 3, 6, 8, 10)), "classifier.1", "classifier.4"]
        pairs = zip(places, [*self.convolutions, *self.dense], strict=True)
        return {
            f"{place}.{part}": value
            for place, two in pairs
            for part, value in zip(("weight", "bias"), two, strict=True)
        }

    def fc7(self, pictures):
        """FC7 of pictures [batch, 3, rows, columns] as this framework takes them, by ONNX Runtime."""
        (_, grouped, first_padding, normalized), x, nodes, constants = THEIRS[self.layout], "x", [], []

        def add(kind, *inputs, **attributes):
            names = [x]
            for value in inputs:
                names.append(f"c{len(constants)}")
                constants.append(numpy_helper.from_array(value, names[-1]))
            nodes.append(helper.make_node(kind, names, [f"x{len(nodes)}"], **attributes))
            return nodes[-1].output[0]

        for number, (kernel, bias) in enumerate(self.convolutions, 1):
            pad = first_padding if number == 1 else kernel.shape[2] // 2
            x = add(
                "Conv",
                kernel,
                bias,
                group=grouped[number - 1],
                pads=[pad] * 4,
                strides=[4 if number == 1 else 1] * 2,
            )
            x = add("Relu")
            if normalized and number <= 2:
                x = add("LRN", size=5, alpha=1e-4, beta=0.75, bias=1.0)
            if number in (1, 2, 5):
                x = add("MaxPool", kernel_shape=[3, 3], strides=[2, 2])
        x = add("Flatten")
        for kernel, bias in self.dense:
            x = add("Gemm", kernel, bias, transB=1)
            x = add("Relu")
        graph = helper.make_graph(
            nodes,
            "alexnet",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, pictures.shape)],
            [helper.make_tensor_value_info(x, TensorProto.FLOAT, None)],
            constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": pictures})[0]
