"""Names in a corpus: emotions that are renamed or left out, prefixes of speakers, and the refusal of ambiguous names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from acrnn.errors import FieldError
from acrnn.records import UNKNOWN_SPEAKER
from data_prep.corpora.utterance import Utterance

_NO_NAMES = frozenset({"", "nan", "none", "null", "<na>"})  # cells without a value, as programs write them


def relabeled(
    utterances: Iterable[Utterance], renamed: Mapping[str, str], dropped: Sequence[str] = ()
) -> list[Utterance]:
    """Returns utterances with other names of emotions, without those of some emotions.

    Args:
        utterances: the utterances.
        renamed: emotion → name that replaces it; two emotions with one new name become one.
        dropped: emotions whose utterances are left out, by their names before the renaming.
    """
    return [
        replace(utterance, emotion=renamed.get(utterance.emotion, utterance.emotion))
        for utterance in utterances
        if utterance.emotion not in dropped
    ]


def refuse_unknown_emotions(utterances: Sequence[Utterance], field_name: str, emotions: Iterable[str]) -> None:
    """Refuses names of emotions that no utterance has.

    Args:
        utterances: all utterances of a corpus.
        field_name: option that lists the emotions, for the message.
        emotions: the names.

    Raises:
        FieldError: no utterance has the emotion.
    """
    known = {utterance.emotion for utterance in utterances}
    for emotion in emotions:
        if emotion not in known:
            problem = f"no utterance has this emotion; the emotions there are {', '.join(sorted(known))}"
            raise FieldError(field_name, emotion, problem)


def prefixed(utterances: Iterable[Utterance], prefix: str) -> list[Utterance]:
    """Returns utterances whose ids, speakers and sessions begin with a prefix and a colon: "mine:anna"."""

    def with_prefix(name: str) -> str:
        return name if name == UNKNOWN_SPEAKER else f"{prefix}:{name}"

    return [
        replace(
            utterance,
            id=with_prefix(utterance.id),
            speaker=with_prefix(utterance.speaker),
            session=with_prefix(utterance.session),
        )
        for utterance in utterances
    ]


def refuse_duplicate_ids(utterances: Iterable[Utterance]) -> None:
    """Refuses two utterances with one id.

    Raises:
        ValueError: an id occurs twice.
    """
    first: dict[str, Utterance] = {}
    for utterance in utterances:
        if utterance.id in first:
            raise ValueError(
                f"utterance id {utterance.id!r} occurs twice: {first[utterance.id].path} and {utterance.path}; ids must be unique"
            )
        first[utterance.id] = utterance


def refuse_ambiguous_names(utterances: Iterable[Utterance], field_name: str) -> None:
    """Refuses names that stand for a missing value, and names that differ in writing only: "01" and "1", "Angry" and "angry".

    Two ways of writing would make two speakers, or two classes, of one.

    Args:
        utterances: the utterances.
        field_name: field of `Utterance` with the names.

    Raises:
        ValueError: a name is ambiguous; the message names both places.
    """
    first: dict[str, Utterance] = {}
    for utterance in utterances:
        name = getattr(utterance, field_name)
        if name.strip().casefold() in _NO_NAMES:
            raise ValueError(
                f"{utterance.described_at}: its {field_name} is {name!r}, which is no name; write the name, or "
                "leave the utterance out"
            )
        other = first.setdefault(normalized(name), utterance)
        if (other_name := getattr(other, field_name)) != name:
            raise ValueError(
                f"{field_name} {other_name!r} of {other.described_at} and {field_name} {name!r} of {utterance.described_at} "
                f"differ in writing only; write the {field_name} one way, or rename one if they are two"
            )


def normalized(name: str) -> str:
    """Returns a name without the differences of writing: case, blanks around it, zeros before a number, ".0" after it."""
    name = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return re.sub(r"\d+", lambda digits: digits[0].lstrip("0") or "0", re.sub(r"^(\d+)\.0+$", r"\1", name))
