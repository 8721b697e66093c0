/** A merchant's team, from both sides: who manages it, and who is invited. */
import { createRoute } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { z } from 'zod';
import {
  InviteBody,
  ReceivedInvitations,
  SetTeamRoleBody,
  TeamView,
  User,
  Uuid,
} from '../../contract/index.ts';
import {
  answerInvitation,
  findMembership,
  findUserView,
  invite,
  leaveTeam,
  listReceived,
  normalisePhone,
  readTeam,
  removeMember,
  setTeamRole,
  type TeamActor,
  withdrawInvitation,
} from '../accounts/index.ts';
import type { RegisterRoutes } from '../context.ts';
import type { Tenant } from '../db/tenant.ts';
import { problem } from '../http/problem.ts';
import { type AppEnv, answers, bearer, bearerOf, json, refusals } from '../http/router.ts';

const tags = ['team'];
const params = z.object({ id: Uuid });
const team = { 200: answers(TeamView, 'The team'), ...refusals };
const person = { 200: answers(User, 'The person'), ...refusals };
const readRoute = createRoute({
  method: 'get',
  path: '/v1/merchant/team',
  tags,
  summary: 'Who works here, and who is invited',
  security: bearerOf('team.read'),
  responses: team,
});
const inviteRoute = createRoute({
  method: 'post',
  path: '/v1/merchant/team/invitations',
  tags,
  summary: 'Invite whoever proves a phone number',
  security: bearerOf('team.manage'),
  request: { body: { content: json(InviteBody), required: true } },
  responses: team,
});
const withdrawRoute = createRoute({
  method: 'delete',
  path: '/v1/merchant/team/invitations/{id}',
  tags,
  summary: 'Take an invitation back',
  security: bearerOf('team.manage'),
  request: { params },
  responses: team,
});
const setRoleRoute = createRoute({
  method: 'put',
  path: '/v1/merchant/team/members/{id}',
  tags,
  summary: "Change somebody's role; `id` is the person's",
  security: bearerOf('team.manage'),
  request: { params, body: { content: json(SetTeamRoleBody), required: true } },
  responses: team,
});
const removeRoute = createRoute({
  method: 'delete',
  path: '/v1/merchant/team/members/{id}',
  tags,
  summary: 'Send somebody away, at once',
  security: bearerOf('team.manage'),
  request: { params },
  responses: team,
});
const receivedRoute = createRoute({
  method: 'get',
  path: '/v1/team-invitations',
  tags,
  summary: "Invitations of the signed-in person's number",
  security: bearer,
  responses: { 200: answers(ReceivedInvitations, 'The invitations'), ...refusals },
});
const acceptRoute = createRoute({
  method: 'post',
  path: '/v1/team-invitations/{id}/accept',
  tags,
  summary: 'Join the team',
  security: bearer,
  request: { params },
  responses: person,
});
const declineRoute = createRoute({
  method: 'post',
  path: '/v1/team-invitations/{id}/decline',
  tags,
  summary: 'Turn an invitation down',
  security: bearer,
  request: { params },
  responses: person,
});
const leaveRoute = createRoute({
  method: 'delete',
  path: '/v1/team-membership',
  tags,
  summary: 'Leave the team',
  security: bearer,
  responses: person,
});

export const registerTeam: RegisterRoutes = (router, context) => {
  const { asTenant, auth, clock, config, db, dbOf, limits } = context;
  const needsOf = (tenant: Tenant) => ({ db: dbOf(tenant), clock });
  const teamOf = ({ userId, merchantId, teamRole }: TeamActor) =>
    asTenant({ userId, merchantId }, (tx) => readTeam({ db: tx, clock }, { userId, merchantId, teamRole }));
  const personOf = async (userId: string) => {
    const user = await findUserView(db, userId, config.currency);
    if (user === undefined) throw problem('not_authenticated');
    return user;
  };
  const answer = async (c: Context<AppEnv>, given: { id: string; isAccepted: boolean }) => {
    const { userId } = await auth.requireUser(c);
    await answerInvitation(needsOf({ userId, merchantId: null }), { userId, ...given });
    return personOf(userId);
  };

  router.openapi(readRoute, async (c) =>
    c.json(await teamOf(await auth.requireMerchant(c, 'team.read')), 200),
  );
  router.openapi(inviteRoute, async (c) => {
    const actor = await auth.requireMerchant(c, 'team.manage');
    await limits.take('invitation_by_user', actor.userId);
    const { phone, role } = c.req.valid('json');
    await invite(needsOf(actor), actor, { phone: normalisePhone(phone, config.region), role });
    return c.json(await teamOf(actor), 200);
  });
  router.openapi(withdrawRoute, async (c) => {
    const actor = await auth.requireMerchant(c, 'team.manage');
    await withdrawInvitation(needsOf(actor), actor, c.req.valid('param').id);
    return c.json(await teamOf(actor), 200);
  });
  router.openapi(setRoleRoute, async (c) => {
    const actor = await auth.requireMerchant(c, 'team.manage');
    const changed = { userId: c.req.valid('param').id, role: c.req.valid('json').role };
    await setTeamRole(needsOf(actor), actor, changed);
    return c.json(await teamOf(actor), 200);
  });
  router.openapi(removeRoute, async (c) => {
    const actor = await auth.requireMerchant(c, 'team.manage');
    await removeMember(needsOf(actor), actor, c.req.valid('param').id);
    return c.json(await teamOf(actor), 200);
  });
  router.openapi(receivedRoute, async (c) => {
    const { userId } = await auth.requireUser(c);
    const received = await asTenant({ userId, merchantId: null }, (tx) =>
      listReceived({ db: tx, clock }, userId),
    );
    return c.json(received, 200);
  });
  router.openapi(acceptRoute, async (c) =>
    c.json(await answer(c, { id: c.req.valid('param').id, isAccepted: true }), 200),
  );
  router.openapi(declineRoute, async (c) =>
    c.json(await answer(c, { id: c.req.valid('param').id, isAccepted: false }), 200),
  );
  router.openapi(leaveRoute, async (c) => {
    const { userId } = await auth.requireUser(c);
    const membership = await findMembership(db, userId);
    await leaveTeam(needsOf({ userId, merchantId: membership?.merchantId ?? null }), userId);
    return c.json(await personOf(userId), 200);
  });
};
