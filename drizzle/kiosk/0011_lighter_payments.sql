-- What a payment writes, made less: a row under the number of its journal entry, and allowances by a number of their own, so that
-- their index is a quarter of what it was. Everything that was refused before is refused still. Foreign keys are off while a
-- migration runs (open-database.ts); the end of this file proves that they hold.
CREATE TABLE allowances (
  number INTEGER PRIMARY KEY,
  allowance_id TEXT NOT NULL UNIQUE
) STRICT;
--> statement-breakpoint
INSERT INTO allowances (allowance_id) SELECT allowance_id FROM payments GROUP BY allowance_id ORDER BY min(sequence);
--> statement-breakpoint
CREATE TRIGGER allowances_keep_their_number BEFORE UPDATE ON allowances
BEGIN
  SELECT RAISE(ABORT, 'the number of an allowance does not change');
END;
--> statement-breakpoint
CREATE TABLE lighter_payments (
  sequence INTEGER PRIMARY KEY REFERENCES journal (sequence),
  allowance INTEGER NOT NULL REFERENCES allowances (number),
  counter INTEGER NOT NULL CHECK (counter >= 1),
  amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
  cumulative_minor INTEGER NOT NULL CHECK (cumulative_minor >= amount_minor),
  accepted_at INTEGER NOT NULL,
  payment_hash BLOB NOT NULL CHECK (length(payment_hash) = 32),
  request_id TEXT NOT NULL REFERENCES requests (request_id),
  currency TEXT NOT NULL CHECK (length(currency) = 3),
  allowance_certificate_hash BLOB NOT NULL REFERENCES allowance_certificates (hash),
  -- Who paid: the phone's key, the same for all allowances of a phone. Null for payments of before.
  payer BLOB CHECK (payer IS NULL OR length(payer) = 33),
  masked_phone TEXT NOT NULL,
  -- SQLite makes a table of a long IN each time that it is asked.
  tier TEXT NOT NULL CHECK (tier = 'reserved' OR tier = 'locked' OR tier = 'at_risk'),
  checks INTEGER NOT NULL,
  receipt BLOB NOT NULL,
  settlement TEXT NOT NULL DEFAULT 'on_this_device'
    CHECK (settlement = 'on_this_device' OR settlement = 'sent' OR settlement = 'settled'
      OR settlement = 'settled_by_guarantee' OR settlement = 'refused' OR settlement = 'disputed'),
  settled_at INTEGER,
  refusal_code TEXT
) STRICT;
--> statement-breakpoint
INSERT INTO lighter_payments (sequence, allowance, counter, amount_minor, cumulative_minor, accepted_at, payment_hash, request_id,
    currency, allowance_certificate_hash, payer, masked_phone, tier, checks, receipt, settlement, settled_at, refusal_code)
  SELECT p.sequence, a.number, p.counter, p.amount_minor, p.cumulative_minor, p.accepted_at, p.payment_hash, p.request_id,
    p.currency, p.allowance_certificate_hash, p.payer, p.masked_phone, p.tier, p.checks, p.receipt, p.settlement, p.settled_at,
    p.refusal_code
  FROM payments p JOIN allowances a ON a.allowance_id = p.allowance_id ORDER BY p.sequence;
--> statement-breakpoint
-- It names payments, which is away for a moment.
DROP TRIGGER refunds_never_exceed_their_sale;
--> statement-breakpoint
DROP TABLE payments;
--> statement-breakpoint
ALTER TABLE lighter_payments RENAME TO payments;
--> statement-breakpoint
CREATE UNIQUE INDEX payments_by_hash ON payments (payment_hash);
--> statement-breakpoint
CREATE UNIQUE INDEX payments_by_request ON payments (request_id);
--> statement-breakpoint
-- Two payments of one allowance under one counter are a double spend.
CREATE UNIQUE INDEX payments_by_counter ON payments (allowance, counter);
--> statement-breakpoint
CREATE TRIGGER payments_are_final BEFORE UPDATE OF
  sequence, allowance, counter, amount_minor, cumulative_minor, accepted_at, payment_hash, request_id, currency,
  allowance_certificate_hash, payer, tier, checks, receipt ON payments
