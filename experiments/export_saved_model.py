"""Exports a finished run, or a network refitted on every speaker, as a model that takes waveforms.

    python experiments/export_saved_model.py --run runs/emodb_chen2018-3d --fold 0 --out saved_models/acrnn_emodb/1
    python experiments/export_saved_model.py --run runs/emodb_chen2018-3d --refit --records records/emodb_chen2018 \
        --format saved-model,onnx,litert --out saved_models/acrnn_emodb/1

The same as `acrnn export`. With --refit one network is trained first, which takes as long as one run of the experiment.
"""

import sys
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn.cli import main

if __name__ == "__main__":
    sys.exit(main(["export", *sys.argv[1:]]))
