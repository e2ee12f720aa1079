"""Defaults and ids are those of tests/reference/identity.json: results on disk are found by these ids."""

import json

import pytest
from identity_snapshot import FILE, changed_defaults, snapshot

ANEW = "write tests/reference/identity.json anew with: python tests/support/identity_snapshot.py"


@pytest.fixture(scope="module")
def both():
    """What was written down, and what is so now."""
    return json.loads(FILE.read_text()), json.loads(json.dumps(snapshot()))


def test_no_default_has_changed(both):
    """Ids leave out what has its default: under another one the same id would be another run."""
    changed = changed_defaults(*both)
    assert not changed, f"{changed}: raise MEANING in geomsym/results/identity.py, then {ANEW}"


def test_the_ids_are_those_of_before(both):
    before, now = both
    reason = "the same configurations have other ids, and what was computed is not found any more. If that must be"
    assert now["ids"] == before["ids"], f"{reason}, raise MEANING in geomsym/results/identity.py, then {ANEW}"


def test_every_default_and_option_is_written_down(both):
    before, now = both
    assert now == before, f"a new key changes no id, and an option with other values has another one: {ANEW}"


def test_another_default_is_noticed_and_a_new_key_is_none(both):
    before, now = json.loads(json.dumps(both))
    now["defaults"]["ArchitectureConfig"]["dropout"] = 0.0
    now["defaults"]["MixerConfig"] = {"name": "mixer"}
    assert changed_defaults(before, now) == []
    now["defaults"]["ArchitectureConfig"]["width"] = 33
    del now["defaults"]["DataConfig"]["flip"]
    assert changed_defaults(before, now) == ["ArchitectureConfig.width", "DataConfig.flip"]
