"""Packaging of ACRNN; `pip install .` installs what the main job needs, extras add the rest."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "acrnn" / "__init__.py").read_text(encoding="utf-8"))[1]

setup(
    name="acrnn",
    version=VERSION,
    description="Speech emotion recognition with 3-D attention-based convolutional recurrent networks, without leakage",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["acrnn*", "data_prep*", "experiments*"]),
    package_data={"acrnn": ["templates/*"]},
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "keras>=3.15,<4; python_version>='3.11'",
        "keras>=3.12,<4; python_version<'3.11'",  # the last that runs on Python 3.10
        "numpy>=1.26",
        "scipy>=1.11",
        "python_speech_features>=0.6",
        "librosa>=0.11",
        "soundfile>=0.13",
        "soxr>=0.5",
        "scikit-learn>=1.5",
        "pooch>=1.8",
        "matplotlib>=3.9",
        "jinja2>=3.1",
    ],
    extras_require={
        "audformat": ["audformat>=1.3"],
        "tune": ["keras-tuner>=1.4.8,<1.5"],  # its chief and its oracles are used from within
        "test": ["pytest>=8", "ruff>=0.14", "audformat>=1.3", "jax>=0.4.30", "keras-tuner>=1.4.8,<1.5"],
    },
    entry_points={"console_scripts": ["acrnn=acrnn.cli:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Topic :: Multimedia :: Sound/Audio :: Speech",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)),
    ],
)
