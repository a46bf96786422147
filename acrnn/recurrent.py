"""LSTM layers that train faster on processors: those of Keras with another training step, and the same results.

Keras multiplies the input by its weights in every step of the recurrence and adds up the gradients of the weights step by step. Here
one product for all steps comes before the recurrence, the directions share one loop, and the gradients of the weights are products
over all steps after it. The loop itself only has the products with the recurrent weights. Predictions are computed by Keras, so that
exported models do not change.
"""

from __future__ import annotations

import keras
from keras import activations, layers, ops

_UNROLLED = 5  # steps of the recurrence per turn of the loop
_CLOSED = 1e4  # subtracted from the input gate of padded steps, which closes it


@keras.saving.register_keras_serializable("acrnn")
class LSTM(layers.LSTM):
    """`keras.layers.LSTM`, with or without `return_sequences`, for masks with padding at the end only.

    It has the weights and the configuration of its base class. Training on a processor with TensorFlow takes the fast path; GPUs, which
    have kernels of their own, other backends, and layers with options such as dropout take that of Keras.

    Inputs: sequences [batch, steps, features]; mask bool [batch, steps], False after the last real step, or None.
    Output: [batch, units], that of the last real step and zero without one; with `return_sequences` [batch, steps, units], where
        masked steps have any value.
    """

    def call(self, sequences, initial_state=None, mask=None, training=False):
        if training and initial_state is None and _is_plain(self) and is_faster():
            return self.trained(sequences, mask)
        return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    def trained(self, sequences, mask=None):
        """Returns the output for training by the fast path."""
        sequences = ops.transpose(sequences, (1, 0, 2))
        output = _recurrence(*_gate_inputs(self, sequences, [self.cell]))
        if self.return_sequences:
            return ops.transpose(output, (1, 0, 2))
        if mask is None:
            return output[-1]
        mask = ops.transpose(mask)
        is_followed = ops.pad(mask[1:], ((0, 1), (0, 0)))  # by another real step
        last = ops.logical_and(mask, ops.logical_not(is_followed))
        return ops.sum(output * ops.expand_dims(ops.cast(last, self.compute_dtype), -1), axis=0)


@keras.saving.register_keras_serializable("acrnn")
class BLSTM(layers.Bidirectional):
    """`keras.layers.Bidirectional` of an LSTM with `return_sequences`, for masks with padding at the end only.

    It has the weights and the configuration of its base class. Training on a processor with TensorFlow takes the fast path; GPUs, which
    have kernels of their own, other backends, and layers with options such as dropout take that of Keras.

    Inputs: sequences [batch, steps, features]; mask bool [batch, steps], False after the last real step, or None.
    Output: [batch, steps, 2 · units], zero where masked.
    """

    def call(self, sequences, initial_state=None, mask=None, training=None):
        is_plain = self.merge_mode == "concat" and self.forward_layer.return_sequences and _is_plain(self.forward_layer)
        if training and initial_state is None and is_plain and is_faster():
            return self.trained(sequences, mask)
        return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    def trained(self, sequences, mask=None):
        """Returns the output for training by the fast path."""
        cells, units = [self.forward_layer.cell, self.backward_layer.cell], self.forward_layer.units
        sequences = ops.transpose(sequences, (1, 0, 2))
        forward, backward, *recurrent = _gate_inputs(self, sequences, cells)
        if mask is not None:
            real = ops.expand_dims(ops.cast(ops.transpose(mask), self.compute_dtype), -1)
            # The backward direction begins with the padding. With a closed input gate its state stays zero until the first real step.
            # In the forward direction, no real step follows the padding.
            backward = ops.concatenate([backward[..., :units] - _CLOSED * (1 - real), backward[..., units:]], axis=-1)
        output = _recurrence(forward, ops.flip(backward, axis=0), *recurrent)
        output = ops.concatenate([output[..., :units], ops.flip(output[..., units:], axis=0)], axis=-1)
        return ops.transpose(output if mask is None else output * real, (1, 0, 2))


def is_faster() -> bool:
    """Returns whether training takes the fast path in this process."""
    return keras.backend.backend() == "tensorflow" and not keras.distribution.list_devices("gpu")


