import json

import pytest

from smsworks_async.sandbox.faults import Fault, FaultScript, read_fault, read_faults


def struck(fault, requests):
    script = FaultScript()
    script.add(fault)
    return [script.strike("POST", "/message/send") is not None for _ in range(requests)]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(path="*"), [1, 0, 0, 0, 0]),
        (Fault(path="*", nth=2), [0, 1, 0, 0, 0]),
        (Fault(path="*", nth=2, times=2), [0, 1, 1, 0, 0]),
        (Fault(path="*", nth=3, times=0), [0, 0, 1, 1, 1]),
        (Fault(path="*", every=2), [0, 1, 0, 1, 0]),
    ],
)
def test_fault_script_strikes_the_requests_that_a_fault_names(fault, expected):
    assert struck(fault, 5) == [bool(hit) for hit in expected]


def test_fault_script_counts_only_what_fits_a_faults_path_and_method():
    fault = Fault(path="/messages/*", method="get")
    assert fault.fits("GET", "/messages/12")
    assert not fault.fits("DELETE", "/messages/12")
    assert not fault.fits("GET", "/messages")
    assert Fault(path="/messages").fits("POST", "/messages")


def test_fault_script_of_two_faults_has_the_first_strike_and_both_count():
    first, second = Fault(path="*", nth=2), Fault(path="*", nth=2, times=2)
    script = FaultScript()
    script.add(first)
    script.add(second)
    assert [script.strike("GET", "/otp/1") for _ in range(4)] == [None, first, second, None]
    script.clear()
    assert script.strike("GET", "/otp/1") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"path": 5},
        {"path": "message/send"},
        {"path": "/message/snd"},
        {"path": "/v1/message/send"},
        {"path": "/v1/*"},
        {"path": "/messages/{messageid}"},
        {"path": "*", "method": "BOGUS"},
        {"path": "*", "nth": True},
        {"path": "*", "carry_ids": 1, "when": "after", "status": 429},
        {"path": "*", "carry_ids": True, "status": 429},
        {"path": "*", "carry_ids": True, "when": "hang", "status": 429},
        {"path": "*", "carry_ids": True, "when": "after"},
        {"path": "*", "carry_ids": True, "when": "after", "status": 429, "body": "{}"},
        {"path": "*", "status": 200.0},
        {"path": "*", "error_code": 4021.0},
        {"path": "*", "status": 429, "retry_after": float("nan")},
        {"path": "*", "delay": float("inf")},
        {"path": "*", "colour": "red"},
        {"path": "*", "nth": 0},
        {"path": "*", "every": 0},
        {"path": "*", "times": -1},
        {"path": "*", "method": 5},
        {"path": "*", "when": "never"},
        {"path": "*", "status": 99},
        {"path": "*", "error_code": 4999},
        {"path": "*", "error_code": [4001]},
        {"path": "*", "permanent": True},
        {"path": "*", "error_code": 4001, "permanent": "maybe"},
        {"path": "*", "retry_after": 5},
        {"path": "*", "status": 429, "retry_after": "5\r\nX: y"},
        {"path": "*", "status": 429, "retry_after": [5]},
        {"path": "*", "body": b"x"},
        {"path": "*", "body": "x", "content_type": "a\nb"},
        {"path": "*", "delay": -1},
        {"path": "*", "delay": "long"},
        "a fault",
        None,
    ],
)
def test_read_fault_refuses_what_is_no_fault(wrong):
    with pytest.raises(ValueError, match="Not a fault"):
        read_fault(wrong)


def test_read_fault_says_what_is_wrong_in_one_sentence():
    with pytest.raises(ValueError, match=r"^when must be one of before, .*, hang, not 'hagn'$"):
        Fault(path="*", when="hagn")


def test_read_faults_reads_a_file_as_a_list(tmp_path):
    script = [{"path": "/message/send", "nth": 3, "when": "after"}, {"path": "*", "status": 503}]
    file = tmp_path / "faults.json"
    file.write_text(json.dumps(script))
    expected = [Fault(path="/message/send", nth=3, when="after"), Fault(path="*", status=503)]
    assert read_faults(script) == read_faults(file) == read_faults(str(file)) == expected
    assert read_faults(expected) == expected


@pytest.mark.parametrize(
    ("text", "error"), [("{", ValueError), ('{"a": 1}', ValueError), ("5", TypeError)]
)
def test_read_faults_refuses_a_file_that_holds_no_script(tmp_path, text, error):
    file = tmp_path / "faults.json"
    file.write_text(text)
    with pytest.raises(error):
        read_faults(file)
