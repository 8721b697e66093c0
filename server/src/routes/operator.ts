/**
 * What an operator sees and does: no more than the commands of a terminal and the suspension of an account. Every act has a reason and a
 * line in the audit log.
 */
import { createRoute } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { z } from 'zod';
import {
  CBOR_MEDIA_TYPE,
  DamageView,
  DeniedView,
  FindUserBody,
  JudgeBody,
  OperatorActView,
  OperatorCaseView,
  OperatorClaimView,
  OperatorOverview,
  OperatorUserView,
  pageOf,
  PageQuery,
  PolicyView,
  Quarantines,
  ReasonBody,
  ReconciliationView,
  Uuid,
} from '../../contract/index.ts';
import { normalisePhone } from '../accounts/index.ts';
import type { RegisterRoutes } from '../context.ts';
import { type AppEnv, answers, bearer, json, refusals } from '../http/router.ts';
import { listActs } from '../operator/audit.ts';
import { judgeCase, listCases } from '../operator/cases.ts';
import { listDenied } from '../operator/denied.ts';
import { readDamage, readOverview, readPolicy, readReconciliation } from '../operator/overview.ts';
import { endSessions, findPerson, restorePerson, suspendPerson } from '../operator/people.ts';
import { listQuarantines, releaseQuarantine } from '../operator/quarantines.ts';
import { doubleSpendProof, listClaims } from '../settlement/index.ts';

const tags = ['operator'];
const params = z.object({ id: Uuid });
const reasoned = { params, body: { content: json(ReasonBody), required: true } };
const person = { 200: answers(OperatorUserView, 'The person, masked'), ...refusals };
const read = <P extends string, T extends z.ZodType>(path: P, summary: string, schema: T) =>
  createRoute({
    method: 'get',
    path,
    tags,
    summary,
    security: bearer,
    responses: { 200: answers(schema, summary), ...refusals },
  });
const readPage = <P extends string, T extends z.ZodType>(path: P, summary: string, schema: T) =>
  createRoute({
    method: 'get',
    path,
    tags,
    summary,
    security: bearer,
    request: { query: PageQuery },
    responses: { 200: answers(pageOf(schema), 'A page, newest first'), ...refusals },
  });
const actOnPerson = <P extends string>(path: P, summary: string) =>
  createRoute({
    method: 'post',
    path,
    tags,
    summary,
    security: bearer,
    request: reasoned,
    responses: person,
  });

const overviewRoute = read('/v1/operator/overview', 'How the installation is', OperatorOverview);
const policyRoute = read('/v1/operator/policy', 'The rules in force', PolicyView);
const quarantinesRoute = read(
  '/v1/operator/quarantines',
  'Journals that contradicted themselves',
  Quarantines,
);
const deniedRoute = readPage('/v1/operator/denied', 'The deny list', DeniedView);
const casesRoute = readPage('/v1/operator/double-spends', 'Proven double spends', OperatorCaseView);
const claimsRoute = readPage('/v1/operator/claims', "What customers' receipts brought", OperatorClaimView);
const damageRoute = readPage('/v1/operator/damage', 'What damaged certificates did', DamageView);
const actsRoute = readPage('/v1/operator/acts', 'The audit log', OperatorActView);
const suspendRoute = actOnPerson(
  '/v1/operator/users/{id}/suspend',
  'Sign somebody out and let them in no more',
);
const restoreRoute = actOnPerson('/v1/operator/users/{id}/restore', 'Let somebody in again');
const endSessionsRoute = actOnPerson('/v1/operator/users/{id}/end-sessions', 'Sign somebody out everywhere');
const reconcileRoute = createRoute({
  method: 'post',
  path: '/v1/operator/reconciliation',
  tags,
  summary: 'Count everything anew and compare with Stripe; changes nothing',
  security: bearer,
  responses: { 200: answers(ReconciliationView, 'What was found'), ...refusals },
});
const findRoute = createRoute({
  method: 'post',
  path: '/v1/operator/users/find',
  tags,
  summary: 'Find somebody by the whole phone number',
  security: bearer,
  request: { body: { content: json(FindUserBody), required: true } },
  responses: person,
});
const releaseRoute = createRoute({
  method: 'post',
  path: '/v1/operator/quarantines/{id}/release',
  tags,
  summary: 'Let a till go on from its stored journal',
  security: bearer,
  request: reasoned,
  responses: { 200: answers(Quarantines, 'What is still in quarantine'), ...refusals },
});
const judgeRoute = createRoute({
  method: 'post',
  path: '/v1/operator/double-spends/{id}/judgement',
  tags,
  summary: 'Say whether a case is fraud, and why',
  security: bearer,
  request: { params, body: { content: json(JudgeBody), required: true } },
  responses: { 204: { description: 'It is written down' }, ...refusals },
});
const proofBody = { [CBOR_MEDIA_TYPE]: { schema: z.unknown().meta({ type: 'string', format: 'binary' }) } };
const proofRoute = createRoute({
  method: 'get',
  path: '/v1/operator/double-spends/{id}/proof',
  tags,
  summary: 'The proof of one case',
  security: bearer,
  request: { params },
  responses: { 200: { description: 'The proof file', content: proofBody }, ...refusals },
});

