"""Networks that the benchmark compares with: the layers of the ACRNN in plain Keras and in PyTorch, without masks or normalization.

They take the features of segments alone. Their weights have the shapes of those of `acrnn.models.chen2018`, so that the arithmetic of
a training step is the same but for what the project adds.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import keras
import numpy as np
from keras import layers, ops

from acrnn.errors import missing_extra
from acrnn.models.chen2018.config import Config


def plain_keras(config: Config) -> keras.Model:
    """Returns an untrained model from features [batch, frames, bands, channels] to logits [batch, classes]."""
    features = x = keras.Input((config.frames, config.bands, config.channels))
    for number in range(1, config.conv_layers + 1):
        filters = config.first_filters if number == 1 else config.filters
        x = layers.Conv2D(filters, config.kernel_size, padding="same")(x)
        if number == 1:
            x = layers.MaxPooling2D(config.pool_size, padding="same")(x)
        x = layers.ReLU()(x)
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
    x = layers.Dense(config.linear_units)(x)
    x = layers.Bidirectional(layers.LSTM(config.lstm_units, return_sequences=True))(x)
    weights = layers.Softmax(axis=1)(layers.Dense(1, use_bias=False)(x))
    x = ops.sum(weights * x, axis=1)
    x = layers.ReLU()(layers.BatchNormalization()(layers.Dense(config.dense_units)(x)))
    return keras.Model(features, layers.Dense(config.num_classes)(x))


def keras_step(config: Config, features: np.ndarray, labels: np.ndarray) -> Callable[[], object]:
    """Returns a training step of the plain Keras model, with the paper's optimizer.

    Args:
        config: sizes of the network.
        features: float32 [batch, frames, bands, channels].
        labels: int [batch].
    """
    model = plain_keras(config)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Nadam(1e-4), loss)
    return lambda: model.train_on_batch(features, labels)


def torch_step(config: Config, features: np.ndarray, labels: np.ndarray) -> Callable[[], object]:
    """Returns the same in PyTorch, on the CPU.

    Raises:
        ImportError: PyTorch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise missing_extra("test-torch", "the comparison with PyTorch", error) from error
    from torch import nn

    class Network(nn.Module):
        """The layers of `plain_keras`."""

        def __init__(self):
            super().__init__()
            time, bands = -(-config.frames // config.pool_size[0]), -(-config.bands // config.pool_size[1])
            maps = [config.channels, config.first_filters, *[config.filters] * (config.conv_layers - 1)]
            self.convolutions = nn.ModuleList(
                nn.Conv2d(before, after, config.kernel_size, padding="same") for before, after in pairwise(maps)
            )
            self.pool = nn.MaxPool2d(config.pool_size, ceil_mode=True)
            self.linear = nn.Linear(bands * maps[-1], config.linear_units)
            self.blstm = nn.LSTM(config.linear_units, config.lstm_units, batch_first=True, bidirectional=True)
            self.score = nn.Linear(2 * config.lstm_units, 1, bias=False)
            self.dense = nn.Linear(2 * config.lstm_units, config.dense_units)
            self.normalization = nn.BatchNorm1d(config.dense_units)
            self.logits = nn.Linear(config.dense_units, config.num_classes)
            self.time = time

        def forward(self, x):
            """Logits [batch, classes] of features [batch, channels, frames, bands]."""
            for number, convolution in enumerate(self.convolutions):
                x = convolution(x)
                x = torch.relu(self.pool(x) if number == 0 else x)
            x = self.linear(x.permute(0, 2, 3, 1).reshape(len(x), self.time, -1))
            x, _ = self.blstm(x)
            x = (torch.softmax(self.score(x), dim=1) * x).sum(dim=1)
            return self.logits(torch.relu(self.normalization(self.dense(x))))

    network = Network()
    optimizer = torch.optim.NAdam(network.parameters(), 1e-4)
    inputs = torch.from_numpy(features).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    targets = torch.from_numpy(labels.astype(np.int64))

    def step() -> float:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def step_operations(config: Config, batch: int) -> float:
    """Floating-point operations of a training step: forward, gradient of the weights, and of the inputs but for the features."""
    return sum(operations_by_part(config, batch).values())


def operations_by_part(config: Config, batch: int) -> dict[str, float]:
    """The same for each part of the network, by the name of its last layer; matrix products and convolutions only."""
    forward = _products_by_part(config)
    return {name: 2.0 * batch * (2 if name == "conv_1" else 3) * count for name, count in forward.items()}


def forward_operations(config: Config, batch: int) -> float:
    """Floating-point operations of a prediction."""
    return 2.0 * batch * sum(_products_by_part(config).values())


def _products_by_part(config: Config) -> dict[str, int]:
    """Multiplications of a prediction of one segment for each part of the network."""
    time, bands = -(-config.frames // config.pool_size[0]), -(-config.bands // config.pool_size[1])
    area = config.kernel_size[0] * config.kernel_size[1]
    maps = [config.first_filters, *[config.filters] * (config.conv_layers - 1)]
    forward = {"conv_1": config.frames * config.bands * area * config.channels * config.first_filters}
    if config.conv_layers > 1:
        products = sum(before * after for before, after in pairwise(maps))
        forward[f"conv_{config.conv_layers}"] = time * bands * area * products
    forward["linear"] = time * bands * maps[-1] * config.linear_units
    forward["blstm"] = time * 2 * 4 * config.lstm_units * (config.linear_units + config.lstm_units)
    forward["logits"] = 2 * config.lstm_units * config.dense_units + config.dense_units * config.num_classes
    return forward
