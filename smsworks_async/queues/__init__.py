"""Campaigns in task queues: `queues.celery` and `queues.taskiq`.

A task is a permit to send the next chunk, and the journal decides whether a request may be sent. So
it is harmless if tasks are delivered twice, out of order, late, or not at all: run `tend` every
minute; it queues new tasks if nothing is being sent.
"""
