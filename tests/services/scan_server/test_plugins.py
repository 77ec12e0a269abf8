"""What a site's package brings in, and what it must not break."""

from importlib.metadata import EntryPoint

import pytest

from bec_services.data_analysis.fits import models
from bec_services.scan_server import __main__ as main, scans
from bec_services.scan_server.program.scan import FIT_MODELS


@pytest.fixture
def entries(monkeypatch):
    def give(*values):
        made = [EntryPoint(f"own{i}", v, "bec.scans") for i, v in enumerate(values)]
        monkeypatch.setattr(main, "entry_points", lambda group: made)

    return give


@pytest.mark.parametrize(
    "value", ["no_such_package:Scan", "os:system", "os.path", "json:NoSuchName"]
)
def test_a_broken_plugin_costs_its_own_scan_only_and_is_told(entries, value):
    entries(value)
    told = []
    found = main.load_scans(told.append)
    assert len(found) == len(scans.__all__)
    assert "own0" in told[0]


def test_a_good_plugin_beside_a_broken_one_is_there(entries):
    entries("os:system", "bec_services.scan_server.scans:LineScan")
    assert len(main.load_scans(lambda _: None)) == len(scans.__all__) + 1


@pytest.mark.parametrize("model", FIT_MODELS)
def test_every_model_one_may_ask_for_is_one_that_lmfit_has(model):
    names = models.names()
    assert model in names or models._plain(model) in map(models._plain, names)
