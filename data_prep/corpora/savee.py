"""SAVEE: four men (DC, JE, JK, KL), English sentences of TIMIT, seven emotions, 480 recordings at 44.1 kHz.

Licence: free for research, after registration. Counts: neutral 120, the other emotions 60 each; 120 recordings of each speaker.
The first letters of a file name are the emotion: "sa" and "su" are sadness and surprise. The release has one folder per speaker
(DC/a01.wav), a common copy one folder for all (DC_a01.wav); the ids are those of the copy.
"""

from data_prep.corpora.base import Corpus
from data_prep.corpora.file_names import FileNames, subsets_of

EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}
NAMES = FileNames(
    patterns=(
        r"{speaker:DC|JE|JK|KL}_{emotion}{sentence:\d\d}",
        r"{speaker:DC|JE|JK|KL}/{emotion}{sentence:\d\d}",
    ),
    example="DC_a01.wav or DC/a01.wav",
    meanings={"emotion": EMOTIONS},
    id="{speaker}_{emotion}{sentence}",
)

CORPUS = Corpus(
    name="savee",
    title="SAVEE, the Surrey audio-visual expressed emotion database (480 files)",
    version="audio",
    licence="free of charge for research, after registration",
    citation=(
        "S. Haq, P. J. B. Jackson: Multimodal Emotion Recognition. In: W. Wang (ed.): Machine Audition: Principles, Algorithms "
        "and Systems. IGI Global, 2010, pp. 398-423"
    ),
    homepage="http://kahlan.eps.surrey.ac.uk/savee/",
    find_utterances=NAMES.find_utterances,
    subsets=subsets_of({emotion: 120 if emotion == "neutral" else 60 for emotion in sorted(EMOTIONS.values())}),
    environment_variable="SAVEE_ROOT",
)
