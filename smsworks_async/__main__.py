"""``python -m smsworks_async``."""

from smsworks_async.cli import main


if __name__ == "__main__":
    raise SystemExit(main())
