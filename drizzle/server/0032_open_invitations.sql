-- Somebody joins a team by an invitation that is open, to their own number and in the role that it names. One that was withdrawn,
-- declined, taken back or used is none; the one whose answer is written in this very transaction is (an older release writes that first).
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_member') THEN RETURN; END IF;
  ALTER POLICY member_adds ON team_members WITH CHECK (
    role <> 'owner' AND (merchant_id = (SELECT app_merchant()) OR (user_id = (SELECT app_user()) AND EXISTS (
      SELECT FROM team_invitations i WHERE i.merchant_id = team_members.merchant_id AND i.phone = (SELECT app_phone())
        AND i.role = team_members.role AND i.expires_at > now()
        AND (i.ended_at IS NULL OR (i.ended_reason = 'accepted' AND i.xmin = pg_current_xact_id()::xid))))));
  -- And what has ended, an invitation or a place in a team, is not opened again.
  ALTER POLICY member_changes ON team_invitations
    USING (ended_at IS NULL AND (merchant_id = (SELECT app_merchant()) OR phone = (SELECT app_phone())))
    WITH CHECK (merchant_id = (SELECT app_merchant()) OR phone = (SELECT app_phone()));
  ALTER POLICY member_changes ON team_members
    USING (ended_at IS NULL AND (user_id = (SELECT app_user()) OR merchant_id = (SELECT app_merchant())))
    WITH CHECK (user_id = (SELECT app_user()) OR merchant_id = (SELECT app_merchant()));
END $$;
--> statement-breakpoint
-- Whoever was appointed before appointments were written down (0031) stands in the audit log as found. The id is one of time, as the
-- application makes them: the log is read in their order.
INSERT INTO operator_acts (id, operator_id, act, subject_id, reason, at)
  SELECT (lpad(to_hex(floor(extract(epoch FROM now()) * 1000)::bigint), 12, '0') || '7'
      || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid,
    u.id, 'operator_appointed', u.id, 'found in office when appointments began to be written down', now()
  FROM users u WHERE u.role = 'operator'
    AND NOT EXISTS (SELECT FROM operator_acts a WHERE a.subject_id = u.id AND a.act = 'operator_appointed');
