"""Worker processes that end with the process that started them, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import threading

# A fresh interpreter a worker: a forked copy of a process that holds TensorFlow's threads may hang.
CONTEXT = multiprocessing.get_context("spawn")


def end_with_parent() -> None:
    """Called first in a worker: when its parent is gone, killed without a chance to clean up, the worker goes too.

    It would otherwise go on with work that a second call of the same command does again.
    """
    parent = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
