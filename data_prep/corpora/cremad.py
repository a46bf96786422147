"""CREMA-D: 91 actors, twelve English sentences, six emotions, 7442 recordings, at 16 kHz in the folder AudioWAV.

Licence: ODbL 1.0 for the database, DbCL 1.0 for its contents. Counts: neutral 1087, the other emotions 1271 each; 82 recordings of
a complete speaker. The first sentence is spoken at three levels of intensity (LO, MD, HI), the others at one (XX). The emotion is
the one that was acted; listeners recognized 41 % from the sound.

Known faults: 1040_ITH_SAD_X.wav lacks a letter. 1076_MTI_SAD_XX.wav is silent: the preparation leaves it out with skip_bad. Three
pairs of one speaker are reported to have the same samples under two emotions: the preparation names and refuses them. A clone
without Git LFS holds text files of 130 bytes instead of sound.
"""

from data_prep.corpora.base import Corpus, Subset
from data_prep.corpora.file_names import FileNames

EMOTIONS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happiness", "NEU": "neutral", "SAD": "sadness"}
SENTENCES = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
NAMES = FileNames(
    patterns=(r"{speaker:10\d\d}_{sentence}_{emotion}_{intensity:LO|MD|HI|XX?}",),
    example="1001_DFA_ANG_XX.wav",
    meanings={"emotion": EMOTIONS, "sentence": SENTENCES},
    id="{speaker}_{sentence}_{emotion}_{intensity}",
    text="{sentence}",
)
_COUNTS = {"anger": 1271, "disgust": 1271, "fear": 1271, "happiness": 1271, "neutral": 1087, "sadness": 1271}

CORPUS = Corpus(
    name="cremad",
    title="CREMA-D, the crowd-sourced emotional multimodal actors dataset (7442 files)",
    version="AudioWAV, 16 kHz",
    licence="ODbL 1.0 (database), DbCL 1.0 (contents)",
    citation=(
        "H. Cao, D. G. Cooper, M. K. Keutmann, R. C. Gur, A. Nenkova, R. Verma: CREMA-D: Crowd-sourced Emotional Multimodal "
        "Actors Dataset. IEEE Transactions on Affective Computing 5(4), 2014, pp. 377-390"
    ),
    homepage="https://github.com/CheyneyComputerScience/CREMA-D",
    find_utterances=NAMES.find_utterances,
    subsets={"all": Subset(labels=tuple(_COUNTS), expected=_COUNTS)},
    environment_variable="CREMAD_ROOT",
)
