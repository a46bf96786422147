"""Where a network's first stage starts from: chance, weights trained on ImageNet, another corpus, or a task without labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from acrnn import files
from acrnn.errors import UsageError
from acrnn.records import RecordSet

TIME_ARROW = "time-arrow"
TORCHVISION_URL = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
TORCHVISION_SHA256 = "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"


@dataclass(frozen=True)
class InitialWeights:
    """One start.

    Attributes:
        kind: "random"; "imagenet", from a file of weights; "corpus", trained on another labeled record set first; or
            "time-arrow", trained first to tell windows from windows that run backwards, on the training speakers of the
            fold, whose labels it does not need.
        path: of the file, or of the other record set.
    """

    kind: Literal["random", "imagenet", "corpus", "time-arrow"] = "random"
    path: Path | None = None

    def describe(self) -> dict:
        """What of it a result depends on; a path is none of that, the content is."""
        if self.kind == "imagenet":
            return {"kind": self.kind, "sha256": _sha256(self.path)}
        if self.kind == "corpus":
            manifest = RecordSet(self.path).manifest
            return {"kind": self.kind, "corpus": manifest.corpus["name"], "records_sha256": manifest.content_sha256}
        return {"kind": self.kind}

    def check(self, records: RecordSet) -> None:
        """Refuses a start that cannot be made, or that knows the recordings of a record set.

        Raises:
            FileNotFoundError: there is no such file or record set.
            ValueError: the other records are of another front end or cut otherwise, share a recording, or are of the same
                corpus with a speaker in common.
        """
        if self.kind == "imagenet" and not self.path.is_file():
            raise FileNotFoundError(f"--imagenet-weights {self.path}: no such file; check the path")
        if self.kind == "corpus":
            self._check_corpus(RecordSet(self.path), records)

    def _check_corpus(self, other: RecordSet, records: RecordSet) -> None:
        if (other.manifest.frontend, other.manifest.rule) != (records.manifest.frontend, records.manifest.rule):
            raise ValueError(
                f"--pretrain {self.path}: another front end or segment rule than {records.folder}; prepare both alike"
            )
        if shared := {row.sha256 for row in other.utterances} & {row.sha256 for row in records.utterances}:
            same = next(row for row in other.utterances if row.sha256 in shared)
            raise ValueError(
                f"--pretrain {self.path}: {same.path} and {len(shared) - 1} others are in {records.folder} too, where they "
                f"may be tested; take another corpus, or {TIME_ARROW}"
            )
        speakers = {row.speaker for row in other.utterances}
        same_corpus = other.manifest.corpus["name"] == records.manifest.corpus["name"]
        if same_corpus and (known := sorted(speakers & {row.speaker for row in records.utterances})):
            raise ValueError(
                f"--pretrain {self.path}: of the same corpus as {records.folder} ({records.manifest.corpus['name']}), with "
                f"speakers {', '.join(known[:3])} in both, who may be tested; leave them out, or name others differently"
            )
        if len(speakers) < 2:
            raise ValueError(f"--pretrain {self.path}: a single speaker; one must be left to choose the epoch by")


RANDOM = InitialWeights()
TITLES = {
    "random": "random start",
    "imagenet": "ImageNet weights",
    "corpus": "pre-trained on another corpus",
    "time-arrow": "pre-trained on the direction of time",
}


def from_options(imagenet_weights: str | None, pretrain: str | None) -> InitialWeights:
    """The start that two options ask for: a file of weights, or "download"; a record set, or "time-arrow".

    Raises:
        UsageError: both are given.
    """
    if imagenet_weights and pretrain:
        raise UsageError(f"--pretrain {pretrain}: it goes without --imagenet-weights; choose one start")
    if imagenet_weights:
        return InitialWeights("imagenet", download() if imagenet_weights == "download" else Path(imagenet_weights))
    if pretrain:
        return InitialWeights("time-arrow") if pretrain == TIME_ARROW else InitialWeights("corpus", Path(pretrain))
    return RANDOM


def download(
    url: str = TORCHVISION_URL, sha256: str = TORCHVISION_SHA256, home: Path = Path("data", "weights")
) -> Path:
    """torchvision's AlexNet (233 MiB), fetched once and known by its SHA-256.

    Raises:
        OSError: it cannot be fetched.
        ValueError: what came is another file; it was not kept.
    """
    import pooch

    remedy = "try again, or get it yourself and pass --imagenet-weights FILE"
    try:
        return Path(pooch.retrieve(url, known_hash=sha256, fname=url.rpartition("/")[2], path=home))
    except OSError as error:
        raise OSError(f"{url}: cannot be fetched ({error}); {remedy}") from error
    except ValueError as error:
        raise ValueError(f"{url}: what came is not the published file ({error}); {remedy}") from error


@lru_cache
def _sha256(path: Path) -> str:
    return files.sha256_of_file(path)
