"""Maps of embeddings: neighbors stay neighbors, a map is the same each time, and states what it shows."""

import numpy as np
import pytest

from acrnn.figures import embedding_map, no_map


def clusters(count: int = 60, units: int = 8) -> tuple[np.ndarray, list[str]]:
    """Embeddings of three far groups, in turn, and the names of their groups."""
    generator = np.random.default_rng(0)
    groups = np.arange(count) % 3
    return 20.0 * np.eye(units)[groups] + generator.normal(size=(count, units)), [f"group {each}" for each in groups]


def is_separated(drawn) -> bool:
    """True if every point lies closest to the center of its own emotion."""
    positions, names = drawn.positions, drawn.groups["emotion"]
    centers = {name: positions[[each == name for each in names]].mean(axis=0) for name in set(names)}
    closest = [min(centers, key=lambda each: np.linalg.norm(position - centers[each])) for position in positions]
    return closest == list(names)


def test_groups_of_embeddings_are_groups_on_the_map():
    vectors, names = clusters()
    assert is_separated(embedding_map(vectors, {"emotion": names}))


def test_the_same_embeddings_give_the_same_map_with_a_panel_and_a_legend_for_each_kind_of_group():
    vectors, names = clusters()
    first, second = (embedding_map(vectors, {"emotion": names, "speaker": names[::-1]}) for _ in range(2))
    assert (first.positions == second.positions).all()
    emotion, speaker = first.draw().axes
    assert (emotion.get_title(), speaker.get_title()) == ("By emotion", "By speaker")
    assert [text.get_text() for text in emotion.get_legend().get_texts()] == ["group 0", "group 1", "group 2"]
    drawn = {points.get_label(): points.get_offsets() for points in speaker.collections}
    assert np.allclose(drawn["group 0"], first.positions[[name == "group 0" for name in names[::-1]]])


def test_of_many_utterances_some_are_drawn_with_their_own_groups(monkeypatch):
    monkeypatch.setattr("acrnn.figures.maps.MOST", 30)
    vectors, names = clusters()
    drawn = embedding_map(vectors, {"emotion": names})
    assert is_separated(drawn)
    assert len(drawn.positions) == 30 and "30 of 60 utterances, drawn at random: 8 values each" in drawn.caption
    assert "perplexity 9, seed 0" in drawn.caption
    assert "of 60 utterances: 8 values" not in drawn.caption


def test_a_map_of_few_or_equal_embeddings_is_refused_in_a_sentence():
    vectors, names = clusters()
    assert no_map(vectors) is None and no_map(vectors[:10]) is None
    assert no_map(vectors[:9]) == "A map of embeddings needs at least 10 utterances; there are 9."
    assert no_map(np.ones((12, 8))).startswith("The embeddings of all 12 utterances are the same")
    with pytest.raises(ValueError, match="needs at least 10 utterances"):
        embedding_map(vectors[:9], {"emotion": names[:9]})


def test_many_groups_have_different_signs_and_no_legend_beyond_the_page():
    generator = np.random.default_rng(0)
    (axes,) = embedding_map(generator.normal(size=(45, 3)), {"speaker": [str(n) for n in range(45)]}).draw().axes
    assert axes.get_legend() is None and "45 colors and shapes" in axes.get_xlabel()
    signs = {(*points.get_facecolor()[0], points.get_paths()[0].vertices.tobytes()) for points in axes.collections}
    assert len(signs) == 45
