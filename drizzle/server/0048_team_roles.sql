-- What a place in a team allows, for the database too: who works for a merchant saw and wrote all rows of it, whatever the own role
-- was. The rules are those of the contract (server/contract/permissions.ts, and `mayChange` in server/src/accounts/teams.ts): a manager
-- manages cashiers and tills, an owner everybody and what programs are told, a cashier nothing.

-- As what the person of this transaction works for its merchant; null for who does not. By the owner: team_members would ask itself for ever.
CREATE FUNCTION app_team_role() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
  AS $$ SELECT m.role FROM public.team_members m
    WHERE m.user_id = public.app_user() AND m.merchant_id = public.app_merchant() AND m.ended_at IS NULL $$;
-- Whether that person may bring somebody into the role, or out of it.
CREATE FUNCTION may_manage_role(wanted text) RETURNS boolean LANGUAGE sql STABLE
  AS $$ SELECT coalesce(wanted <> 'owner' AND (app_team_role() = 'owner' OR (app_team_role() = 'manager' AND wanted = 'cashier')), false) $$;
-- Another role is a place that ends and one that begins, in one transaction: nobody else is brought in but by an invitation.
CREATE FUNCTION place_ended_now(merchant uuid, person uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, public
  AS $$ SELECT EXISTS (SELECT FROM public.team_members m WHERE m.merchant_id = merchant AND m.user_id = person
    AND m.ended_by = public.app_user() AND m.xmin = pg_current_xact_id()::xid) $$;
-- Rules beside those that say whose the rows are: both must hold.
CREATE FUNCTION guard_member_role(guarded regclass, commands text[], allowed text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  command text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tiki_member') THEN RETURN; END IF;
  FOREACH command IN ARRAY commands LOOP
    EXECUTE format('CREATE POLICY %I ON %s AS RESTRICTIVE FOR %s TO tiki_member %s WITH CHECK (%s)', 'member_role_' || lower(command),
      guarded, command, CASE command WHEN 'UPDATE' THEN 'USING (true)' ELSE '' END, allowed);
  END LOOP;
END $$;
-- Which rows may be locked stays as it was: what a manager may not change is refused by name, not unseen.
-- By an invitation (as in 0032), or as somebody's change of role; and nobody leaves to come back as something better.
SELECT guard_member_role('team_members', '{INSERT}', 'user_id = (SELECT app_user()) AND EXISTS (
    SELECT FROM team_invitations i WHERE i.merchant_id = team_members.merchant_id AND i.phone = (SELECT app_phone())
      AND i.role = team_members.role AND i.expires_at > now()
      AND (i.ended_at IS NULL OR (i.ended_reason = ''accepted'' AND i.xmin = pg_current_xact_id()::xid)))
  OR may_manage_role(role) AND place_ended_now(merchant_id, user_id)');
SELECT guard_member_role('team_members', '{UPDATE}', 'ended_at IS NOT NULL AND ended_by = (SELECT app_user())
  AND (user_id = (SELECT app_user()) AND role <> ''owner'' OR merchant_id = (SELECT app_merchant()) AND may_manage_role(role))');
SELECT guard_member_role('team_invitations', '{INSERT}', 'invited_by = (SELECT app_user()) AND may_manage_role(role)');
SELECT guard_member_role('team_invitations', '{UPDATE}', 'ended_at IS NOT NULL
  AND (phone = (SELECT app_phone()) OR invited_by = (SELECT app_user()) OR merchant_id = (SELECT app_merchant()) AND may_manage_role(role))');
SELECT guard_member_role(one::regclass, '{INSERT,UPDATE}', '(SELECT app_team_role()) IN (''owner'', ''manager'')')
FROM unnest(ARRAY['kiosks', 'kiosk_enrolments', 'kiosk_events', 'merchant_limits']) AS one;
SELECT guard_member_role('denied_subjects', '{INSERT}', 'kind <> ''kiosk'' OR (SELECT app_team_role()) IN (''owner'', ''manager'')');
SELECT guard_member_role(one::regclass, '{INSERT,UPDATE}', '(SELECT app_team_role()) = ''owner''')
FROM unnest(ARRAY['webhook_endpoints', 'webhook_deliveries']) AS one;
