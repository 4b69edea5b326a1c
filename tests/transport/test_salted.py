"""Salt: other digits in every request, and nothing else changed."""

from __future__ import annotations

import pickle
import re

from benchmark.transport.base import PreparedRequest
from benchmark.transport.salted import Salted, salted

MARK = "123456789012345678"


def request(text: str) -> PreparedRequest:
    body = text.encode()
    return PreparedRequest(
        "POST", f"/{text}", (("X-A", text),), body, 5, None, b"POST /" + body + b"\r\n\r\n" + body
    )


def test_each_taking_has_a_salt_of_its_own_and_the_same_everywhere_in_it() -> None:
    requests = salted((request("plain"), request(f"<{MARK}>")), MARK)
    taken = [requests[1] for _ in range(1000)]
    assert len({each.wire for each in taken}) == 1000
    for each in taken:
        (digits,) = set(re.findall(rb"\d{18}", each.wire))
        assert each.wire == request(f"<{digits.decode()}>").wire
        assert each == request(f"<{digits.decode()}>")
    assert requests[0] == request("plain")


def test_what_is_never_salted_stays_as_it_was() -> None:
    plain = (request("plain"),)
    assert salted(plain, MARK) is plain


def test_it_travels_and_counts_as_prepared() -> None:
    requests = pickle.loads(pickle.dumps(salted((request(MARK), request("b")), MARK)))
    assert isinstance(requests, Salted)
    assert [len(each.wire) for each in requests] == [len(request(MARK).wire), len(request("b").wire)]
    assert len(requests[:1]) == 1
