-- A transfer's entries arrive together, once. That each statement sums to zero was asked before; two entries more, which sum
-- to zero themselves, could still have been put to a transfer that stands, and moved money under its name.
-- Counted by the index that begins with the transfer, never by a scan of all entries.
CREATE OR REPLACE FUNCTION ledger_entries_balanced() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  unbalanced record;
  late uuid;
BEGIN
  SELECT transfer_id, currency, sum(amount_minor) AS total INTO unbalanced
    FROM new_entries GROUP BY transfer_id, currency HAVING sum(amount_minor) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entries of transfer % sum to % %, not to zero',
      unbalanced.transfer_id, unbalanced.total, unbalanced.currency USING ERRCODE = 'check_violation';
  END IF;
  SELECT n.transfer_id INTO late
    FROM (SELECT transfer_id, count(*) AS entries FROM new_entries GROUP BY transfer_id) n
    CROSS JOIN LATERAL (SELECT count(*) AS entries FROM ledger_entries e WHERE e.transfer_id = n.transfer_id) s
    WHERE s.entries <> n.entries LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'transfer % has its entries already', late USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END
$$;
