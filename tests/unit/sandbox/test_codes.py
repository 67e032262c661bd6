from smsworks_async.sandbox.codes import error_object


def test_error_object_has_a_text_for_its_status():
    assert error_object(5006, "once") == {
        "message": "The handset did not respond. (once)",
        "errorCode": 5006,
        "status": "FAILED",
        "permanent": False,
    }
