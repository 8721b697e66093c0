-- What a batch adds to a journal is one row: its entries' bytes behind each other, as they were signed. Rows of releases before stay
-- where they are. The function below reads both; nothing else may read either.
CREATE TABLE "journal_pieces" (
	"enrolment_id" uuid NOT NULL,
	"from_sequence" integer NOT NULL,
	"to_sequence" integer NOT NULL,
	"entries" "bytea" NOT NULL,
	"ends" integer[] NOT NULL,
	"kinds" "bytea" NOT NULL,
	"received_at" timestamp with time zone NOT NULL,
	CONSTRAINT "journal_pieces_enrolment_id_to_sequence_pk" PRIMARY KEY("enrolment_id","to_sequence"),
	CONSTRAINT "journal_pieces_whole" CHECK ("journal_pieces"."from_sequence" between 1 and "journal_pieces"."to_sequence"
        and cardinality("journal_pieces"."ends") = "journal_pieces"."to_sequence" - "journal_pieces"."from_sequence" + 1
        and octet_length("journal_pieces"."kinds") = cardinality("journal_pieces"."ends")
        and "journal_pieces"."ends"[cardinality("journal_pieces"."ends")] = octet_length("journal_pieces"."entries"))
);
--> statement-breakpoint
-- Signatures and hashes do not get smaller, and slices are read without the rest.
ALTER TABLE journal_pieces ALTER COLUMN entries SET STORAGE EXTERNAL;
--> statement-breakpoint
SELECT guard_tenant_table('journal_pieces', NULL);
--> statement-breakpoint
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app') THEN
    REVOKE UPDATE, DELETE ON journal_pieces FROM tiki_app;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_worker') THEN
    GRANT SELECT, INSERT ON journal_pieces TO tiki_worker;
  END IF;
END $$;
--> statement-breakpoint
-- One machine's entries between two sequences, both included, in no order. A piece is found by where it ends.
CREATE FUNCTION journal_between(machine uuid, first_sequence integer, last_sequence integer)
  RETURNS TABLE (sequence integer, kind smallint, hash bytea, bytes bytea) LANGUAGE sql STABLE AS $$
  SELECT j.sequence, j.kind, j.hash, j.bytes FROM kiosk_journal j
    WHERE j.enrolment_id = machine AND j.sequence BETWEEN first_sequence AND last_sequence
  UNION ALL
  SELECT s.sequence, get_byte(p.kinds, s.place - 1)::smallint, sha256(e.bytes), e.bytes
    FROM journal_pieces p
    CROSS JOIN LATERAL (SELECT i, i - p.from_sequence + 1
      FROM generate_series(greatest(p.from_sequence, first_sequence), least(p.to_sequence, last_sequence)) i) AS s (sequence, place)
    CROSS JOIN LATERAL (SELECT coalesce(p.ends[s.place - 1], 0) AS begin) b
    CROSS JOIN LATERAL (SELECT substring(p.entries FROM b.begin + 1 FOR p.ends[s.place] - b.begin) AS bytes) e
    WHERE p.enrolment_id = machine AND p.to_sequence >= first_sequence AND p.to_sequence <= coalesce(
      (SELECT min(q.to_sequence) FROM journal_pieces q WHERE q.enrolment_id = machine AND q.to_sequence >= last_sequence), 2147483647)
