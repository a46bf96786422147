"""ESD: ten speakers of Mandarin (0001-0010), ten of English (0011-0020), 350 sentences in five emotions, 35 000 files at 16 kHz.

Licence: research only, after signing the authors' form. Counts: 7000 of each emotion, 1750 recordings of each speaker. The emotion
is the folder, as released (0011/Angry/0011_000351.wav) or with the authors' split in folders below (0011/Angry/train/…), which is
not used: its parts share the speakers. The texts are not read: the label files are in several encodings. A common copy has the
speakers of English only: subset "english".
"""

from data_prep.corpora.base import Corpus, Subset, Utterance
from data_prep.corpora.file_names import FileNames

EMOTIONS = {
    "Angry": "anger",
    "Happy": "happiness",
    "Neutral": "neutral",
    "Sad": "sadness",
    "Surprise": "surprise",
}
NAMES = FileNames(
    patterns=(
        r"{speaker:00[012]\d}/{emotion}/{speaker}_{number:\d{6}}",
        r"{speaker:00[012]\d}/{emotion}/{part:train|evaluation|test}/{speaker}_{number:\d{6}}",
    ),
    example="0011/Angry/0011_000351.wav",
    meanings={"emotion": EMOTIONS},
    id="{speaker}_{number}",
)


def _is_english(utterance: Utterance) -> bool:
    return utterance.speaker > "0010"


def _is_mandarin(utterance: Utterance) -> bool:
    return not _is_english(utterance)


_HALF = dict.fromkeys(EMOTIONS.values(), 3500)

CORPUS = Corpus(
    name="esd",
    title="ESD, the emotional speech database for voice conversion (35 000 files)",
    version="release of 2021, 16 kHz",
    licence="research only, after signing the licence of the authors",
    citation=(
        "K. Zhou, B. Sisman, R. Liu, H. Li: Emotional voice conversion: Theory, databases and ESD. Speech Communication 137, "
        "2022, pp. 1-18"
    ),
    homepage="https://github.com/HLTSingapore/Emotional-Speech-Data",
    find_utterances=NAMES.find_utterances,
    subsets={
        "all": Subset(tuple(_HALF), {emotion: 2 * count for emotion, count in _HALF.items()}),
        "english": Subset(tuple(_HALF), _HALF, keep=_is_english),
        "mandarin": Subset(tuple(_HALF), _HALF, keep=_is_mandarin),
    },
    environment_variable="ESD_ROOT",
)
