-- Every issuer certificate that a trust bundle in force brought along. A later bundle names fewer; the journal's entries
-- outlive it, and an exported journal is checked with the certificates of their days.
CREATE TABLE issuer_certificates (
  bytes BLOB PRIMARY KEY NOT NULL,
  received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE TRIGGER issuer_certificates_stay BEFORE DELETE ON issuer_certificates
BEGIN
  SELECT RAISE(ABORT, 'what was once certified is needed to check what was sold under it');
END;
