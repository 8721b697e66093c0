-- The cloud's word that this till sells nothing for now, kept so that no restart without internet forgets it.
ALTER TABLE till_settings ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0 CHECK (suspended IN (0, 1));
