"""AlexNet and its weights: counts by hand, agreement with ONNX Runtime and PyTorch, and files that must not be trusted."""

import json
import os
import pickle
import struct
import zipfile
from dataclasses import replace

import keras
import numpy as np
import pytest
from support.alexnet_files import SIZE, UNITS, WIDTH, Foreign

from acrnn.models.zhang2021 import alexnet, alexnet_weights, weight_files
from acrnn.models.zhang2021.alexnet import ResponseNormalization
from acrnn.models.zhang2021.config import LAYOUTS


@pytest.mark.parametrize(
    ("layout", "convolutions"),
    [
        ("paper", (34944, 614656, 885120, 1327488, 884992)),
        ("caffe", (34944, 307456, 885120, 663936, 442624)),
        ("torchvision", (23296, 307392, 663936, 884992, 590080)),
    ],
)
def test_the_layouts_have_as_many_weights_as_counted_by_hand(layout, convolutions):
    model = alexnet.build(LAYOUTS[layout], 227, fc_units=8)
    assert model.get_layer("flatten").output.shape == (None, 9216)
    fully = (9216 * 8 + 8) + (8 * 8 + 8)
    assert model.count_params() == sum(convolutions) + fully


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_weight_of_every_layout_has_a_gradient_on_this_processor(layout):
    model = alexnet.build(LAYOUTS[layout], 67, 0.1, 8)
    before = model.get_weights()
    model.compile("sgd", "mse")
    model.train_on_batch(np.random.default_rng(0).normal(size=(8, 67, 67, 3)), np.ones((8, 8)))
    moved = [np.abs(new - old).max() > 0 for new, old in zip(model.get_weights(), before, strict=True)]
    assert all(moved), [weight.path for weight, has in zip(model.weights, moved, strict=True) if not has]


def test_response_normalization_is_the_formula_with_caffes_alpha():
    maps = np.random.default_rng(0).normal(0, 40, (2, 3, 3, 7)).astype(np.float32)
    expected = np.empty_like(maps)
    for place in range(7):
        energy = (maps[..., max(0, place - 2) : place + 3] ** 2).sum(axis=-1)
        expected[..., place] = maps[..., place] / (1 + 1e-4 / 5 * energy) ** 0.75
    np.testing.assert_allclose(ResponseNormalization()(maps), expected, rtol=1e-5)


def write_safetensors(path, arrays):
    header, values = {}, b""
    for name, value in arrays.items():
        raw = np.ascontiguousarray(value).tobytes()
        header[name] = {"dtype": "F32", "shape": value.shape, "data_offsets": [len(values), len(values) + len(raw)]}
        values += raw
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + values)


