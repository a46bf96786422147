"""TESS: two actresses, aged 64 (OAF) and 26 (YAF), 200 words in "Say the word …", seven emotions, 2800 recordings at 24.4 kHz.

Licence: CC BY-NC-ND 4.0. Counts: 400 of each emotion, half of each speaker; the surprise is pleasant.

Known faults: OA_bite_neutral.wav is of speaker OAF. A common download holds a second copy of all files in a folder of the same
name, which is left out. Two speakers are too few for training, validation and test with different speakers, and one sentence makes
a split within speakers easy: TESS serves as a test of a model trained on another corpus.
"""

from data_prep.corpora.base import Corpus
from data_prep.corpora.file_names import FileNames, subsets_of

EMOTIONS = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "ps": "surprise",
    "sad": "sadness",
}
NAMES = FileNames(
    patterns=("{speaker}_{word}_{emotion}",),
    example="OAF_back_angry.wav",
    meanings={"speaker": {"OAF": "OAF", "OA": "OAF", "YAF": "YAF"}, "emotion": EMOTIONS},
    id="{speaker}_{word}_{emotion}",
    text="Say the word {word}.",
)

CORPUS = Corpus(
    name="tess",
    title="TESS, the Toronto emotional speech set (2800 files)",
    version="release of 2010",
    licence="CC BY-NC-ND 4.0: non-commercial use",
    citation="M. K. Pichora-Fuller, K. Dupuis: Toronto emotional speech set (TESS). University of Toronto, 2010",
    homepage="https://doi.org/10.5683/SP2/E8H2MF",
    find_utterances=NAMES.find_utterances,
    subsets=subsets_of(dict.fromkeys(sorted(EMOTIONS.values()), 400)),
    environment_variable="TESS_ROOT",
)
