"""Named faults that the web page offers."""

from __future__ import annotations

from typing import Any, Final


#: Each has a name, a title, and faults in their JSON form.
PRESETS: Final[list[dict[str, Any]]] = [
    {
        "name": "lost-answers",
        "title": "Responses lost after acceptance",
        "faults": [{"path": "*", "method": "POST", "times": 0, "when": "after"}],
    },
    {
        "name": "rate-limit",
        "title": "429 with Retry-After, three times",
        "faults": [{"path": "*", "times": 3, "status": 429, "retry_after": 1}],
    },
    {
        "name": "every-fifth-cut",
        "title": "Every fifth connection cut",
        "faults": [{"path": "*", "every": 5, "when": "before"}],
    },
    {
        "name": "unavailable",
        "title": "503 Service Unavailable",
        "faults": [{"path": "*", "times": 0, "status": 503}],
    },
    {
        "name": "slow-answers",
        "title": "Responses delayed by three seconds",
        "faults": [{"path": "*", "times": 0, "when": "hold", "delay": 3}],
    },
]
