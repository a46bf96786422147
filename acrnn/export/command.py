"""`acrnn export`: the job behind the command line."""

from __future__ import annotations

import argparse

from acrnn.console import import_quietly
from acrnn.export import serving, version_folder
from acrnn.progress import ProgressLine


def export(options: argparse.Namespace) -> int:
    """Exports the run, or the refit, that the options name; returns the exit status."""
    version_folder.check(options.out, options.format, options.replace, options.serving)
    if options.serving:
        serving.require()
    import_quietly("tensorflow")
    estimate = version_folder.estimate_of(options.folder)
    trained = _refitted(options) if options.refit else _of_run(options)
    card = version_folder.export(
        trained, options.out, options.format, estimate, options.replace, options.serving, print
    )
    print(f"{options.out}: {card.name}, {card.summary}, says {', '.join(card.labels)}")
    return 0


def _of_run(options: argparse.Namespace):
    from acrnn.export.trained_model import Trained

    return Trained.of_run(options.folder, options.fold or 0, options.seed)


def _refitted(options: argparse.Namespace):
    from acrnn.export.refit import refit
    from acrnn.recipes import initial_weights

    with ProgressLine("fitting on all speakers", "epochs") as progress:
        return refit(
            options.folder,
            options.records,
            options.seed,
            lambda epoch, total: progress.update(epoch.epoch, total, f"(loss {epoch.loss:.3f})"),
            initial_weights.from_options(options.imagenet_weights, options.pretrain),
        )
