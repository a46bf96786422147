"""Finds the trained network that a training is to start from, and reads its description."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from acrnn import files
from acrnn.batches.speaker_statistics import CORPUS, SPEAKER
from acrnn.crossval.results import EXPERIMENT, read_experiment
from acrnn.crossval.run import RUNS, read_run
from acrnn.errors import FieldError
from acrnn.inference import locate
from acrnn.model_card import Card
from acrnn.recipes.initial_model import CORPUS_FIELDS, FIELD, InitialModel
from acrnn.transfer import saved_weights

_NETWORK = ".keras"


def initial_model(source: str | Path) -> InitialModel:
    """Returns the model that a name or path stands for; loads no weights.

    Args:
        source: name of an included model, folder of an exported model or of one of its versions, folder of an experiment with
            one network, or one of its .keras files.

    Raises:
        FileNotFoundError: there is no such model.
        FieldError: its description or its weights are missing, or it stands for several networks.
        ValueError: a file is damaged.
    """
    path = Path(source)
    if path.suffix == _NETWORK:
        return _of_network(path)
    if (path / EXPERIMENT).is_file():
        return _of_network(_only_network(path))
    return _of_version(locate.version_folder(source))


def _only_network(folder: Path) -> Path:
    """Returns the network of an experiment.

    Raises:
        FieldError: the folder holds none, or several.
    """
    networks = sorted((folder / RUNS).glob(f"*{_NETWORK}"))
    if not networks:
        problem = "this experiment has no network; choose one that saved its networks"
        raise FieldError(FIELD, folder, problem)
    if len(networks) > 1:
        raise FieldError(FIELD, folder, f"it holds {len(networks)} networks; name one of them, such as {networks[0]}")
    return networks[0]


def _of_network(path: Path) -> InitialModel:
    """Returns the network of a run; its experiment tells front end, labels and corpus."""
    folder = path.parent.parent
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such network; check the path")
    if not (folder / EXPERIMENT).is_file() or not (run_file := path.with_suffix(".json")).is_file():
        problem = (
            "its front end, emotions and corpus are unknown, since it does not lie in the folder of its experiment; name the "
            f"file there ({RUNS}/fold00_seed0.keras), or an exported model"
        )
        raise FieldError(FIELD, path, problem)
    settings, _ = read_experiment(folder)
    corpus, uses = settings.corpus, settings.other_corpora
    return InitialModel(
        name=f"{folder.resolve().name}/{path.stem}",
        system=settings.model,
        labels=settings.labels,
        frontend=settings.frontend,
        rule=settings.rule,
        network=settings.network_fields,
        normalized_by=settings.normalized_by.source,
        corpus={name: getattr(corpus, name) for name in ("name", *CORPUS_FIELDS)} | {"reader": corpus.dataset},
        other_corpora={use: {name: values[name] for name in CORPUS_FIELDS} for use, values in uses.items()},
        speakers=tuple(read_run(run_file).train_speakers),
        weights_sha256=files.sha256_of_file(path),
        read_weights=partial(saved_weights.of_network_file, path),
        records_sha256=settings.records_sha256,
    )


def _of_version(folder: Path) -> InitialModel:
    """Returns an exported model."""
    card, weights = Card.read(folder), folder / saved_weights.VARIABLES
    if not weights.is_file():
        problem = "it has no SavedModel, which holds the weights; export it with the format saved-model"
        raise FieldError(FIELD, folder, problem)
    if card.ensemble:
        problem = f"it is an {card.ensemble}, and a training starts from one; name one network of an experiment ({RUNS}/fold00_seed0.keras)"
        raise FieldError(FIELD, folder, problem)
    return InitialModel(
        name=card.name,
        system=card.system,
        labels=card.labels,
        frontend=card.frontend,
        rule=card.rule,
        network=card.network,
        normalized_by=SPEAKER if card.speaker_prior else CORPUS,
        corpus={name: card.corpus.get(name, "") for name in ("name", "reader", *CORPUS_FIELDS)},
        other_corpora={use: dict(corpus) for use, corpus in card.other_corpora.items()},
        speakers=tuple(card.fitted_on["speakers"]),
        weights_sha256=files.sha256_of_file(weights),
        read_weights=partial(saved_weights.of_saved_model, folder, card.sha256),
        sounds=card.training_sounds,
    )
