"""Webhooks as a Django view, so that Django's own request cycle runs.

That cycle closes database connections that the database has closed; a handler outside of it would
meet them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from smsworks_async.webhooks.body import declared
from smsworks_async.webhooks.executors import OnThread, drive
from smsworks_async.webhooks.guard import ALLOW, Facts
from smsworks_async.webhooks.wsgi import read_body


if TYPE_CHECKING:
    from smsworks_async.webhooks.processor import Webhooks

DjangoView: TypeAlias = Callable[..., Any]


def django_view(hooks: Webhooks) -> DjangoView:
    """Return the view: a plain one, which Django runs in a thread where it is served by ASGI."""
    from django.http import Http404, HttpResponse  # type: ignore[import-untyped]

    world = OnThread()

    def view(request: Any, *_: Any, **__: Any) -> Any:
        facts = _facts(request)
        status = hooks.refusal(facts)
        if status is None:
            # Under ASGI Django has read all of it before.
            ends = not hasattr(request, "environ") or "wsgi.input_terminated" in request.environ
            body = read_body(request, facts.length, hooks.receive_timeout, ends=ends)
            status = body if isinstance(body, int) else drive(hooks.answer(body, world))
        if status == 404:
            raise Http404  # exactly as where there is nothing
        return HttpResponse(status=status, headers=ALLOW if status == 405 else None)

    view.csrf_exempt = True  # type: ignore[attr-defined] # the provider has no token of a form
    return view


def _facts(request: Any) -> Facts:
    meta = request.META
    forwarded_for = meta.get("HTTP_X_FORWARDED_FOR")
    return Facts(
        request.method,
        request.path,
        meta.get("HTTP_AUTHORIZATION"),
        meta.get("REMOTE_ADDR"),
        () if forwarded_for is None else (forwarded_for,),
        declared(str(meta.get("CONTENT_LENGTH") or "")),
    )
