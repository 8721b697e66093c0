-- The manager's PIN as a memory-hard hash, and how often it was tried in vain since it last was right.
CREATE TABLE manager_pin (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  salt BLOB NOT NULL CHECK (length(salt) = 16),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  set_at INTEGER NOT NULL,
  -- Counted before a try is looked at: pulling the plug gives no try back.
  failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0)
) STRICT;
