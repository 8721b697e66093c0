-- What the merchant wants of all its kiosks, as the cloud signed it last. The bytes were verified before they were written; their
-- issuer's certificate may leave the trust bundle, and the limits stay.
CREATE TABLE merchant_limits (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  bytes BLOB NOT NULL,
  version INTEGER NOT NULL CHECK (version >= 1),
  signer_generation INTEGER NOT NULL CHECK (signer_generation >= 1)
) STRICT;
--> statement-breakpoint
CREATE TRIGGER merchant_limits_never_go_back BEFORE UPDATE ON merchant_limits
WHEN NEW.signer_generation < OLD.signer_generation
  OR (NEW.signer_generation = OLD.signer_generation AND NEW.version < OLD.version)
BEGIN
  SELECT RAISE(ABORT, 'older limits never replace newer ones');
END;
--> statement-breakpoint
CREATE TRIGGER merchant_limits_stay BEFORE DELETE ON merchant_limits
BEGIN
  SELECT RAISE(ABORT, 'limits end by newer ones that say so');
END;
