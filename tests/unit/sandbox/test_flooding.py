from smsworks_async.sandbox.flooding import FloodingFilter


def test_flooding_filter_limits_messages_to_one_number_within_an_hour():
    flooding = FloodingFilter()
    for count in range(6):
        assert flooding.allows("447700900123", "Hello", count)
        flooding.note("447700900123", "Hello", count)
    assert not flooding.allows("447700900123", "Hello", 6)
    assert flooding.allows("447700900124", "Hello", 6)
    for count in range(14):
        assert flooding.allows("447700900123", f"Hello {count}", 6)
        flooding.note("447700900123", f"Hello {count}", 6)
    assert not flooding.allows("447700900123", "Goodbye", 6)
    assert flooding.allows("447700900123", "Hello", 3600)
