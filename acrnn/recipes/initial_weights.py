"""Initial weights of a network: random, pre-trained on another corpus or task, from ImageNet, or of a trained model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from acrnn import files
from acrnn.errors import FieldError
from acrnn.frozen import Frozen
from acrnn.recipes.initial_model import CORPUS_FIELDS, FIELD, InitialModel
from acrnn.records.disjoint import check_disjoint
from acrnn.records.record_set import RecordSet

TIME_ARROW = "time-arrow"
TORCHVISION_URL = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
TORCHVISION_SHA256 = "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"


@dataclass(frozen=True)
class InitialWeights:
    """A way to initialize a network.

    Every network that is trained by gradient descent in one stage can start from another corpus or a trained model. The kinds
    "imagenet" and "time-arrow" are for the first stage of a system in two stages, which can start from another corpus as well.

    Attributes:
        kind: "random"; "imagenet", weights from a file; "corpus", pre-training on another labeled record set;
            "time-arrow", pre-training on a task without labels, to tell windows from windows reversed in time, on the
            training speakers of the fold; or "model", the weights of a trained model.
        path: file of weights for "imagenet", folder of the record set for "corpus"; else None.
        model: the trained model for "model"; else None.
        frozen: weights of "corpus" and "model" that are not trained: "convolutions", or "all-but-head", all but the output
            layer.

    Raises:
        FieldError: layers are frozen that start at random.
    """

    kind: Literal["random", "imagenet", "corpus", "time-arrow", "model"] = "random"
    path: Path | None = None
    model: InitialModel | None = None
    frozen: Frozen = "none"

    def __post_init__(self):
        if self.frozen != "none" and self.kind not in ("corpus", "model"):
            problem = "it keeps weights of a trained model or another corpus; name one with the option init_from or the option pretrain"
            raise FieldError("freeze", self.frozen, problem)

    @property
    def source(self) -> Path:
        """The file of weights or the other record set.

        Raises:
            FieldError: there is none.
        """
        if self.path is None:
            raise FieldError("path", self.path, f"initial weights of the kind {self.kind!r} need one")
        return self.path

    def describe(self) -> dict:
        """Returns everything that results depend on, as a dict for JSON: hashes of the content in place of paths.

        Of another corpus, or that of a trained model, it has name, title, version, licence and citation as well, for reports and cards.
        """
        frozen = {} if self.frozen == "none" else {"frozen": self.frozen}
        if self.kind == "imagenet":
            return {"kind": self.kind, "sha256": _sha256(self.source)}
        if self.model is not None:
            return {"kind": self.kind, **self.model.describe(), **frozen}
        if self.kind == "corpus":
            manifest = RecordSet(self.source).manifest
            return {
                "kind": self.kind,
                "corpus": manifest.corpus["name"],
                **{name: manifest.corpus.get(name, "") for name in CORPUS_FIELDS},
                "labels": list(manifest.labels),
                "records_sha256": manifest.content_sha256,
                **frozen,
            }
        return {"kind": self.kind}

    def check(self, records: RecordSet) -> None:
        """Refuses initial weights that cannot be made, or whose pre-training data overlaps a record set.

        Args:
            records: the record set to train, validate and test on.

        Raises:
            FileNotFoundError: the file or the other record set does not exist.
            FieldError: a trained model has other features, or was trained on the corpus.
            ValueError: the other record set has another front end or segment rule, a single speaker, or a recording in
                common with `records`, also in another file, format or level if both keep their sounds; or it is of the same
                corpus and has a speaker in common.
        """
        if self.model is not None:
            self.model.check(records)
        if self.kind == "imagenet" and not self.source.is_file():
            raise FileNotFoundError(f"{self.path}: no such file of ImageNet weights; check the path")
        if self.kind == "corpus":
            other = RecordSet(self.source)
            check_disjoint(other, records, "pre-training on")
            if len({row.speaker for row in other.utterances}) < 2:
                raise ValueError(f"pre-training on {self.path}: it has a single speaker; validation needs a second one")


RANDOM = InitialWeights()
TITLES = {
    "random": "random start",
    "imagenet": "ImageNet weights",
    "corpus": "pre-trained on another corpus",
    "time-arrow": "pre-trained on the direction of time",
    "model": "fine-tuned from a trained model",
}


def title(description: Mapping) -> str:
    """Returns the words for a description of `InitialWeights.describe`, such as "pre-trained on ravdess"."""
    frozen = f", {description['frozen']} frozen" if "frozen" in description else ""
    if description["kind"] == "corpus":
        return f"pre-trained on {description['corpus']}{frozen}"
    if description["kind"] == "model":
        return f"transfer: fine-tuned from {description['model']} ({description['corpus']}){frozen}"
    return TITLES[description["kind"]]


def from_options(
    imagenet_weights: str | None, pretrain: str | None, model: InitialModel | None = None, frozen: Frozen | None = None
) -> InitialWeights:
    """Returns the initial weights for the options of a command line.

    Args:
        imagenet_weights: path of a file of weights, or "download" for `download()`; None without.
        pretrain: folder of a record set, or "time-arrow"; None without.
        model: a trained model; None without.
        frozen: weights that are not trained; None for none.

    Raises:
        FieldError: more than one is given, or layers are frozen that start at random.
    """
    if imagenet_weights and pretrain:
        raise FieldError("pretrain", pretrain, "it cannot be combined with ImageNet weights; choose one of them")
    if model and (imagenet_weights or pretrain):
        raise FieldError(FIELD, model.name, "it cannot be combined with other initial weights; choose one of them")
    if imagenet_weights:
        path = download() if imagenet_weights == "download" else Path(imagenet_weights)
        return InitialWeights("imagenet", path, frozen=frozen or "none")
    if pretrain and pretrain != TIME_ARROW:
        return InitialWeights("corpus", Path(pretrain), frozen=frozen or "none")
    if model:
        return InitialWeights("model", model=model, frozen=frozen or "none")
    return InitialWeights("time-arrow" if pretrain else "random", frozen=frozen or "none")


def download(
    url: str = TORCHVISION_URL, sha256: str = TORCHVISION_SHA256, home: Path = Path("data", "weights")
) -> Path:
    """Downloads AlexNet's weights of torchvision (233 MiB), unless they are there, and returns the path of the file.

    Args:
        url: address of the file.
        sha256: expected SHA-256 of the file.
        home: folder that keeps the file.

    Raises:
        OSError: the download failed.
        ValueError: the checksum of the downloaded file is wrong; the file was not kept.
    """
    import pooch

    remedy = "try again, or download the file yourself and give its path"
    try:
        return Path(pooch.retrieve(url, known_hash=sha256, fname=url.rpartition("/")[2], path=home))
    except OSError as error:
        raise OSError(f"{url}: the download failed ({error}); {remedy}") from error
    except ValueError as error:
        raise ValueError(f"{url}: the downloaded file is not the published one ({error}); {remedy}") from error


@lru_cache
def _sha256(path: Path) -> str:
    return files.sha256_of_file(path)
