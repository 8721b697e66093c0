CREATE INDEX allowance_certificates_of_payer ON allowance_certificates (payer, not_after, allowance_id);

CREATE UNIQUE INDEX payments_by_counter ON payments (allowance, counter);

CREATE UNIQUE INDEX payments_by_hash ON payments (payment_hash);

CREATE UNIQUE INDEX payments_by_request ON payments (request_id);

CREATE INDEX refund_offers_open ON refund_offers (state) WHERE state = 'open';

CREATE INDEX refunds_of_payment ON refunds (payment_hash, amount_minor);

CREATE INDEX requests_newest ON requests (opened_at_ms);

CREATE TABLE allowance_certificates (
  hash BLOB PRIMARY KEY NOT NULL CHECK (length(hash) = 32),
  allowance_id TEXT NOT NULL,
  bytes BLOB NOT NULL,
  not_after INTEGER NOT NULL,
  first_seen_at INTEGER NOT NULL
, payer BLOB CHECK (payer IS NULL OR length(payer) = 33)) STRICT, WITHOUT ROWID;

CREATE TABLE allowances (
  number INTEGER PRIMARY KEY,
  allowance_id TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE cloud_sealing_key (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  bytes BLOB NOT NULL,
  generation INTEGER NOT NULL CHECK (generation >= 1),
  issued_at INTEGER NOT NULL,
  signer_generation INTEGER NOT NULL CHECK (signer_generation >= 1)
) STRICT;

CREATE TABLE double_spend_evidence (
  payment_hash BLOB PRIMARY KEY NOT NULL CHECK (length(payment_hash) = 32),
  conflicts_with BLOB NOT NULL REFERENCES payments (payment_hash),
  allowance_certificate BLOB NOT NULL,
  payment BLOB NOT NULL,
  request_id TEXT NOT NULL,
  code TEXT NOT NULL,
  seen_at INTEGER NOT NULL
) STRICT;

CREATE TABLE issuer_certificates (
  bytes BLOB PRIMARY KEY NOT NULL,
  received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
  sequence INTEGER PRIMARY KEY CHECK (sequence >= 1),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  kind INTEGER NOT NULL,
  written_at INTEGER NOT NULL,
  deny_list_version INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE journal_standing (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- The highest entry that was ever signed into a batch: the cloud cannot have heard of a later one from this file.
  signed_sequence INTEGER NOT NULL CHECK (signed_sequence >= 0),
  -- Why nothing is written any more; NULL while all is well.
  doubt TEXT CHECK (doubt IN ('unconfirmed', 'behind_cloud', 'differs_from_cloud')),
  -- When the file came into being, by the file system; another time means a copy. NULL where that is not known.
  file_born_ns TEXT
) STRICT;

CREATE TABLE kiosk (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  kiosk_id TEXT NOT NULL,
  name TEXT NOT NULL,
  root_public_key BLOB NOT NULL CHECK (length(root_public_key) = 33),
  certificate_hash BLOB NOT NULL REFERENCES kiosk_certificates (hash),
  trust_bundle BLOB NOT NULL,
  trust_bundle_version INTEGER NOT NULL CHECK (trust_bundle_version >= 1),
  kiosk_token TEXT NOT NULL,
  wallet_origins TEXT NOT NULL CHECK (json_valid(wallet_origins)),
  enrolled_at INTEGER NOT NULL
, trust_signer_generation INTEGER NOT NULL DEFAULT 0 CHECK (trust_signer_generation >= 0)) STRICT;

CREATE TABLE kiosk_certificates (
  hash BLOB PRIMARY KEY NOT NULL CHECK (length(hash) = 32),
  bytes BLOB NOT NULL,
  not_after INTEGER NOT NULL,
  received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE limit_settings (
  owner TEXT NOT NULL CHECK (owner IN ('merchant', 'kiosk')),
  name TEXT NOT NULL,
  value INTEGER NOT NULL CHECK (value >= 1),
  PRIMARY KEY (owner, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE manager_pin (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  salt BLOB NOT NULL CHECK (length(salt) = 16),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  set_at INTEGER NOT NULL,
  -- Counted before a try is looked at: pulling the plug gives no try back.
  failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0)
) STRICT;

CREATE TABLE merchant_limits (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  bytes BLOB NOT NULL,
  version INTEGER NOT NULL CHECK (version >= 1),
  signer_generation INTEGER NOT NULL CHECK (signer_generation >= 1)
) STRICT;

CREATE TABLE open_requests (
  request_id TEXT PRIMARY KEY NOT NULL REFERENCES requests (request_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE outgoing_batch (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  from_sequence INTEGER NOT NULL CHECK (from_sequence >= 1),
  to_sequence INTEGER NOT NULL CHECK (to_sequence >= from_sequence - 1),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  head BLOB NOT NULL,
  kiosk_certificate_hash BLOB NOT NULL REFERENCES kiosk_certificates (hash),
  deny_list_version INTEGER NOT NULL
) STRICT;

CREATE TABLE "payments" (
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

CREATE TABLE requests (
  request_id TEXT PRIMARY KEY NOT NULL,
  sale_id TEXT NOT NULL UNIQUE,
  nonce BLOB NOT NULL UNIQUE CHECK (length(nonce) = 16),
  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
  bytes BLOB NOT NULL,
  kiosk_certificate_hash BLOB NOT NULL REFERENCES kiosk_certificates (hash),
  amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL CHECK (length(currency) = 3),
  issued_at INTEGER NOT NULL,
  opened_at_ms INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  deadline_ms INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'paid', 'expired', 'cancelled'))
, put_away INTEGER NOT NULL DEFAULT 0 CHECK (put_away IN (0, 1))) STRICT;

CREATE TABLE settlement_cursor (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  acknowledged_sequence INTEGER NOT NULL CHECK (acknowledged_sequence >= 0),
  deny_list_version INTEGER NOT NULL CHECK (deny_list_version >= 0),
  last_contact_at INTEGER,
  last_settled_at INTEGER
) STRICT;

CREATE TABLE till_settings (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  most_open INTEGER NOT NULL CHECK (most_open BETWEEN 1 AND 8)
, suspended INTEGER NOT NULL DEFAULT 0 CHECK (suspended IN (0, 1))) STRICT;

CREATE TABLE trusted_time (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  seconds INTEGER NOT NULL CHECK (seconds >= 0)
) STRICT;

CREATE TRIGGER allowances_keep_their_number BEFORE UPDATE ON allowances
BEGIN
  SELECT RAISE(ABORT, 'the number of an allowance does not change');
END;

CREATE TRIGGER cloud_sealing_key_never_goes_back BEFORE UPDATE ON cloud_sealing_key
WHEN (NEW.signer_generation, NEW.generation, NEW.issued_at) < (OLD.signer_generation, OLD.generation, OLD.issued_at)
BEGIN
  SELECT RAISE(ABORT, 'an older sealing key never replaces a newer one');
END;

CREATE TRIGGER cloud_sealing_key_stays BEFORE DELETE ON cloud_sealing_key
BEGIN
  SELECT RAISE(ABORT, 'sealing ends by a key that says so, or by time');
END;

CREATE TRIGGER cursor_passes_no_unsettled_payment BEFORE UPDATE OF acknowledged_sequence ON settlement_cursor
WHEN EXISTS (
  SELECT 1 FROM payments
  WHERE sequence > OLD.acknowledged_sequence AND sequence <= NEW.acknowledged_sequence
    AND settlement IN ('on_this_device', 'sent')
)
BEGIN
  SELECT RAISE(ABORT, 'the cursor passes no payment of which the cloud has said nothing');
END;

CREATE TRIGGER issuer_certificates_stay BEFORE DELETE ON issuer_certificates
BEGIN
  SELECT RAISE(ABORT, 'what was once certified is needed to check what was sold under it');
END;

CREATE TRIGGER journal_in_doubt_gives_no_numbers BEFORE INSERT ON journal
WHEN (SELECT doubt FROM journal_standing WHERE id = 1) IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'a journal in doubt gives out no numbers');
END;

CREATE TRIGGER journal_is_append_only BEFORE UPDATE ON journal
BEGIN
  SELECT RAISE(ABORT, 'the journal is append-only');
END;

CREATE TRIGGER journal_keeps_everything BEFORE DELETE ON journal
BEGIN
  SELECT RAISE(ABORT, 'the journal is append-only');
END;

CREATE TRIGGER journal_standing_stays BEFORE DELETE ON journal_standing
BEGIN
  SELECT RAISE(ABORT, 'the standing of a journal stays');
END;

CREATE TRIGGER kiosk_identity_is_final BEFORE UPDATE OF kiosk_id, root_public_key ON kiosk
BEGIN
  SELECT RAISE(ABORT, 'the identity of an enrolled kiosk is final');
END;

CREATE TRIGGER merchant_limits_never_go_back BEFORE UPDATE ON merchant_limits
WHEN NEW.signer_generation < OLD.signer_generation
  OR (NEW.signer_generation = OLD.signer_generation AND NEW.version < OLD.version)
BEGIN
  SELECT RAISE(ABORT, 'older limits never replace newer ones');
END;

CREATE TRIGGER merchant_limits_stay BEFORE DELETE ON merchant_limits
BEGIN
  SELECT RAISE(ABORT, 'limits end by newer ones that say so');
END;

CREATE TRIGGER payments_are_final BEFORE UPDATE OF
  sequence, allowance, counter, amount_minor, cumulative_minor, accepted_at, payment_hash, request_id, currency,
  allowance_certificate_hash, payer, tier, checks, receipt ON payments
BEGIN
  SELECT RAISE(ABORT, 'an accepted payment does not change');
END;

CREATE TRIGGER payments_end_their_request AFTER INSERT ON payments
BEGIN
  DELETE FROM open_requests WHERE request_id = NEW.request_id;
  SELECT RAISE(ABORT, 'only an open request is paid') WHERE changes() = 0;
END;

CREATE TRIGGER payments_stay BEFORE DELETE ON payments
BEGIN
  SELECT RAISE(ABORT, 'an accepted payment stays');
END;

CREATE TRIGGER refund_offers_are_signed BEFORE UPDATE OF
  refund_id, hash, bytes, kiosk_certificate_hash, payment_hash, kind, amount_minor, reason ON refund_offers
BEGIN
  SELECT RAISE(ABORT, 'a signed offer does not change');
END;

CREATE TRIGGER refund_offers_end_once BEFORE UPDATE OF state ON refund_offers WHEN OLD.state <> 'open'
BEGIN
  SELECT RAISE(ABORT, 'an offer that is over stays as it ended');
END;

CREATE TRIGGER refund_offers_stay BEFORE DELETE ON refund_offers
BEGIN
  SELECT RAISE(ABORT, 'the id of a refund is used once');
END;

CREATE TRIGGER refunds_are_final BEFORE UPDATE OF
  refund_id, payment_hash, sequence, amount_minor, refunded_minor, acceptance, receipt, given_back_at ON refunds
BEGIN
  SELECT RAISE(ABORT, 'a refund does not change');
END;

CREATE TRIGGER refunds_never_exceed_their_sale BEFORE INSERT ON refunds
WHEN NEW.refunded_minor <> NEW.amount_minor
    + (SELECT coalesce(sum(amount_minor), 0) FROM refunds WHERE payment_hash = NEW.payment_hash)
  OR NEW.refunded_minor > (SELECT amount_minor FROM payments WHERE payment_hash = NEW.payment_hash)
BEGIN
  SELECT RAISE(ABORT, 'more than the sale would be given back');
END;

CREATE TRIGGER refunds_stay BEFORE DELETE ON refunds
BEGIN
  SELECT RAISE(ABORT, 'a refund stays');
END;

CREATE TRIGGER requests_are_paid_by_payments BEFORE UPDATE OF state ON requests WHEN NEW.state = 'paid'
BEGIN
  SELECT RAISE(ABORT, 'a request is paid by its payment');
END;

CREATE TRIGGER requests_are_signed BEFORE UPDATE OF request_id, sale_id, nonce, hash, bytes, amount_minor, currency ON requests
BEGIN
  SELECT RAISE(ABORT, 'a signed request does not change');
END;

CREATE TRIGGER requests_begin_open AFTER INSERT ON requests WHEN NEW.state = 'open'
BEGIN
  INSERT INTO open_requests (request_id) VALUES (NEW.request_id);
END;

CREATE TRIGGER requests_end_once BEFORE UPDATE OF state ON requests
WHEN NEW.state = 'open' OR NOT EXISTS (SELECT 1 FROM open_requests WHERE request_id = OLD.request_id)
BEGIN
  SELECT RAISE(ABORT, 'a request that is over stays as it ended');
END;

CREATE TRIGGER requests_open_are_bounded BEFORE INSERT ON requests
WHEN NEW.state = 'open'
  AND (SELECT count(*) FROM open_requests) >= (SELECT most_open FROM till_settings WHERE id = 1)
BEGIN
  SELECT RAISE(ABORT, 'as many requests are open as this till may have');
END;

CREATE TRIGGER requests_stay BEFORE DELETE ON requests
BEGIN
  SELECT RAISE(ABORT, 'a used nonce stays used');
END;

CREATE TRIGGER requests_that_end_are_open_no_more AFTER UPDATE OF state ON requests
BEGIN
  DELETE FROM open_requests WHERE request_id = NEW.request_id;
END;

CREATE TRIGGER trust_bundle_never_goes_back BEFORE UPDATE OF trust_bundle_version, trust_signer_generation ON kiosk
WHEN NEW.trust_signer_generation < OLD.trust_signer_generation
  OR (NEW.trust_signer_generation = OLD.trust_signer_generation AND NEW.trust_bundle_version < OLD.trust_bundle_version)
BEGIN
  SELECT RAISE(ABORT, 'an older trust bundle never replaces a newer one');
END;

CREATE TRIGGER what_was_signed_stays_signed BEFORE UPDATE OF signed_sequence ON journal_standing
WHEN NEW.signed_sequence < OLD.signed_sequence
BEGIN
  SELECT RAISE(ABORT, 'what was signed stays signed');
END;
