from __future__ import annotations

from django.conf import settings


# Lazy translations ask for them.
if not settings.configured:
    settings.configure(USE_I18N=False)
