-- Who paid: the phone's key, the same for all allowances of a phone. Null for payments of before.
ALTER TABLE payments ADD COLUMN payer BLOB CHECK (payer IS NULL OR length(payer) = 33);
--> statement-breakpoint
-- What one payer paid here lately, and what one allowance paid here, without touching a row.
CREATE INDEX payments_of_payer ON payments (payer, accepted_at, amount_minor);
--> statement-breakpoint
CREATE INDEX payments_of_allowance ON payments (allowance_id, amount_minor);
--> statement-breakpoint
CREATE TRIGGER payments_have_one_payer BEFORE UPDATE OF payer ON payments
BEGIN
  SELECT RAISE(ABORT, 'an accepted payment does not change');
END;
--> statement-breakpoint
-- Limits that the merchant and this kiosk set below the issuer's; the lowest wins.
CREATE TABLE limit_settings (
  owner TEXT NOT NULL CHECK (owner IN ('merchant', 'kiosk')),
  name TEXT NOT NULL,
  value INTEGER NOT NULL CHECK (value >= 1),
  PRIMARY KEY (owner, name)
) STRICT, WITHOUT ROWID;
