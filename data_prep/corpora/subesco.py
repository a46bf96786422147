"""SUBESCO: ten women and ten men, ten Bangla sentences, seven emotions, five takes each, 7000 recordings.

Licence: CC BY 4.0. Counts: 1000 of each emotion, 350 of each speaker. The file name holds sex, number and name of the speaker,
sentence, emotion and take; the numbers of women and men overlap, so that the speaker is "F_01" and not "01".
"""

from data_prep.corpora.base import Corpus
from data_prep.corpora.file_names import FileNames, subsets_of

EMOTIONS = {
    "ANGRY": "anger",
    "DISGUST": "disgust",
    "FEAR": "fear",
    "HAPPY": "happiness",
    "NEUTRAL": "neutral",
    "SAD": "sadness",
    "SURPRISE": "surprise",
}
NAMES = FileNames(
    patterns=(r"{speaker:[FM]_\d\d}_{name}_S_{sentence}_{emotion}_{take}",),
    example="F_01_OISHI_S_1_ANGRY_1.wav",
    meanings={"emotion": EMOTIONS},
    id="{speaker}_{name}_S_{sentence}_{emotion}_{take}",
)

CORPUS = Corpus(
    name="subesco",
    title="SUBESCO, the SUST Bangla emotional speech corpus (7000 files)",
    version="1.1",
    licence="CC BY 4.0",
    citation=(
        "S. Sultana, M. S. Rahman, M. R. Selim, M. Z. Iqbal: SUST Bangla Emotional Speech Corpus (SUBESCO): An audio-only "
        "emotional speech corpus for Bangla. PLoS ONE 16(4), 2021, e0250173"
    ),
    homepage="https://doi.org/10.5281/zenodo.4526477",
    find_utterances=NAMES.find_utterances,
    subsets=subsets_of(dict.fromkeys(sorted(EMOTIONS.values()), 1000)),
    environment_variable="SUBESCO_ROOT",
)