$$;
--> statement-breakpoint
CREATE TRIGGER journal_pieces_refer AFTER INSERT ON journal_pieces
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION settlement_rows_refer();
--> statement-breakpoint
CREATE TRIGGER journal_pieces_stay BEFORE UPDATE OF enrolment_id ON journal_pieces
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_rows_stay();
--> statement-breakpoint
CREATE OR REPLACE FUNCTION settlement_parent_stays() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public AS $$
DECLARE
  named boolean;
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.id = OLD.id THEN RETURN NULL; END IF;
  CASE TG_TABLE_NAME
    WHEN 'kiosk_enrolments' THEN named := EXISTS (SELECT FROM kiosk_journal WHERE enrolment_id = OLD.id)
      OR EXISTS (SELECT FROM journal_pieces WHERE enrolment_id = OLD.id)
      OR EXISTS (SELECT FROM payments WHERE enrolment_id = OLD.id) OR EXISTS (SELECT FROM sales WHERE enrolment_id = OLD.id);
    WHEN 'allowances' THEN named := EXISTS (SELECT FROM payments WHERE allowance_id = OLD.id);
    WHEN 'kiosks' THEN named := EXISTS (SELECT FROM sales WHERE kiosk_id = OLD.id);
  END CASE;
  IF named THEN
    RAISE EXCEPTION '% on % is refused: rows of settlement name %', TG_OP, TG_TABLE_NAME, OLD.id
      USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
-- A sequence of a machine stands once, in whichever of both tables. Whoever adds holds the machine's lock.
CREATE FUNCTION journal_pieces_apart() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public SET enable_seqscan = off AS $$
DECLARE
  odd record;
BEGIN
  IF TG_TABLE_NAME = 'journal_pieces' THEN
    SELECT n.enrolment_id, n.from_sequence INTO odd FROM fresh n
      WHERE EXISTS (SELECT FROM journal_pieces p WHERE p.enrolment_id = n.enrolment_id AND p.to_sequence >= n.from_sequence
          AND p.to_sequence <> n.to_sequence AND p.from_sequence <= n.to_sequence)
        OR EXISTS (SELECT FROM kiosk_journal j
          WHERE j.enrolment_id = n.enrolment_id AND j.sequence BETWEEN n.from_sequence AND n.to_sequence) LIMIT 1;
  ELSE
    SELECT n.enrolment_id, n.sequence AS from_sequence INTO odd FROM fresh n
      WHERE EXISTS (SELECT FROM journal_pieces p WHERE p.enrolment_id = n.enrolment_id AND p.to_sequence >= n.sequence
        AND p.from_sequence <= n.sequence) LIMIT 1;
  END IF;
  IF FOUND THEN
    RAISE EXCEPTION 'the journal of machine % has entries at % already', odd.enrolment_id, odd.from_sequence
      USING ERRCODE = 'unique_violation';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER journal_pieces_apart AFTER INSERT ON journal_pieces
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION journal_pieces_apart();
--> statement-breakpoint
CREATE TRIGGER kiosk_journal_apart AFTER INSERT ON kiosk_journal
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION journal_pieces_apart();
--> statement-breakpoint
-- As before, and this table beside the others of settlement.
CREATE OR REPLACE FUNCTION narrow_application_role() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app')
    OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_member')
    OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_worker') THEN RETURN; END IF;
  -- Settlement's.
  REVOKE INSERT, UPDATE, DELETE ON claims, kiosk_journal, journal_pieces, settlement_batches, payments, sales, guarantee_use, double_spend_cases, broken_chains,
    refunds, refund_sums, refund_entries FROM tiki_app;
  REVOKE UPDATE (state, settled_at) ON refunds FROM tiki_app;
  REVOKE UPDATE (refunded_minor) ON refund_sums FROM tiki_app;
  -- Of money in and out, and of what merchants' programs are told.
  REVOKE INSERT, DELETE ON withdrawals, top_ups FROM tiki_app;
  REVOKE INSERT, UPDATE, DELETE ON top_up_disputes, top_up_refund_failures, webhook_endpoints, webhook_deliveries FROM tiki_app;
  -- Closing an account ends and erases a merchant's.
  GRANT UPDATE (url, disabled_at) ON webhook_endpoints TO tiki_app;
  -- A merchant's and a person's own.
  REVOKE INSERT, UPDATE, DELETE ON merchant_limits, kiosk_events FROM tiki_app;
  REVOKE INSERT, DELETE ON kiosks, team_invitations, allowances FROM tiki_app;
END $$;
