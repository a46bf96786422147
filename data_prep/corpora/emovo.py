"""EMOVO: three women (f1-f3) and three men (m1-m3), 14 Italian sentences, seven emotions, 588 recordings at 48 kHz in stereo.

Licence: none is published; the data are offered for research. Counts: 84 of each emotion, 98 of each speaker. All speakers say the
same sentences: b1-b3 short, l1-l4 long, d1-d2 questions, n1-n5 without meaning.
"""

from data_prep.corpora.base import Corpus
from data_prep.corpora.file_names import FileNames, subsets_of

EMOTIONS = {
    "dis": "disgust",
    "gio": "happiness",
    "neu": "neutral",
    "pau": "fear",
    "rab": "anger",
    "sor": "surprise",
    "tri": "sadness",
}
NAMES = FileNames(
    patterns=("{emotion}-{speaker:[fm][1-3]}-{sentence:b[1-3]|l[1-4]|n[1-5]|d[12]}",),
    example="dis-f1-b1.wav",
    meanings={"emotion": EMOTIONS},
    id="{emotion}-{speaker}-{sentence}",
)

CORPUS = Corpus(
    name="emovo",
    title="EMOVO, an Italian emotional speech database (588 files)",
    version="release of 2014, 48 kHz",
    licence="no licence is published; ask the authors before any use but research",
    citation=(
        "G. Costantini, I. Iaderola, A. Paoloni, M. Todisco: EMOVO Corpus: an Italian Emotional Speech Database. LREC 2014, "
        "pp. 3501-3504"
    ),
    homepage="http://voice.fub.it/activities/corpora/emovo/index.html",
    find_utterances=NAMES.find_utterances,
    subsets=subsets_of(dict.fromkeys(sorted(EMOTIONS.values()), 84)),
    environment_variable="EMOVO_ROOT",
)
