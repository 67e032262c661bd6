"""Campaigns in task queues: `queues.celery` and `queues.taskiq`.

A task is a permit to send whichever chunk is next, and the journal decides whether a request may
leave. So it is harmless when tasks are delivered twice, in another order, late, or not at all:
`tend`, which is to be run every minute, makes new ones where nothing is being sent.
"""
