"""Which networks a measurement of rendered pictures opens."""

import argparse

import pytest

from lpr.detector import packaged_detector_weights
from lpr.errors import WeightsError
from lpr.rectifier import packaged_rectifier_weights
from lpr.sequence import packaged_reader_weights
from lpr.training import networks
from lpr.training.networks import add_network_arguments, chosen_networks

SHIPPED = {
    "--detector": packaged_detector_weights,
    "--rectifier": packaged_rectifier_weights,
    "--reader": packaged_reader_weights,
}


def chosen(*arguments):
    parser = argparse.ArgumentParser()
    add_network_arguments(parser)
    return chosen_networks(parser.parse_args([str(one) for one in arguments]))


def test_what_a_file_holds_takes_the_place_of_what_ships(tmp_path, monkeypatch):
    asked = []

    def noted(name, made):
        load = getattr(networks, name).load
        one = load(made)
        loader = type("Loader", (), {"load": lambda data: asked.append(data) or one})
        monkeypatch.setattr(networks, name, loader)
        return one

    detector = noted("NetworkDetector", packaged_detector_weights())
    rectifier = noted("Rectifier", packaged_rectifier_weights())
    path = tmp_path / "own.onnx"
    path.write_bytes(b"own")
    assert chosen("--detector", path)[0] is detector
    assert chosen("--rectifier", path)[0].rectifier is rectifier
    assert asked == [b"own", packaged_detector_weights(), b"own"]


def test_a_reader_of_a_file_has_no_second_look(tmp_path):
    path = tmp_path / "own.onnx"
    path.write_bytes(packaged_reader_weights())
    assert chosen("--reader", path)[1].second is None
    assert chosen()[1].second is not None


@pytest.mark.parametrize("option", SHIPPED)
def test_a_file_with_other_weights_is_named(option, tmp_path):
    others = dict(zip(SHIPPED, reversed(SHIPPED.values()), strict=True))
    others["--rectifier"] = packaged_reader_weights
    path = tmp_path / "others.onnx"
    for data in (b"nothing", others[option]()):
        path.write_bytes(data)
        with pytest.raises(WeightsError, match=r"others\.onnx: "):
            chosen(option, path)
    with pytest.raises(OSError, match=r"none\.onnx"):
        chosen(option, tmp_path / "none.onnx")
