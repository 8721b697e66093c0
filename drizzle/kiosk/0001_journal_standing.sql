-- Whether this journal may still give out numbers. A data folder that was restored from an old copy, or copied to a
-- second machine, would give out the same sequence numbers twice: one row remembers what proves that.
CREATE TABLE journal_standing (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- The highest entry that was ever signed into a batch: the cloud cannot have heard of a later one from this file.
  signed_sequence INTEGER NOT NULL CHECK (signed_sequence >= 0),
  -- Why nothing is written any more; NULL while all is well.
  doubt TEXT CHECK (doubt IN ('unconfirmed', 'behind_cloud', 'differs_from_cloud')),
  -- When the file came into being, by the file system; another time means a copy. NULL where that is not known.
  file_born_ns TEXT
) STRICT;
--> statement-breakpoint
INSERT INTO journal_standing (id, signed_sequence) SELECT 1, coalesce(max(sequence), 0) FROM journal;
--> statement-breakpoint
CREATE TRIGGER what_was_signed_stays_signed BEFORE UPDATE OF signed_sequence ON journal_standing
WHEN NEW.signed_sequence < OLD.signed_sequence
BEGIN
  SELECT RAISE(ABORT, 'what was signed stays signed');
END;
--> statement-breakpoint
CREATE TRIGGER journal_standing_stays BEFORE DELETE ON journal_standing
BEGIN
  SELECT RAISE(ABORT, 'the standing of a journal stays');
END;
--> statement-breakpoint
CREATE TRIGGER journal_in_doubt_gives_no_numbers BEFORE INSERT ON journal
WHEN (SELECT doubt FROM journal_standing WHERE id = 1) IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'a journal in doubt gives out no numbers');
END;
