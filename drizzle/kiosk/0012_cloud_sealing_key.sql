-- The key to which this kiosk seals its batches, as the cloud's issuer signed it last. The bytes were verified before they were written; their
-- issuer's certificate may leave the trust bundle, and the key stays.
CREATE TABLE cloud_sealing_key (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  bytes BLOB NOT NULL,
  generation INTEGER NOT NULL CHECK (generation >= 1),
  issued_at INTEGER NOT NULL,
  signer_generation INTEGER NOT NULL CHECK (signer_generation >= 1)
) STRICT;
--> statement-breakpoint
CREATE TRIGGER cloud_sealing_key_never_goes_back BEFORE UPDATE ON cloud_sealing_key
WHEN (NEW.signer_generation, NEW.generation, NEW.issued_at) < (OLD.signer_generation, OLD.generation, OLD.issued_at)
BEGIN
  SELECT RAISE(ABORT, 'an older sealing key never replaces a newer one');
END;
--> statement-breakpoint
CREATE TRIGGER cloud_sealing_key_stays BEFORE DELETE ON cloud_sealing_key
BEGIN
  SELECT RAISE(ABORT, 'sealing ends by a key that says so, or by time');
END;
