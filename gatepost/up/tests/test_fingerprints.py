from gatepost.up.fingerprints import fingerprints, missing_keys
from gatepost.up.keys import new_keys


def test_keys_fit_their_own_backup_and_no_other() -> None:
    mine, other = new_keys(), new_keys()
    assert missing_keys(fingerprints(mine), mine) == []
    assert missing_keys(fingerprints(mine), other) == list(mine)
    assert missing_keys(fingerprints(mine), {}) == list(mine)


def test_a_key_that_was_added_to_the_ring_later_is_no_hindrance_and_one_taken_out_is() -> None:
    keys = new_keys()
    longer = keys | {"GATEPOST_SEAL_KEYS": f"{keys['GATEPOST_SEAL_KEYS']},2:{new_keys()['GATEPOST_DIGEST_KEY']}"}
    assert missing_keys(fingerprints(keys), longer) == []
    assert missing_keys(fingerprints(longer), keys) == ["GATEPOST_SEAL_KEYS"]


def test_a_fingerprint_does_not_hold_the_key() -> None:
    keys = new_keys()
    told = str(fingerprints(keys))
    assert not [value for value in keys.values() if value.rpartition(":")[2] in told]
