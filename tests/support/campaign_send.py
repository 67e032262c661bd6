"""Shared parts of the tests of `campaign send`: its arguments, and the numbers that were texted."""

from __future__ import annotations


TEXT = "We open at nine. Reply STOP to opt out."
HEADINGS = ("First name", "Mobile")
PEOPLE = [("Ada", "07700 900001"), ("Bob", "+44 7700 900002"), ("Cy", "7700900003")]
BAD = ("Dot", "nobody")
EVERYBODY = {f"44770090000{n}": 1 for n in (1, 2, 3)}


def send(file, *options, text=TEXT):
    """Return the arguments of a command."""
    return ("campaign", "send", file, "--sender", "AcmeCorp", "--message", text, *options)


def texted(hosted):
    """Return how often each number was texted."""
    counts = {}
    for message in hosted.box.messages:
        counts[message.destination] = counts.get(message.destination, 0) + 1
    return counts
