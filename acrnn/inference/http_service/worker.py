"""Predictions in a thread of their own, one request after the other, so that the service answers others meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor

from acrnn.audio import AudioError, Content
from acrnn.inference.prediction import Failure, Prediction
from acrnn.inference.recognizer import Recognizer
from acrnn.inference.uploads import check_length


class Worker:
    """Recognizes the sounds of requests.

    Args:
        recognizer: the model.
        most_seconds: length of the longest sound; a model with a lower limit keeps its own.
    """

    def __init__(self, recognizer: Recognizer, most_seconds: float):
        self.recognizer = recognizer
        self.most_seconds = min(most_seconds, recognizer.card.max_seconds)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="predictions")

    async def results(self, sounds: Sequence[Content]) -> list[Prediction | Failure]:
        """Returns the result for each sound, in order; stops the work on them if the caller is canceled."""
        abandoned = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._results, sounds, abandoned)
        finally:
            abandoned.set()

    def close(self) -> None:
        """Ends the thread; requests that wait are canceled."""
        self._thread.shutdown(cancel_futures=True)

    def _results(self, sounds: Sequence[Content], abandoned: threading.Event) -> list[Prediction | Failure]:
        entries = [self._failure(sound) or sound for sound in sounds]
        usable = (entry for entry in entries if isinstance(entry, Content))
        predictions = self.recognizer.predict_files(_until_abandoned(usable, abandoned))
        return [entry if isinstance(entry, Failure) else next(predictions) for entry in entries]

    def _failure(self, sound: Content) -> Failure | None:
        try:
            check_length(sound, self.most_seconds, "this service")
        except (AudioError, OSError) as error:
            return Failure(sound.name, str(error))
        return None


def _until_abandoned(sounds: Iterable[Content], abandoned: threading.Event) -> Iterator[Content]:
    for sound in sounds:
        if abandoned.is_set():
            raise CancelledError
        yield sound
