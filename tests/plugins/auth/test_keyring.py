import json
import multiprocessing
import stat

import pytest

from twap.plugins.auth.keyring import FILE_NAME, load_keyring, rotate
from twap.ports.errors import WrongSetting

SECRET = "0123456789abcdef0123456789abcdef"


def test_load_when_a_secret_is_given_then_the_same_key_each_time_and_no_file(tmp_path):
    assert load_keyring(SECRET, tmp_path) == load_keyring(SECRET, tmp_path)
    assert load_keyring(SECRET, tmp_path) != load_keyring(SECRET + "x", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_load_when_the_secret_is_short_then_the_variable_is_named_and_the_secret_is_not(tmp_path):
    with pytest.raises(WrongSetting, match=r"TWAP_SECRET_KEY.*at least 32") as wrong:
        load_keyring("hunter2", tmp_path)
    assert "hunter2" not in str(wrong.value)


def test_load_when_there_is_no_file_then_one_is_made_for_the_owner_alone(tmp_path):
    folder = tmp_path / "deep" / "data"
    keyring = load_keyring(None, folder)
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]
    assert stat.S_IMODE((folder / FILE_NAME).stat().st_mode) == 0o600
    assert [len(key) for key in keyring.keys.values()] == [32]
    assert load_keyring(None, folder) == keyring


def test_keyring_when_shown_then_without_its_keys(tmp_path):
    keyring = load_keyring(SECRET, tmp_path)
    key = keyring.keys[keyring.signing_id]
    assert repr(key) not in repr(keyring)
    assert key.hex() not in repr(keyring)


def _load(folder, gate, found):
    gate.wait()
    found.put(load_keyring(None, folder).keys)


def test_load_when_several_processes_start_at_once_then_all_have_the_same_keys(tmp_path):
    context = multiprocessing.get_context("spawn")
    gate, found = context.Barrier(3), context.Queue()
    processes = [context.Process(target=_load, args=(tmp_path, gate, found)) for _ in range(3)]
    for process in processes:
        process.start()
    rings = [found.get(timeout=30) for _ in processes]
    for process in processes:
        process.join()
    assert rings[0] == rings[1] == rings[2]
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_load_when_others_can_read_the_file_then_it_says_chmod(tmp_path):
    load_keyring(None, tmp_path)
    (tmp_path / FILE_NAME).chmod(0o640)
    with pytest.raises(WrongSetting, match=r"secret\.json.*chmod 600"):
        load_keyring(None, tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"keys": []}', '{"keys": [{"kid": "a", "key": "00"}]}', '{"keys": [1]}', "\xff"],
)
def test_load_when_the_file_is_damaged_then_it_is_named(tmp_path, text):
    path = tmp_path / FILE_NAME
    path.write_text(text, encoding="latin-1")
    path.chmod(0o600)
    with pytest.raises(WrongSetting, match=r"secret\.json"):
        load_keyring(None, tmp_path)


def test_load_when_the_folder_is_a_file_then_it_is_named(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(WrongSetting, match="data"):
        load_keyring(None, tmp_path / "data")


def test_rotate_when_called_then_a_new_key_signs_and_the_old_ones_stay(tmp_path):
    old = load_keyring(None, tmp_path)
    new = rotate(tmp_path)
    assert list(new.keys)[:-1] == list(old.keys)
    assert new.signing_id not in old.keys
    assert load_keyring(None, tmp_path) == new
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert len(json.loads((tmp_path / FILE_NAME).read_text())["keys"]) == 2


def test_rotate_when_another_is_under_way_then_refused_and_nothing_changed(tmp_path):
    old = load_keyring(None, tmp_path)
    (tmp_path / f"{FILE_NAME}.new").touch()
    with pytest.raises(WrongSetting, match="another rotation"):
        rotate(tmp_path)
    assert load_keyring(None, tmp_path) == old
