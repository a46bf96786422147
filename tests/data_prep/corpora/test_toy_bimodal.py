"""The bimodal toy corpus: an emotion needs both the voice and the words."""

from data_prep.corpora import toy_bimodal


def test_neither_the_voice_nor_the_words_of_the_bimodal_toy_tell_its_emotion_alone():
    signs = {}
    for emotion in toy_bimodal.LABELS:
        words = {word for take in range(2, toy_bimodal.TAKES + 1) for word in toy_bimodal.words_of(1, emotion, take)}
        kinds = [kind for kind in ("good", "bad") if words & set(toy_bimodal.WORDS[kind])]
        signs[emotion] = (*kinds, toy_bimodal.VOICES[emotion])
        assert set(toy_bimodal.words_of(1, emotion, 1)) <= set(toy_bimodal.WORDS["neutral"])
    assert len(set(signs.values())) == 4  # voice and words together
    assert len({kind for kind, _ in signs.values()}) == len({str(voice) for _, voice in signs.values()}) == 2