export const registerOperator: RegisterRoutes = (router, context) => {
  const { auth, config, limits, offline, operatorOf } = context;
  /** Who asks; and what of the server the answer may use: the database as that operator. */
  const operator = async (c: Context<AppEnv>) => {
    const { userId } = await auth.requireRole(c, 'operator');
    const db = operatorOf(userId);
    return { userId, db, needs: { ...context, db } };
  };
  /** Before an act: who, and why. */
  const actor = async (c: Context<AppEnv>, { reason }: { readonly reason: string }) => {
    const { userId, needs } = await operator(c);
    await limits.take('act_by_operator', userId);
    return { by: { operatorId: userId, reason }, needs };
  };

  router.openapi(overviewRoute, async (c) => {
    const { needs } = await operator(c);
    return c.json(await readOverview(needs), 200);
  });
  router.openapi(policyRoute, async (c) => {
    const { needs } = await operator(c);
    return c.json(await readPolicy(needs), 200);
  });
  router.openapi(quarantinesRoute, async (c) => {
    const { db } = await operator(c);
    return c.json({ items: await listQuarantines(db) }, 200);
  });
  router.openapi(deniedRoute, async (c) => {
    const { db } = await operator(c);
    const { cursor, limit } = c.req.valid('query');
    return c.json(await listDenied(db, { cursor, limit }), 200);
  });
  router.openapi(casesRoute, async (c) => {
    const { db } = await operator(c);
    const { cursor, limit } = c.req.valid('query');
    return c.json(await listCases(db, { cursor, limit }), 200);
  });
  router.openapi(claimsRoute, async (c) => {
    const { db } = await operator(c);
    const { cursor, limit } = c.req.valid('query');
    return c.json(await listClaims(db, { merchantId: null, cursor, limit }), 200);
  });
  router.openapi(actsRoute, async (c) => {
    const { db } = await operator(c);
    const { cursor, limit } = c.req.valid('query');
    return c.json(await listActs(db, { cursor, limit }), 200);
  });
  router.openapi(reconcileRoute, async (c) => {
    const { userId, needs } = await operator(c);
    await limits.take('reconcile_by_operator', userId);
    return c.json(await readReconciliation(needs), 200);
  });
  router.openapi(damageRoute, async (c) => {
    const { userId, needs } = await operator(c);
    await limits.take('list_damage_by_operator', userId);
    const { cursor, limit } = c.req.valid('query');
    return c.json(await readDamage(needs, { cursor, limit }), 200);
  });
  router.openapi(findRoute, async (c) => {
    const { userId, needs } = await operator(c);
    await limits.take('find_by_operator', userId);
    const phone = normalisePhone(c.req.valid('json').phone, config.region);
    return c.json(await findPerson(needs, { phone, operatorId: userId }), 200);
  });
  router.openapi(suspendRoute, async (c) => {
    const { by, needs } = await actor(c, c.req.valid('json'));
    return c.json(await suspendPerson(needs, c.req.valid('param').id, by), 200);
  });
  router.openapi(restoreRoute, async (c) => {
    const { by, needs } = await actor(c, c.req.valid('json'));
    return c.json(await restorePerson(needs, c.req.valid('param').id, by), 200);
  });
  router.openapi(endSessionsRoute, async (c) => {
    const { by, needs } = await actor(c, c.req.valid('json'));
    return c.json(await endSessions(needs, c.req.valid('param').id, by), 200);
  });
  router.openapi(releaseRoute, async (c) => {
    const { by, needs } = await actor(c, c.req.valid('json'));
    return c.json({ items: await releaseQuarantine(needs, c.req.valid('param').id, by) }, 200);
  });
  router.openapi(judgeRoute, async (c) => {
    const { verdict, reason } = c.req.valid('json');
    const { by, needs } = await actor(c, { reason });
    await judgeCase(needs, c.req.valid('param').id, { ...by, verdict });
    return c.body(null, 204);
  });
  router.openapi(proofRoute, async (c) => {
    const { db } = await operator(c);
    const { id } = c.req.valid('param');
    const proof = await doubleSpendProof(db, offline.trust, { caseId: id, merchantId: null });
    return c.body(new Uint8Array(proof).buffer, 200, {
      'content-type': CBOR_MEDIA_TYPE,
      'content-disposition': `attachment; filename="double-spend-${id}.cbor"`,
    });
  });
};
