"""Damaged files: each is read or refused with a `ValidationError`; no other error is raised."""

from __future__ import annotations

import io
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from smsworks_async import ValidationError
from smsworks_async.files import read_recipients
from support.spreadsheets import SAMPLES, changed_archive


DATA = st.sampled_from([sample.data for sample in SAMPLES])
BYTES = st.binary(max_size=8) | st.sampled_from([b'"', b"\0", b"\r", b"<", b"&", b"99999999999"])
#: The position of a change, the number of bytes removed there, and the bytes inserted.
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 20), BYTES), min_size=1, max_size=5)


def changed(data, changes):
    for place, out, new in changes:
        at = int(place * len(data))
        data = data[:at] + new + data[at + out :]
    return data


def read_or_refuse(data):
    try:
        people = read_recipients(io.BytesIO(data))
        assert people.check().rows == len(list(people))
    except ValidationError as error:
        assert str(error)


@given(DATA, CHANGES)
def test_read_recipients_reads_or_refuses_a_damaged_file(data, changes):
    read_or_refuse(changed(data, changes))


@given(DATA.filter(lambda data: data.startswith(b"PK")), st.integers(0, 99), CHANGES)
def test_read_recipients_reads_or_refuses_a_workbook_with_a_damaged_part(data, part, changes):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if archive.read(name)]
        name = names[part % len(names)]
        damaged = changed(archive.read(name), changes)
    read_or_refuse(changed_archive(data, {name: damaged}))


@given(st.binary(max_size=200))
def test_read_recipients_reads_or_refuses_any_bytes(data):
    read_or_refuse(data)
