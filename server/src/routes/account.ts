/** The signed-in person's own account: devices, codes for risky acts, another number, the end of it. */
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import {
  CloseAccountBody,
  ClosingView,
  DeviceSessions,
  PhoneChangeBody,
  PhoneChangeStarted,
  PhoneChangeVerifyBody,
  StepUpBody,
  StepUpStarted,
  StepUpVerifyBody,
  User,
  Uuid,
} from '../../contract/index.ts';
import {
  closeAccount,
  closingBlockers,
  findUserView,
  finishPhoneChange,
  proveStepUp,
  startPhoneChange,
  startStepUp,
  writeEvent,
} from '../accounts/index.ts';
import type { RegisterRoutes } from '../context.ts';
import { problem } from '../http/problem.ts';
import { answers, bearer, json, refusals } from '../http/router.ts';

const tags = ['accounts'];
const done = { 204: { description: 'Done' }, ...refusals };
const sessionsRoute = createRoute({
  method: 'get',
  path: '/v1/sessions',
  tags,
  summary: 'Where the person is signed in',
  security: bearer,
  responses: { 200: answers(DeviceSessions, 'The last used first'), ...refusals },
});
const endSessionRoute = createRoute({
  method: 'delete',
  path: '/v1/sessions/{id}',
  tags,
  summary: 'Sign out one device',
  security: bearer,
  request: { params: z.object({ id: Uuid }) },
  responses: done,
});
const endAllRoute = createRoute({
  method: 'delete',
  path: '/v1/sessions',
  tags,
  summary: 'Sign out everywhere, here too',
  security: bearer,
  responses: done,
});
const stepUpRoute = createRoute({
  method: 'post',
  path: '/v1/step-ups',
  tags,
  summary: 'Ask for a code for a risky act',
  security: bearer,
  request: { body: { content: json(StepUpBody), required: true } },
  responses: { 200: answers(StepUpStarted, 'The code is on its way'), ...refusals },
});
const stepUpVerifyRoute = createRoute({
  method: 'post',
  path: '/v1/step-ups/verify',
  tags,
  summary: 'Prove a risky act: this session may do it once',
  security: bearer,
  request: { body: { content: json(StepUpVerifyBody), required: true } },
  responses: done,
});
const phoneRoute = createRoute({
  method: 'post',
  path: '/v1/phone-change',
  tags,
  summary: 'Ask for a code to a new number',
  security: bearer,
  request: { body: { content: json(PhoneChangeBody), required: true } },
  responses: { 200: answers(PhoneChangeStarted, 'The code is on its way'), ...refusals },
});
const phoneVerifyRoute = createRoute({
  method: 'post',
  path: '/v1/phone-change/verify',
  tags,
  summary: 'Prove the new number; it takes the place of the old one',
  security: bearer,
  request: { body: { content: json(PhoneChangeVerifyBody), required: true } },
  responses: { 200: answers(User, 'The person with the new number'), ...refusals },
});
const closingRoute = createRoute({
  method: 'get',
  path: '/v1/account/closing',
  tags,
  summary: 'What stands in the way of closing the account',
  security: bearer,
  responses: { 200: answers(ClosingView, 'Nothing, when the list is empty'), ...refusals },
});
const closeRoute = createRoute({
  method: 'post',
  path: '/v1/account/close',
  tags,
  summary: 'Close the account for good',
  security: bearer,
  request: { body: { content: json(CloseAccountBody), required: true } },
  responses: done,
});

export const registerAccount: RegisterRoutes = (router, context) => {
  const { addressOf, auth, config, db, sessions } = context;
  router.openapi(sessionsRoute, async (c) => {
    const { userId, sessionId } = await auth.requireUser(c);
    return c.json({ items: await sessions.list(userId, sessionId) }, 200);
  });
  router.openapi(endSessionRoute, async (c) => {
    const { userId } = await auth.requireUser(c);
    await sessions.end(userId, c.req.valid('param').id);
    return c.body(null, 204);
  });
  router.openapi(endAllRoute, async (c) => {
    const { userId, sessionId } = await auth.requireUser(c);
    await sessions.endAll(userId, 'ended_elsewhere');
    await writeEvent(context, { userId, kind: 'signed_out_everywhere', sessionId });
    return c.body(null, 204);
  });
  router.openapi(stepUpRoute, async (c) => {
    const person = await auth.requireUser(c);
    return c.json(await startStepUp(context, person, c.req.valid('json').act), 200);
  });
  router.openapi(stepUpVerifyRoute, async (c) => {
    const person = await auth.requireUser(c);
    await proveStepUp(context, person, c.req.valid('json'));
    return c.body(null, 204);
  });
  router.openapi(phoneRoute, async (c) => {
    const person = await auth.requireUser(c);
    const request = { ...c.req.valid('json'), address: addressOf(c) };
    return c.json(await startPhoneChange(context, person, request), 200);
  });
  router.openapi(phoneVerifyRoute, async (c) => {
    const person = await auth.requireUser(c);
    await finishPhoneChange(context, person, { ...c.req.valid('json'), address: addressOf(c) });
    const user = await findUserView(db, person.userId, config.currency);
    if (user === undefined) throw problem('not_authenticated');
    return c.json(user, 200);
  });
  router.openapi(closingRoute, async (c) => {
    const { userId } = await auth.requireUser(c);
    return c.json({ blockers: await closingBlockers(db, userId) }, 200);
  });
  router.openapi(closeRoute, async (c) => {
    const person = await auth.requireUser(c);
    await closeAccount(context, person, c.req.valid('json').password);
    return c.body(null, 204);
  });
};
