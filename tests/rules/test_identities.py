"""Ids sort by the time they were made, one by one and many at once."""

import pickle
import time
import uuid

from app.foundation.identity import new_id, new_ids


def test_an_id_is_of_version_7_and_of_now() -> None:
    before, made, after = time.time_ns() // 1_000_000, new_id(), time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert before <= made.int >> 80 <= after


def test_many_at_once_are_different_and_in_order() -> None:
    many = new_ids(3_000)
    assert len(set(many)) == 3_000 and many == sorted(many)
    assert {(one.version, one.variant) for one in many} == {(7, "specified in RFC 4122")}
    assert new_ids(0) == []


def test_an_id_is_one_like_any_other() -> None:
    made = new_id()
    same = uuid.UUID(int=made.int)
    assert (made, hash(made), str(made), made.is_safe) == (same, hash(same), str(same), same.is_safe)
    assert pickle.loads(pickle.dumps(made)) == same
