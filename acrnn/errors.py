"""Errors that a user can correct: the message names the value and the remedy, and commands show it without a traceback."""

from __future__ import annotations


class UsageError(ValueError):
    """Arguments that are out of range or do not fit together; a command that raises it ends with exit status 2."""


class TaskError(RuntimeError):
    """Tasks that failed, while the others were finished."""


class FileError(ValueError):
    """A file that cannot be used: the message names the file, the problem and the remedy."""


class FieldError(UsageError):
    """A field of a configuration, or an argument of a function, with a value that is not allowed.

    Its text names the field as Python does ("conv_layers 9: choose from 1 to 7"); the command line names the option
    instead, by `shown_as`.

    Args:
        field: name of the field or argument.
        value: the value that was passed.
        problem: the fault and the remedy, in words.
    """

    def __init__(self, field: str, value: object, problem: str):
        super().__init__(field, value, problem)  # all three, so that the error can be pickled between processes
        self.field, self.value, self.problem = field, value, problem

    def __str__(self) -> str:
        return self.shown_as(self.field)

    def shown_as(self, name: str) -> str:
        """Returns the message with another name for the field, such as "--conv-layers"."""
        return f"{name} {_text(self.value)}: {self.problem}".replace(" :", ":", 1)


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def missing_tensorflow(error: ImportError) -> ImportError:
    """Returns the error to raise when TensorFlow is missing; its message says what does without.

    Args:
        error: the original ImportError.
    """
    return ImportError(
        f"TensorFlow is missing ({error}); install it with: pip install tensorflow. Without it, networks are trained on packed "
        "records, with the environment variable KERAS_BACKEND=jax or torch; an export, predictions and records need it"
    )


def missing_extra(extra: str, feature: str, error: ImportError) -> ImportError:
    """Returns the error to raise when an optional dependency is missing; its message names the extra to install.

    Args:
        extra: name in `extras_require` of setup.py.
        feature: the feature that needs the extra.
        error: the original ImportError.
    """
    return ImportError(f'{feature} needs the extra [{extra}] ({error}); install it with: pip install "acrnn[{extra}]"')
