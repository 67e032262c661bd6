-- From layout 2 to layout 3.
ALTER TABLE chunk RENAME COLUMN abroad TO international;
ALTER TABLE chunk RENAME COLUMN again TO reopenable;
