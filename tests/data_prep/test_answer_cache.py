"""The cache of slow programs: an answer is computed once, whatever a killed process left of a line."""

from data_prep.answer_cache import cached_answers
from data_prep.corpora.base import Utterance


def answers_of(corpus, cache, answer="said\u2028näh"):
    """Returns the answers of a program that answers everything alike, and how often it ran."""
    runs = []
    files = [corpus / f"s0_{emotion}_0.wav" for emotion in ("high", "low")]
    utterances = [Utterance(path.stem, path, "s0", "s0", "high") for path in [*files, corpus / "gone.wav"]]

    def make_program():
        return lambda waveform: runs.append(len(waveform)) or answer

    return cached_answers(utterances, "program 1", make_program, cache, 16000), len(runs)


def test_answers_are_kept_whatever_a_killed_call_left_of_a_line(corpus, tmp_path):
    cache = tmp_path / "asr.jsonl"
    expected = {
        "s0_high_0": "said\u2028näh",
        "s0_low_0": "said\u2028näh",
        "gone": "",
    }  # a recording that does not exist
    assert answers_of(corpus, cache) == (expected, 2)
    assert answers_of(corpus, cache, "anew") == (expected, 0)
    first, second, end = cache.read_bytes().split(b"\n")
    assert end == b"" and first != second
    inside_a_letter = second.index("ä".encode()) + 1
    for length in (20, inside_a_letter, len(second)):
        cache.write_bytes(first + b"\n" + second[:length])
        answers = {**expected, **({"s0_low_0": "anew"} if length < len(second) else {})}
        assert answers_of(corpus, cache, "anew") == (answers, int(length < len(second)))
        assert answers_of(corpus, cache, "again") == (answers, 0)
