-- What a statement's entries must be is asked by one query, which finds all keys of a table in one walk along its index. It took four, with
-- two looks for each transfer. The one says only that nothing is odd, and is strict: what it does not say yes to is asked again as before
-- (0034, 0026), which finds what is odd, or that nothing is. Nothing is locked, and nothing else changes: both functions keep their triggers.
-- Tables are named with their schema: a temporary table of their name, which whoever writes may make, comes first otherwise.
CREATE OR REPLACE FUNCTION ledger_entries_balanced() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public SET enable_seqscan = off AS $$
DECLARE
  odd record;
BEGIN
  -- As many transfers as sums: each is there, and has one currency. As many entries as came: it had none before. As many accounts as
  -- entries: each is there, in its entry's currency. "offset 0" keeps each a look-up by its key, however many came when this was planned.
  IF (
    SELECT n.balanced
      AND (SELECT count(*) FROM public.ledger_transfers t WHERE t.id = ANY (n.transfers)) = n.sums
      AND (SELECT count(*) FROM public.ledger_entries e WHERE e.transfer_id = ANY (n.transfers)) = n.entries
      AND (SELECT count(*) FROM new_entries e CROSS JOIN LATERAL (
        SELECT FROM public.ledger_accounts a WHERE a.id = e.account_id AND a.currency = e.currency OFFSET 0) a) = n.entries
    FROM (
      SELECT bool_and(s.total = 0) AS balanced, count(*) AS sums, sum(s.entries) AS entries, array_agg(s.transfer_id) AS transfers
      FROM (SELECT transfer_id, sum(amount_minor) AS total, count(*) AS entries FROM new_entries GROUP BY transfer_id, currency) s
    ) n
  ) THEN
    RETURN NULL;
  END IF;
  SELECT transfer_id, currency, sum(amount_minor) AS total INTO odd
    FROM new_entries GROUP BY transfer_id, currency HAVING sum(amount_minor) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entries of transfer % sum to % %, not to zero',
      odd.transfer_id, odd.total, odd.currency USING ERRCODE = 'check_violation';
  END IF;
  SELECT n.transfer_id, s.entries, n.entries AS fresh INTO odd
    FROM (SELECT transfer_id, count(*) AS entries FROM new_entries GROUP BY transfer_id) n
    LEFT JOIN LATERAL (SELECT (SELECT count(*) FROM public.ledger_entries e WHERE e.transfer_id = t.id) AS entries
      FROM public.ledger_transfers t WHERE t.id = n.transfer_id) s ON true
    WHERE s.entries IS DISTINCT FROM n.entries LIMIT 1;
  IF FOUND AND odd.entries IS NULL THEN
    RAISE EXCEPTION 'an entry names transfer %, which is not there', odd.transfer_id USING ERRCODE = 'foreign_key_violation';
  ELSIF FOUND THEN
    RAISE EXCEPTION 'transfer % has its entries already', odd.transfer_id USING ERRCODE = 'check_violation';
  END IF;
  SELECT n.account_id, n.currency INTO odd
    FROM (SELECT DISTINCT account_id, currency FROM new_entries) n
    LEFT JOIN public.ledger_accounts a ON a.id = n.account_id AND a.currency = n.currency
    WHERE a.id IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'an entry names account % in %, which is not there', odd.account_id, odd.currency
      USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
-- By the tables' owner too: the plan of a query under row-level security is made anew whenever its session takes on another role.
CREATE OR REPLACE FUNCTION ledger_transfers_complete() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public SET enable_seqscan = off AS $$
DECLARE
  bare uuid;
BEGIN
  IF (
    SELECT (SELECT count(DISTINCT e.transfer_id) FROM public.ledger_entries e WHERE e.transfer_id = ANY (n.ids)) = n.transfers
    FROM (SELECT count(*) AS transfers, array_agg(id) AS ids FROM new_transfers) n
  ) THEN
    RETURN NULL;
  END IF;
  SELECT t.id INTO bare FROM new_transfers t
    LEFT JOIN LATERAL (SELECT true AS found FROM public.ledger_entries WHERE transfer_id = t.id LIMIT 1) e ON true
    WHERE e.found IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'transfer % has 0 entries and does not sum to zero', bare USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END
$$;
