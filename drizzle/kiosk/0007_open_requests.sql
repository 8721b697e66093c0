-- How many requests may be open at this till at one time: one, or by the shop's choice several.
CREATE TABLE till_settings (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  most_open INTEGER NOT NULL CHECK (most_open BETWEEN 1 AND 8)
) STRICT;
--> statement-breakpoint
INSERT INTO till_settings (id, most_open) VALUES (1, 1);
--> statement-breakpoint
DROP INDEX requests_one_open;
--> statement-breakpoint
CREATE INDEX requests_open ON requests (state) WHERE state = 'open';
--> statement-breakpoint
CREATE TRIGGER requests_open_are_bounded BEFORE INSERT ON requests
WHEN NEW.state = 'open'
  AND (SELECT count(*) FROM requests WHERE state = 'open') >= (SELECT most_open FROM till_settings WHERE id = 1)
BEGIN
  SELECT RAISE(ABORT, 'as many requests are open as this till may have');
END;
--> statement-breakpoint
-- The cashier has seen how it ended: it is not shown again after a restart.
ALTER TABLE requests ADD COLUMN put_away INTEGER NOT NULL DEFAULT 0 CHECK (put_away IN (0, 1));
