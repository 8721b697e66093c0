-- Which generation of the issuer's key signed the bundle in force. A newer generation may name a lower version: an older
-- key that leaked could otherwise name versions that its successor never reaches.
ALTER TABLE kiosk ADD COLUMN trust_signer_generation INTEGER NOT NULL DEFAULT 0 CHECK (trust_signer_generation >= 0);
--> statement-breakpoint
DROP TRIGGER trust_bundle_never_goes_back;
--> statement-breakpoint
CREATE TRIGGER trust_bundle_never_goes_back BEFORE UPDATE OF trust_bundle_version, trust_signer_generation ON kiosk
WHEN NEW.trust_signer_generation < OLD.trust_signer_generation
  OR (NEW.trust_signer_generation = OLD.trust_signer_generation AND NEW.trust_bundle_version < OLD.trust_bundle_version)
BEGIN
  SELECT RAISE(ABORT, 'an older trust bundle never replaces a newer one');
END;
