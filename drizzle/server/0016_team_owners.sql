-- Whoever registered a business before there were teams is the owner of one.
INSERT INTO team_members (id, merchant_id, user_id, role, added_at)
  SELECT gen_random_uuid(), id, owner_user_id, 'owner', created_at FROM merchants;
--> statement-breakpoint
-- Who could do what, and when, is not deleted: a place in a team ends.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_app') THEN
    REVOKE DELETE ON team_members, team_invitations FROM tiki_app;
  END IF;
END
$$;
