"""``python -m smsworks_async``: the ``smsworks`` command."""

from smsworks_async.cli import main


if __name__ == "__main__":
    raise SystemExit(main())