def state_dict(arrays):
    """The pickle of a state_dict as torch.save writes it, put together by hand."""

    def text(value):
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    def numbers(values):
        return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"

    program = b"\x80\x02ccollections\nOrderedDict\n)R("
    for key, (name, value) in enumerate(arrays.items()):
        storage = text("storage") + b"ctorch\nFloatStorage\n" + text(str(key)) + text("cpu")
        program += text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(("
        program += storage + b"J" + struct.pack("<i", value.size) + b"tQK\x00" + numbers(value.shape)
        program += numbers([stride // 4 for stride in np.ascontiguousarray(value).strides])
        program += b"\x89ccollections\nOrderedDict\n)RtR"
    return program + b"u."


def write_old_pth(path, arrays):
    """A file as torch.save wrote it before PyTorch 1.6."""
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    content = b"".join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, machine))
    content += state_dict(arrays) + pickle.dumps([str(key) for key in range(len(arrays))], 2)
    for value in arrays.values():
        content += struct.pack("<q", value.size) + np.ascontiguousarray(value).tobytes()
    path.write_bytes(content)


def write_pth(path, arrays, pickled=None):
    """A file as torch.save writes a state_dict."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled or state_dict(arrays))
        for key, value in enumerate(arrays.values()):
            archive.writestr(f"archive/data/{key}", np.ascontiguousarray(value).tobytes())


def write_files(folder, foreign):
    if foreign.layout == "caffe":
        np.save(folder / "weights.npy", foreign.as_caffe(), allow_pickle=True)
        return [folder / "weights.npy"]
    write_pth(folder / "weights.pth", foreign.as_torchvision())
    write_safetensors(folder / "weights.safetensors", foreign.as_torchvision())
    write_old_pth(folder / "old.pth", foreign.as_torchvision())
    return [folder / "weights.pth", folder / "old.pth", folder / "weights.safetensors"]


def built(layout):
    return alexnet.build(LAYOUTS[layout], SIZE, WIDTH, UNITS)


@pytest.mark.parametrize("layout", ["caffe", "torchvision"])
def test_weights_from_a_file_say_what_they_say_in_another_implementation(layout, tmp_path):
    foreign = Foreign.random(layout)
    pictures = np.random.default_rng(1).normal(size=(3, SIZE, SIZE, 3)).astype(np.float32)
    theirs = pictures.transpose(0, 3, 1, 2)
    if layout == "caffe":  # blue first, in steps of 0 to 255 about the mean
        theirs = theirs[:, ::-1] * np.float32(255 * np.mean([0.229, 0.224, 0.225]))
    expected = foreign.fc7(np.ascontiguousarray(theirs))
    assert (expected > 0.01).mean() > 0.2
    for path in write_files(tmp_path, foreign):
        model = built(layout)
        weights = alexnet_weights.read(path)
        assert weights.layout == layout
        weights.assign(model)
        np.testing.assert_allclose(np.asarray(model(pictures)), expected, rtol=2e-3, atol=2e-3, err_msg=path.name)


def test_weights_of_a_file_that_pytorch_wrote_say_what_they_say_in_pytorch(tmp_path):
    torch = pytest.importorskip(
        "torch", reason="PyTorch is not installed: pip install -e '.[test-torch]'", exc_type=ImportError
    )
    foreign = Foreign.random("torchvision", seed=3)
    state = {name: torch.tensor(value) for name, value in foreign.as_torchvision().items()}
    torch.save(state, tmp_path / "weights.pth")
    nn, functional = torch.nn, torch.nn.functional
    pictures = np.random.default_rng(1).normal(size=(3, SIZE, SIZE, 3)).astype(np.float32)
    x = torch.tensor(pictures.transpose(0, 3, 1, 2).copy())
    for number, place in enumerate((0, 3, 6, 8, 10), 1):
        kernel, bias = state[f"features.{place}.weight"], state[f"features.{place}.bias"]
        options = {"stride": 4, "padding": 2} if number == 1 else {"padding": kernel.shape[2] // 2}
        x = functional.relu(functional.conv2d(x, kernel, bias, **options))
        x = nn.MaxPool2d(3, 2)(x) if number in (1, 2, 5) else x
    x = x.flatten(1)
    for place in (1, 4):
        x = functional.relu(
            functional.linear(x, state[f"classifier.{place}.weight"], state[f"classifier.{place}.bias"])
        )
    model = built("torchvision")
    alexnet_weights.read(tmp_path / "weights.pth").assign(model)
    np.testing.assert_allclose(np.asarray(model(pictures)), x.numpy(), rtol=2e-3, atol=2e-3)


def old_pickle(name, value):
    """A dict of one array as Python 2's NumPy pickled it, its bytes as a string."""
    raw = value.astype("<f4").tobytes()
    shape = b"(" + b"".join(b"K" + bytes([count]) for count in value.shape) + b"t"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01" + shape
    array += b"cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
    array += b"T" + struct.pack("<I", len(raw)) + raw + b"tb"
    return b"\x80\x02}(U" + bytes([len(name)]) + name.encode() + array + b"u."


def write_npy(path, pickled):
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        file.write(pickled)


def boxed(value):
    whole = np.empty((), object)
    whole[()] = value
    return whole


@pytest.mark.parametrize("protocol", range(2, 6))
def test_arrays_of_any_order_and_type_come_back_as_they_were_pickled(protocol, tmp_path):
    generator = np.random.default_rng(0)
    data = {
        "a": [generator.normal(size=(2, 3, 4)).astype(np.float32), np.arange(5)],
        "b": (np.asfortranarray(generator.normal(size=(3, 4))), 1.5, None, True, "text"),
        "c": generator.normal(size=6).astype(">f4"),
    }
    write_npy(tmp_path / "data.npy", pickle.dumps(boxed(data), protocol))
    found = weight_files.read(tmp_path / "data.npy")
    assert found.keys() == data.keys() and found["b"][1:] == data["b"][1:]
    for one, other in zip([*found["a"], found["b"][0], found["c"]], [*data["a"], data["b"][0], data["c"]], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_of_the_days_of_python_2_is_read(tmp_path):
    value = np.arange(6, dtype=np.float32).reshape(2, 3) + 0.5
    write_npy(tmp_path / "old.npy", old_pickle("conv1", value))
    np.testing.assert_array_equal(weight_files.read(tmp_path / "old.npy")["conv1"], value)


class Malicious:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", ["npy", "pth"])
def test_a_file_that_would_run_something_is_refused_and_runs_nothing(kind, protocol, tmp_path):
    path, written = tmp_path / f"weights.{kind}", tmp_path / "written"
    pickled = pickle.dumps({"conv1": Malicious(written)}, protocol)
    write_npy(path, pickled) if kind == "npy" else write_pth(path, {}, pickled)
    with pytest.raises(
        ValueError, match=rf"weights.{kind}: it asks for posix.system|a step [A-Z]+, which no array needs"
    ):
        alexnet_weights.read(path)
    assert not written.exists()
    pickle.loads(pickled)  # or else nothing was shown
    assert written.exists()


@pytest.mark.parametrize(
    "called",
    [
        "builtins\neval",
        "numpy\nload",
        "numpy.core.multiarray\nfromfile",
        "torch\nload",
        "os\nsystem",
        "_codecs\nlookup",
    ],
)
def test_no_name_but_those_of_arrays_is_answered(called, tmp_path):
    write_npy(tmp_path / "weights.npy", b"\x80\x02c" + called.encode() + b"\n(U\x011tR.")
    with pytest.raises(ValueError, match="which no array needs; nothing in it was run"):
        weight_files.read(tmp_path / "weights.npy")


def test_an_old_file_of_pytorch_that_is_cut_off_or_lies_about_its_size_is_refused(tmp_path):
    path, arrays = tmp_path / "weights.pth", {"a": np.ones((2, 3), np.float32)}
    write_old_pth(path, arrays)
    content = path.read_bytes()
    for wrong, message in (
        (content[:-1], "a storage is cut off"),
        (content.replace(b"J\x06\x00\x00\x00", b"J\xff\xff\xff\x7f", 1), "larger than the file"),
        (pickle.dumps({"a": 1}, 2), "a pickle, but none of torch.save"),
    ):
        path.write_bytes(wrong)
        with pytest.raises(ValueError, match=message):
            weight_files.read(path)


def test_a_tensor_that_lies_outside_of_its_storage_is_refused(tmp_path):
    write_pth(tmp_path / "good.pth", {"a": np.ones((2, 3), np.float32)})
    with zipfile.ZipFile(tmp_path / "good.pth") as archive:
        program = archive.read("archive/data.pkl")
    for wrong in (program.replace(b"QK\x00", b"QK\x01"), program.replace(b"J\x03\x00\x00\x00", b"J\x09\x00\x00\x00")):
        assert wrong != program
        write_pth(tmp_path / "wrong.pth", {"a": np.ones((2, 3), np.float32)}, wrong)
        with pytest.raises(ValueError, match="a tensor lies outside of its storage"):
            weight_files.read(tmp_path / "wrong.pth")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged, or in another format"),
        (b"\x80\x02}q\x00.", "a pickle, but none of torch.save"),
        (b"PK\x03\x04 cut off", "damaged, or in another format"),
        (b"\x93NUMPY\x01\x00", "damaged, or in another format"),
        (struct.pack("<Q", 8) + b"not json", "no header of safetensors"),
    ],
)
def test_a_damaged_or_foreign_file_is_named(content, message, tmp_path):
    (tmp_path / "weights").write_bytes(content)
    with pytest.raises(ValueError, match=f"{tmp_path / 'weights'}: .*{message}"):
        alexnet_weights.read(tmp_path / "weights")
    with pytest.raises(FileNotFoundError, match="nowhere: no such file"):
        alexnet_weights.read(tmp_path / "nowhere")


def test_weights_of_another_network_or_size_are_refused(tmp_path):
    np.save(tmp_path / "other.npy", {"layer1": [np.ones(3)]}, allow_pickle=True)
    with pytest.raises(ValueError, match=r"other.npy: holds layer1 …, no AlexNet of Caffe"):
        alexnet_weights.read(tmp_path / "other.npy")
    (path,) = write_files(tmp_path, Foreign.random("caffe"))
    weights = alexnet_weights.read(path)
    for model in (built("paper"), alexnet.build(LAYOUTS["caffe"], SIZE, 2 * WIDTH, UNITS)):
        with pytest.raises(ValueError, match="build the network with layout='caffe' and the size of the weights"):
            weights.assign(model)
    with pytest.raises(ValueError, match="fc_6 has the shapes"):
        replace(weights, arrays={"fc_6": weights.arrays["fc_6"]}).assign(
            alexnet.build(LAYOUTS["caffe"], 67, WIDTH, UNITS)
        )


def test_a_saved_network_of_every_layout_loads_in_safe_mode(tmp_path):
    pictures = np.random.default_rng(0).normal(size=(2, SIZE, SIZE, 3)).astype(np.float32)
    for layout in LAYOUTS:
        model = built(layout)
        model.save(tmp_path / "alexnet.keras")
        loaded = keras.saving.load_model(tmp_path / "alexnet.keras", safe_mode=True)
        np.testing.assert_allclose(np.asarray(loaded(pictures)), np.asarray(model(pictures)), atol=1e-6)
