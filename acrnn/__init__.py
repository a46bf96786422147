"""Speech emotion recognition with 3-D attention-based convolutional recurrent networks, after Chen et al. (2018)."""

import os

# TensorFlow reads this when it is loaded: warnings and errors are shown, its notes on the hardware are not.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

__version__ = "0.1.0"
