"""nEMO: nine speakers, ninety Polish sentences, six emotions, 4481 recordings at 24 kHz in the folder samples.

Licence: CC BY-NC-SA 4.0, non-commercial use only. Counts: up to ninety of each speaker and emotion. The file name holds
speaker, emotion and the number of the sentence; data.tsv beside the folder has the transcripts, and is not read.
"""

from data_prep.corpora.base import Corpus
from data_prep.corpora.file_names import FileNames, subsets_of

EMOTIONS = {name: name for name in ("anger", "fear", "happiness", "neutral", "sadness")} | {"surprised": "surprise"}
NAMES = FileNames(
    patterns=(r"{speaker:[A-Z][A-Z]\d}_{emotion}_{sentence:\d+}",),
    example="EB0_anger_1.wav",
    meanings={"emotion": EMOTIONS},
    id="{speaker}_{emotion}_{sentence}",
)
_COUNTS = {"anger": 749, "fear": 736, "happiness": 749, "neutral": 809, "sadness": 769, "surprise": 669}

CORPUS = Corpus(
    name="nemo",
    title="nEMO, a dataset of emotional speech in Polish (4481 files)",
    version="2024, 24 kHz",
    licence="CC BY-NC-SA 4.0 (non-commercial)",
    citation="I. Christop: nEMO: Dataset of Emotional Speech in Polish. LREC-COLING 2024, arXiv:2404.06292",
    homepage="https://github.com/amu-cai/nEMO",
    find_utterances=NAMES.find_utterances,
    subsets=subsets_of(_COUNTS),
    environment_variable="NEMO_ROOT",
)
