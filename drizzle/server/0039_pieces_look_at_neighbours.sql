-- Whether a piece stands apart is asked of its neighbours. It was asked of every later piece of its machine: nothing for a till that
-- settles, whose pieces come last; a backup that comes back in one statement looked at half the square of a till's pieces.
-- Pieces that end inside a fresh one are all read, and of those that end behind it the next one only: behind that one there is one
-- that begins earlier only where these two overlap, which is found at them.
CREATE OR REPLACE FUNCTION journal_pieces_apart() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public SET enable_seqscan = off AS $$
DECLARE
  odd record;
BEGIN
  IF TG_TABLE_NAME = 'journal_pieces' THEN
    SELECT n.enrolment_id, n.from_sequence INTO odd FROM fresh n
      WHERE EXISTS (SELECT FROM journal_pieces p WHERE p.enrolment_id = n.enrolment_id
          AND p.to_sequence >= n.from_sequence AND p.to_sequence < n.to_sequence)
        OR (SELECT p.from_sequence FROM journal_pieces p WHERE p.enrolment_id = n.enrolment_id AND p.to_sequence > n.to_sequence
          ORDER BY p.to_sequence LIMIT 1) <= n.to_sequence
        OR EXISTS (SELECT FROM kiosk_journal j
          WHERE j.enrolment_id = n.enrolment_id AND j.sequence BETWEEN n.from_sequence AND n.to_sequence) LIMIT 1;
  ELSE
    SELECT n.enrolment_id, n.sequence AS from_sequence INTO odd FROM fresh n
      WHERE (SELECT p.from_sequence FROM journal_pieces p WHERE p.enrolment_id = n.enrolment_id AND p.to_sequence >= n.sequence
        ORDER BY p.to_sequence LIMIT 1) <= n.sequence LIMIT 1;
  END IF;
  IF FOUND THEN
    RAISE EXCEPTION 'the journal of machine % has entries at % already', odd.enrolment_id, odd.from_sequence
      USING ERRCODE = 'unique_violation';
  END IF;
  RETURN NULL;
END
$$;
