"""Webhooks as a Django view, within Django's request cycle.

The cycle discards connections that the database has closed; a handler outside it would use them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from smsworks_async.webhooks.executors import ThreadExecutor, drive
from smsworks_async.webhooks.processor import Processor
from smsworks_async.webhooks.request import ALLOW, Rejected, RequestHead, parse_content_length
from smsworks_async.webhooks.wsgi import read_body


DjangoView: TypeAlias = Callable[..., Any]


def django_view(processor: Processor) -> DjangoView:
    """Return a plain view, which Django runs in a thread under ASGI."""
    from django.http import Http404, HttpResponse  # type: ignore[import-untyped]

    executor = ThreadExecutor()

    def view(request: Any, *_: Any, **__: Any) -> Any:
        head = _head(request)
        try:
            processor.check_head(head)
            # Under ASGI Django has already read all of it.
            ends = not hasattr(request, "environ") or "wsgi.input_terminated" in request.environ
            body = read_body(request, head.length, processor.receive_timeout, ends=ends)
            status = drive(processor.process(body, executor))
        except Rejected as rejected:
            status = rejected.status
        if status == 404:
            raise Http404  # the same answer as for a path that does not exist
        return HttpResponse(status=status, headers=ALLOW if status == 405 else None)

    view.csrf_exempt = True  # type: ignore[attr-defined] # the provider sends no CSRF token
    return view


def _head(request: Any) -> RequestHead:
    meta = request.META
    forwarded_for = meta.get("HTTP_X_FORWARDED_FOR")
    return RequestHead(
        request.method,
        request.path,
        meta.get("HTTP_AUTHORIZATION"),
        meta.get("REMOTE_ADDR"),
        () if forwarded_for is None else (forwarded_for,),
        parse_content_length(str(meta.get("CONTENT_LENGTH") or "")),
    )
