-- Counting the books names what damaged certificates did (server/src/settlement/damage.ts), and an operator's page asks for it: tills'
-- certificates, which are public by nature, and what settlement refused for one. Reads only.
DO $$
DECLARE
  guarded regclass;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_operator') THEN RETURN; END IF;
  GRANT SELECT ON kiosk_certificates, kiosk_journal, journal_pieces, sales, refund_entries TO tiki_operator;
  FOR guarded IN SELECT c.oid FROM pg_class c WHERE c.relrowsecurity
    AND c.oid IN ('kiosk_certificates'::regclass, 'kiosk_journal'::regclass, 'journal_pieces'::regclass, 'sales'::regclass,
      'refund_entries'::regclass) LOOP
    EXECUTE format('CREATE POLICY operator_reads ON %s FOR SELECT TO tiki_operator USING (true)', guarded);
  END LOOP;
END $$;
