"""Published recipes. A comment on each states which values the paper gives, with the section, and which are ours."""

from __future__ import annotations

from dataclasses import replace

from acrnn.recipes.recipe import Recipe, SecondStage, TwoStageRecipe

# Chen et al. (2018), Section III-A: Adam with Nesterov momentum, initial learning rate 1e-4, batches of 40 segments, the
# epoch with the best validation UAR. LITERAL adds nothing: where the paper is silent, the defaults of `Recipe` stand.
LITERAL = Recipe(network={"normalization": "channel"})
# Ours, where the paper is silent: 20 epochs; the exponential moving average of the weights; and normalization by band,
# since the paper does not say over which axes its "global mean and standard deviation" are taken (the authors' code takes
# them over time and utterances, for each band).
CHEN2018 = Recipe(epochs=20, averaging=0.98, network={"normalization": "band"})
# The authors' published code: about 5000 steps of Adam, learning rate 1e-5, on batches of 60 from 300 segments of each class,
# drawn once at random without replacement. In their IEMOCAP every class has more segments than that. Ours: a class that
# has fewer repeats its segments (`acrnn.batches.draw`); the epochs are passes over the draw, of which 500 suffice for 5000
# steps with two classes or more; and the checkpoint is selected after each of them.
CHEN2018_ORIGINAL = Recipe(
    optimizer="adam",
    learning_rate=1e-5,
    batch_size=60,
    epochs=500,
    max_steps=5000,
    balanced_draw=300,
    pooling="max-logits",
)
# Han et al. (2014), Section 4: mini-batch gradient descent. All numbers are ours, chosen by validation UAR on Emo-DB.
HAN2014 = Recipe(optimizer="sgd", learning_rate=2e-3, batch_size=128, epochs=8)
# Ours, chosen by validation UAR on Emo-DB (experiments/results/NOTES.md): all windows train instead of the loudest tenth, each
# utterance is centered by its own mean, and the least squares of the ELM have a larger ridge.
HAN2014_TUNED = replace(HAN2014, network={"energy_share": 1.0, "centered": True, "elm_ridge": 3.0})
# Lim et al. (2016), Table I and Section IV. Ours: the batch size, the number of epochs (an epoch contains every frame
# eight times) and checkpoint selection on a validation set; the paper states none of them.
LIM2016 = Recipe(
    optimizer="sgd",
    learning_rate=0.01,
    decay=1e-6,
    momentum=0.8,
    batch_size=32,
    epochs=10,
    oversampling=True,
    pooling="majority",
)
# Zhang et al. (2021), Section 3.2. The first stage trains AlexNet on windows, and is validated by the mean of their
# posteriors; the second stage trains the rest of the network on AlexNet's outputs. The class weights are those of the
# training part, not of the whole database as in Section 3.2, since that includes the test speakers.
ZHANG2021 = TwoStageRecipe(batch_size=128, epochs=20, pooling="mean", class_weights=True)
# Ours: the second stage with a learning rate twenty times as high. With the published rate it has not converged after 30
# epochs and stays below the UAR of the windows alone (experiments/results/NOTES.md).
ZHANG2021_FASTER = replace(ZHANG2021, second_stage=SecondStage(learning_rate=1e-4))
# The baseline of Zhang et al. (2021), for which the paper gives no hyper-parameters. Ours: the optimizer and learning rate
# of the first stage, the batch size and number of epochs of the second.
ZHANG2021_BASELINE = Recipe(batch_size=16, epochs=30, pooling="mean", class_weights=True)
# Peng et al. (2021), Section 4.2: Adam, learning rate 5e-4, gradients clipped to norm 1, dropout 0.3, batches of 64. Ours:
# the number of epochs, and checkpoint selection on the validation speaker.
PENG2021 = Recipe(
    optimizer="adam",
    learning_rate=5e-4,
    batch_size=64,
    gradient_clip_norm=1.0,
    epochs=40,
    network={"dropout": 0.3},
)
