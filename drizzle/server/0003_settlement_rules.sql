-- What kiosks and phones signed, and what came of it, is evidence: the application adds rows and changes none.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app') THEN
    REVOKE UPDATE, DELETE ON kiosk_journal, settlement_batches, payments, sales, double_spend_cases, broken_chains,
      issuer_certificates, kiosk_certificates FROM tiki_app;
    REVOKE DELETE ON allowances, kiosks, kiosk_enrolments, denied_subjects, trust_state, debts FROM tiki_app;
  END IF;
END
$$;
