-- Every refund that was ever offered. A row is written before its code is shown and never removed: an offer that is over
-- stays as it ended, and its id is never used for another.
CREATE TABLE refund_offers (
  refund_id TEXT PRIMARY KEY NOT NULL,
  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
  bytes BLOB NOT NULL,
  kiosk_certificate_hash BLOB NOT NULL REFERENCES kiosk_certificates (hash),
  payment_hash BLOB NOT NULL REFERENCES payments (payment_hash),
  kind TEXT NOT NULL CHECK (kind IN ('void', 'refund')),
  amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
  -- The shop's own note; it travels nowhere.
  reason TEXT NOT NULL CHECK (reason IN ('goods_returned', 'goods_faulty', 'wrong_amount', 'paid_twice', 'other')),
  opened_at_ms INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  deadline_ms INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'given_back', 'expired', 'cancelled'))
) STRICT;
--> statement-breakpoint
CREATE INDEX refund_offers_open ON refund_offers (state) WHERE state = 'open';
--> statement-breakpoint
CREATE TRIGGER refund_offers_end_once BEFORE UPDATE OF state ON refund_offers WHEN OLD.state <> 'open'
BEGIN
  SELECT RAISE(ABORT, 'an offer that is over stays as it ended');
END;
--> statement-breakpoint
CREATE TRIGGER refund_offers_are_signed BEFORE UPDATE OF
  refund_id, hash, bytes, kiosk_certificate_hash, payment_hash, kind, amount_minor, reason ON refund_offers
BEGIN
  SELECT RAISE(ABORT, 'a signed offer does not change');
END;
--> statement-breakpoint
CREATE TRIGGER refund_offers_stay BEFORE DELETE ON refund_offers
BEGIN
  SELECT RAISE(ABORT, 'the id of a refund is used once');
END;
--> statement-breakpoint
-- What was given back. The amount is the offer's; `refunded_minor` is the sale's sum with this refund.
CREATE TABLE refunds (
  refund_id TEXT PRIMARY KEY NOT NULL REFERENCES refund_offers (refund_id),
  payment_hash BLOB NOT NULL REFERENCES payments (payment_hash),
  sequence INTEGER NOT NULL UNIQUE REFERENCES journal (sequence),
  amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
  refunded_minor INTEGER NOT NULL CHECK (refunded_minor >= amount_minor),
  acceptance BLOB NOT NULL,
  receipt BLOB NOT NULL,
  given_back_at INTEGER NOT NULL,
  settlement TEXT NOT NULL DEFAULT 'on_this_device'
    CHECK (settlement IN ('on_this_device', 'sent', 'waiting', 'settled', 'refused')),
  settled_at INTEGER,
  refusal_code TEXT
) STRICT;
--> statement-breakpoint
CREATE INDEX refunds_of_payment ON refunds (payment_hash, amount_minor);
--> statement-breakpoint
CREATE TRIGGER refunds_never_exceed_their_sale BEFORE INSERT ON refunds
WHEN NEW.refunded_minor <> NEW.amount_minor
    + (SELECT coalesce(sum(amount_minor), 0) FROM refunds WHERE payment_hash = NEW.payment_hash)
  OR NEW.refunded_minor > (SELECT amount_minor FROM payments WHERE payment_hash = NEW.payment_hash)
BEGIN
  SELECT RAISE(ABORT, 'more than the sale would be given back');
END;
--> statement-breakpoint
CREATE TRIGGER refunds_are_final BEFORE UPDATE OF
  refund_id, payment_hash, sequence, amount_minor, refunded_minor, acceptance, receipt, given_back_at ON refunds
BEGIN
  SELECT RAISE(ABORT, 'a refund does not change');
END;
--> statement-breakpoint
CREATE TRIGGER refunds_stay BEFORE DELETE ON refunds
BEGIN
  SELECT RAISE(ABORT, 'a refund stays');
END;