BEGIN
  SELECT RAISE(ABORT, 'an accepted payment does not change');
END;
--> statement-breakpoint
CREATE TRIGGER payments_stay BEFORE DELETE ON payments
BEGIN
  SELECT RAISE(ABORT, 'an accepted payment stays');
END;
--> statement-breakpoint
CREATE TRIGGER refunds_never_exceed_their_sale BEFORE INSERT ON refunds
WHEN NEW.refunded_minor <> NEW.amount_minor
    + (SELECT coalesce(sum(amount_minor), 0) FROM refunds WHERE payment_hash = NEW.payment_hash)
  OR NEW.refunded_minor > (SELECT amount_minor FROM payments WHERE payment_hash = NEW.payment_hash)
BEGIN
  SELECT RAISE(ABORT, 'more than the sale would be given back');
END;
--> statement-breakpoint
-- What is not settled comes after what the cloud has taken over: no index of its own has to say so for every payment.
CREATE TRIGGER cursor_passes_no_unsettled_payment BEFORE UPDATE OF acknowledged_sequence ON settlement_cursor
WHEN EXISTS (
  SELECT 1 FROM payments
  WHERE sequence > OLD.acknowledged_sequence AND sequence <= NEW.acknowledged_sequence
    AND settlement IN ('on_this_device', 'sent')
)
BEGIN
  SELECT RAISE(ABORT, 'the cursor passes no payment of which the cloud has said nothing');
END;
--> statement-breakpoint
-- Which requests are open, as a list of its own: few rows in one page, where to write into the request itself would dirty another.
-- A request whose state says `open` and that is not on the list is paid.
CREATE TABLE open_requests (
  request_id TEXT PRIMARY KEY NOT NULL REFERENCES requests (request_id)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
INSERT INTO open_requests (request_id) SELECT request_id FROM requests WHERE state = 'open';
--> statement-breakpoint
DROP INDEX requests_open;
--> statement-breakpoint
DROP TRIGGER requests_open_are_bounded;
--> statement-breakpoint
CREATE TRIGGER requests_open_are_bounded BEFORE INSERT ON requests
WHEN NEW.state = 'open'
  AND (SELECT count(*) FROM open_requests) >= (SELECT most_open FROM till_settings WHERE id = 1)
BEGIN
  SELECT RAISE(ABORT, 'as many requests are open as this till may have');
END;
--> statement-breakpoint
CREATE TRIGGER requests_begin_open AFTER INSERT ON requests WHEN NEW.state = 'open'
BEGIN
  INSERT INTO open_requests (request_id) VALUES (NEW.request_id);
END;
--> statement-breakpoint
DROP TRIGGER requests_end_once;
--> statement-breakpoint
CREATE TRIGGER requests_end_once BEFORE UPDATE OF state ON requests
WHEN NEW.state = 'open' OR NOT EXISTS (SELECT 1 FROM open_requests WHERE request_id = OLD.request_id)
BEGIN
  SELECT RAISE(ABORT, 'a request that is over stays as it ended');
END;
--> statement-breakpoint
CREATE TRIGGER requests_are_paid_by_payments BEFORE UPDATE OF state ON requests WHEN NEW.state = 'paid'
BEGIN
  SELECT RAISE(ABORT, 'a request is paid by its payment');
END;
--> statement-breakpoint
CREATE TRIGGER requests_that_end_are_open_no_more AFTER UPDATE OF state ON requests
BEGIN
  DELETE FROM open_requests WHERE request_id = NEW.request_id;
END;
--> statement-breakpoint
CREATE TRIGGER payments_end_their_request AFTER INSERT ON payments
BEGIN
  DELETE FROM open_requests WHERE request_id = NEW.request_id;
  SELECT RAISE(ABORT, 'only an open request is paid') WHERE changes() = 0;
END;
--> statement-breakpoint
CREATE TABLE foreign_keys_hold (orphans INTEGER CHECK (orphans = 0)) STRICT;
--> statement-breakpoint
INSERT INTO foreign_keys_hold SELECT count(*) FROM pragma_foreign_key_check;
--> statement-breakpoint
DROP TABLE foreign_keys_hold;
