"""The data that all contenders send, and the number of warm-up repetitions."""

from __future__ import annotations


WARM_UP = 100
TEXT = {"sender": "AcmeCorp", "content": "Hello"}
MESSAGE = {**TEXT, "destination": "07700 900123"}
WIRE = {**TEXT, "destination": "447700900123"}
PEOPLE = [f"447700900{n:03d}" for n in range(500)]
AUTH = {"Authorization": "JWT eyJ"}
TWILIO = {"to": "+447700900123", "from_": "AcmeCorp", "body": "Hello"}
TELNYX = {"to": "+447700900123", "from_": "AcmeCorp", "text": "Hello"}


def there(kind, url):
    """Return a subclass of a twilio client that sends its requests to the server."""

    class There(kind):
        def request(self, method, address, *args, **kwargs):
            path = address.removeprefix("https://api.twilio.com")
            return super().request(method, url + path, *args, **kwargs)

    return There