def _is_plain(lstm: layers.LSTM) -> bool:
    """Returns whether a layer has the default options of Keras that the fast path computes."""
    is_default = (
        lstm.activation is activations.tanh and lstm.recurrent_activation is activations.sigmoid and lstm.use_bias
    )
    others = (lstm.dropout, lstm.recurrent_dropout, lstm.return_state, lstm.go_backwards, lstm.stateful)
    return is_default and not any(others)


def _gate_inputs(layer: keras.Layer, sequences, cells) -> list:
    """Returns the inputs of the gates [steps, batch, 4 · units] for each cell, then the recurrent weights of each."""
    weights = [[ops.cast(weight, layer.compute_dtype) for weight in (cell.kernel, cell.bias)] for cell in cells]
    inputs = [ops.matmul(sequences, kernel) + bias for kernel, bias in weights]
    return [*inputs, *(ops.cast(cell.recurrent_kernel, layer.compute_dtype) for cell in cells)]


@ops.custom_gradient
def _recurrence(*arguments):
    """Outputs of one or more LSTMs of one size side by side, [steps, batch, number · units].

    Args:
        arguments: inputs of the four gates of each LSTM, [steps, batch, 4 · units], in the order input, forget, candidate, output;
            then the recurrent weights of each, [units, 4 · units].
    """
    count = len(arguments) // 2
    inputs, kernels, units = arguments[:count], arguments[count:], arguments[-1].shape[0]
    zero = ops.zeros((ops.shape(inputs[0])[1], units), inputs[0].dtype)

    def step(states, gate_inputs):
        following = []
        for number in range(count):
            h, c = states[2 * number : 2 * number + 2]
            i, f, g, o = _gates(gate_inputs[number] + ops.matmul(h, kernels[number]), units)
            c = f * c + i * g
            following += [o * ops.tanh(c), c]
        return tuple(following), tuple(following)

    _, states = ops.scan(step, (zero, zero) * count, inputs, unroll=_UNROLLED)

    def gradient(*arguments, upstream=None):
        upstream = arguments[0] if upstream is None else upstream
        factors, before = [], []
        for number in range(count):
            h, c = (_delayed(state) for state in states[2 * number : 2 * number + 2])
            i, f, g, o = _gates(inputs[number] + ops.matmul(h, kernels[number]), units)
            squashed = ops.tanh(states[2 * number + 1])
            of_cell = ops.concatenate([g * i * (1 - i), c * f * (1 - f), i * (1 - g * g)], axis=-1)
            own = upstream[..., number * units : (number + 1) * units]
            factors += [own, o * (1 - squashed * squashed), f, of_cell, squashed * o * (1 - o)]
            before.append(h)
        transposed = [ops.transpose(kernel) for kernel in kernels]

        def step_back(carried, factors):
            following = []
            for number in range(count):
                dh, dc, _ = carried[3 * number : 3 * number + 3]
                own, to_cell, f, of_cell, of_output = factors[5 * number : 5 * number + 5]
                dh = dh + own
                dc = dc + dh * to_cell
                dz = ops.concatenate([ops.concatenate([dc, dc, dc], axis=-1) * of_cell, dh * of_output], axis=-1)
                following += [ops.matmul(dz, transposed[number]), dc * f, dz]
            return tuple(following), tuple(following)

        wide = ops.zeros((ops.shape(inputs[0])[1], 4 * units), inputs[0].dtype)
        _, carried = ops.scan(step_back, (zero, zero, wide) * count, tuple(factors), reverse=True, unroll=_UNROLLED)
        of_inputs = carried[2::3]
        of_kernels = [
            ops.matmul(ops.transpose(ops.reshape(h, (-1, units))), ops.reshape(dz, (-1, 4 * units)))
            for h, dz in zip(before, of_inputs, strict=True)
        ]
        return *of_inputs, *of_kernels

    return ops.concatenate(states[::2], axis=-1), gradient


def _gates(values, units: int):
    """Input gate, forget gate, candidate and output gate [..., units] of their inputs [..., 4 · units]."""
    opened = ops.sigmoid(values)
    candidate = ops.tanh(values[..., 2 * units : 3 * units])
    return opened[..., :units], opened[..., units : 2 * units], candidate, opened[..., 3 * units :]


def _delayed(states):
    """States [steps, …] one step later, with zeros before the first."""
    return ops.concatenate([ops.zeros_like(states[:1]), states[:-1]], axis=0)
