/** Registration, log-in, refresh, log-out and the signed-in person. */
import { randomUUID } from 'node:crypto';
import { createRoute } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { z } from 'zod';
import {
  CLIENT_HEADER,
  LoginBody,
  FirstProofBody,
  PasswordResetBody,
  PasswordResetStarted,
  PasswordResetVerifyBody,
  RefreshBody,
  RegisterBody,
  RegisterResult,
  ResendBody,
  SecondProofBody,
  SecondProofStarted,
  Session,
  User,
  VerifyBody,
} from '../../contract/index.ts';
import {
  credentialOf,
  deviceName,
  findUserView,
  finishPasswordReset,
  finishTwoProofs,
  logIn,
  openSession,
  refresh,
  Registrations,
  resume,
  type SessionGrant,
  startPasswordReset,
  startTwoProofs,
} from '../accounts/index.ts';
import type { RegisterRoutes, ServerContext } from '../context.ts';
import type { ClientKind } from '../db/schema/accounts.ts';
import { ApiProblem, problem } from '../http/problem.ts';
import { answers, bearer, json, refusals } from '../http/router.ts';

const tags = ['accounts'];
/** Pages beside the wallet: one browser may be signed in at each of them as somebody else. */
const VIEWS = ['merchant', 'operator'] as const;
const clientHeader = z.object({
  [CLIENT_HEADER.toLowerCase()]: z
    .enum(['agent', ...VIEWS])
    .optional()
    .meta({
      description:
        'Agents get the refresh token in the body, browsers in a cookie: the merchant’s and the operator’s pages in one of their own.',
    }),
});

const registerRoute = createRoute({
  method: 'post',
  path: '/v1/auth/register',
  tags,
  summary: 'Ask for a code by SMS',
  request: { body: { content: json(RegisterBody), required: true } },
  responses: { 200: answers(RegisterResult, 'The code is on its way'), ...refusals },
});
const verifyRoute = createRoute({
  method: 'post',
  path: '/v1/auth/register/verify',
  tags,
  summary: 'Prove the phone and open the account',
  request: { headers: clientHeader, body: { content: json(VerifyBody), required: true } },
  responses: { 200: answers(Session, 'Signed in'), ...refusals },
});
const resendRoute = createRoute({
  method: 'post',
  path: '/v1/auth/register/resend',
  tags,
  summary: 'Ask for another code',
  request: { body: { content: json(ResendBody), required: true } },
  responses: { 200: answers(RegisterResult, 'The code is on its way'), ...refusals },
});
const loginRoute = createRoute({
  method: 'post',
  path: '/v1/auth/login',
  tags,
  summary: 'Log in',
  request: { headers: clientHeader, body: { content: json(LoginBody), required: true } },
  responses: { 200: answers(Session, 'Signed in'), ...refusals },
});
const pinResetRoute = createRoute({
  method: 'post',
  path: '/v1/auth/pin-reset',
  tags,
  summary: 'A forgotten PIN: prove the password, ask for a code by SMS',
  request: { body: { content: json(FirstProofBody), required: true } },
  responses: { 200: answers(SecondProofStarted, 'The code is on its way'), ...refusals },
});
const pinResetVerifyRoute = createRoute({
  method: 'post',
  path: '/v1/auth/pin-reset/verify',
  tags,
  summary: 'Prove the phone as well; a new session begins and every other ends',
  request: { headers: clientHeader, body: { content: json(SecondProofBody), required: true } },
  responses: { 200: answers(Session, 'Proved'), ...refusals },
});
const loginCodeRoute = createRoute({
  method: 'post',
  path: '/v1/auth/login/code',
  tags,
  summary: 'Log in by two proofs: the password, then a code by SMS',
  request: { body: { content: json(FirstProofBody), required: true } },
  responses: { 200: answers(SecondProofStarted, 'The code is on its way'), ...refusals },
});
const loginCodeVerifyRoute = createRoute({
  method: 'post',
  path: '/v1/auth/login/code/verify',
  tags,
  summary: 'The second proof',
  request: { headers: clientHeader, body: { content: json(SecondProofBody), required: true } },
  responses: { 200: answers(Session, 'Signed in'), ...refusals },
});
const passwordResetRoute = createRoute({
  method: 'post',
  path: '/v1/auth/password-reset',
  tags,
  summary: 'A forgotten password: a code comes by SMS if the number has an account',
  request: { body: { content: json(PasswordResetBody), required: true } },
  responses: { 200: answers(PasswordResetStarted, 'Answered alike for every number'), ...refusals },
});
const passwordResetVerifyRoute = createRoute({
  method: 'post',
  path: '/v1/auth/password-reset/verify',
  tags,
  summary: 'Prove the phone and choose a new password; every other session ends',
  request: { headers: clientHeader, body: { content: json(PasswordResetVerifyBody), required: true } },
  responses: { 200: answers(Session, 'Signed in'), ...refusals },
});
const refreshRoute = createRoute({
  method: 'post',
  path: '/v1/auth/refresh',
  tags,
  summary: 'A new access token; the refresh token changes too',
  request: { body: { content: json(RefreshBody), required: false } },
  responses: { 200: answers(Session, 'Still signed in'), ...refusals },
});
const logoutRoute = createRoute({
  method: 'post',
  path: '/v1/auth/logout',
  tags,
  summary: 'End the session',
  request: { body: { content: json(RefreshBody), required: false } },
  responses: { 204: { description: 'There is no session any more' }, ...refusals },
});
const meRoute = createRoute({
  method: 'get',
  path: '/v1/me',
  tags,
  summary: 'The signed-in person',
  security: bearer,
  responses: { 200: answers(User, 'The person'), ...refusals },
});

/** Sent with requests to /v1/auth only, never readable by a page, never from another site. */
const COOKIE = 'tiki_refresh';
const COOKIE_PATH = '/v1/auth';
/** Says who signed in with this browser before, for a year: strangers who guess their password do not lock it out. Opens nothing. */
const DEVICE_COOKIE = 'tiki_device';
const DEVICE_COOKIE_SECONDS = 365 * 24 * 3600;

/** Which page's cookie: by the header, because all pages of this server share the cookies of its path. */
function cookieOf(c: Context): string {
  const view = VIEWS.find((one) => one === c.req.header(CLIENT_HEADER));
  return view === undefined ? COOKIE : `${COOKIE}_${view}`;
}

function clientOf(c: Context): ClientKind {
  return c.req.header(CLIENT_HEADER) === 'agent' ? 'agent' : 'browser';
}

/** Puts a browser's refresh token where no script reaches it; an agent has it in the body. */
function giveSession(c: Context, context: ServerContext, grant: SessionGrant): Session {
  if (grant.session.refreshToken === undefined) {
    setCookie(c, cookieOf(c), grant.refreshToken, {
      path: COOKIE_PATH,
      httpOnly: true,
      sameSite: 'Strict',
      secure: context.config.publicOrigin.startsWith('https:'),
      maxAge: Math.max(0, Math.floor((grant.sessionExpiresAt.getTime() - context.clock.nowMs()) / 1000)),
    });
    rememberDevice(c, context, grant.session.user.id);
  }
  return grant.session;
}

function knownDevice(c: Context, { tokens }: ServerContext) {
  const cookie = isFromElsewhere(c) ? undefined : getCookie(c, DEVICE_COOKIE);
  return cookie === undefined ? null : tokens.readKnownDevice(cookie);
}

function rememberDevice(c: Context, context: ServerContext, userId: string): void {
  const known = knownDevice(c, context);
  if (known?.userId === userId) return;
  setCookie(c, DEVICE_COOKIE, context.tokens.makeKnownDevice({ userId, deviceId: randomUUID() }), {
    path: COOKIE_PATH,
    httpOnly: true,
    sameSite: 'Strict',
    secure: context.config.publicOrigin.startsWith('https:'),
    maxAge: DEVICE_COOKIE_SECONDS,
  });
}

/** Who asks for a session, as far as the request itself says. */
function openedBy(c: Context) {
  return { client: clientOf(c), deviceName: deviceName(c.req.header('user-agent')) };
}

function refreshTokenOf(
  c: Context,
  body: { refreshToken?: string | undefined } | undefined,
): string | undefined {
  return body?.refreshToken ?? (isFromElsewhere(c) ? undefined : getCookie(c, cookieOf(c)));
}

/**
 * A browser says whose page made the request. SameSite keeps other sites' pages from sending the cookie, but every
 * port of this host is the same site to it.
 */
function isFromElsewhere(c: Context): boolean {
  const site = c.req.header('sec-fetch-site');
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

function dropCookie(c: Context): void {
  if (!isFromElsewhere(c)) deleteCookie(c, cookieOf(c), { path: COOKIE_PATH });
}

export const registerAuth: RegisterRoutes = (router, context) => {
  const registrations = new Registrations(context);

  router.openapi(registerRoute, async (c) => {
    const body = c.req.valid('json');
    return c.json(await registrations.start({ ...body, address: context.addressOf(c) }), 200);
  });
  router.openapi(verifyRoute, async (c) => {
    const { registrationId, code, sessionKey } = c.req.valid('json');
    const user = await registrations.verify(registrationId, code, context.addressOf(c));
    const opened = { ...openedBy(c), sessionKey };
    return c.json(giveSession(c, context, await openSession(context, user, opened)), 200);
  });
  router.openapi(resendRoute, async (c) => {
    const { registrationId } = c.req.valid('json');
    return c.json(await registrations.resend(registrationId, context.addressOf(c)), 200);
  });
  /** A password, from whom and where. */
  const attemptOf = (c: Context) => ({
    address: context.addressOf(c),
    device: knownDevice(c, context),
    ...openedBy(c),
  });
  router.openapi(loginRoute, async (c) => {
    const attempt = { ...c.req.valid('json'), ...attemptOf(c) };
    return c.json(giveSession(c, context, await logIn(context, attempt)), 200);
  });
  router.openapi(loginCodeRoute, async (c) => {
    const attempt = { ...c.req.valid('json'), ...attemptOf(c) };
    return c.json(await startTwoProofs(context, 'log_in', attempt), 200);
  });
  router.openapi(loginCodeVerifyRoute, async (c) => {
    const attempt = { ...c.req.valid('json'), ...attemptOf(c) };
    return c.json(giveSession(c, context, await finishTwoProofs(context, 'log_in', attempt)), 200);
  });
  router.openapi(pinResetRoute, async (c) => {
    const attempt = { ...c.req.valid('json'), ...attemptOf(c) };
    return c.json(await startTwoProofs(context, 'pin_reset', attempt), 200);
  });
  router.openapi(pinResetVerifyRoute, async (c) => {
    const attempt = { ...c.req.valid('json'), ...attemptOf(c) };
    return c.json(giveSession(c, context, await finishTwoProofs(context, 'pin_reset', attempt)), 200);
  });
  router.openapi(passwordResetRoute, async (c) => {
    const { phone } = c.req.valid('json');
    const request = { phone, address: context.addressOf(c), device: knownDevice(c, context) };
    return c.json(await startPasswordReset(context, request), 200);
  });
  router.openapi(passwordResetVerifyRoute, async (c) => {
    const proof = { ...c.req.valid('json'), ...attemptOf(c) };
    return c.json(giveSession(c, context, await finishPasswordReset(context, proof)), 200);
  });
  router.openapi(refreshRoute, async (c) => {
    await context.limits.take('refresh_by_address', context.addressOf(c));
    const body = c.req.valid('json');
    const token = refreshTokenOf(c, body);
    try {
      // The proof before the cookie: the cookie may be an older one that the browser came back with.
      if (body?.proof !== undefined)
        return c.json(giveSession(c, context, await resume(context, body.proof)), 200);
      if (token === undefined) throw problem('not_authenticated');
      return c.json(giveSession(c, context, await refresh(context, token)), 200);
    } catch (error) {
      // A cookie that can never work again would only be sent for nothing.
      if (error instanceof ApiProblem && error.status === 401) dropCookie(c);
      throw error;
    }
  });
  router.openapi(logoutRoute, async (c) => {
    const refreshToken = refreshTokenOf(c, c.req.valid('json'));
    const bySession = refreshToken === undefined ? null : context.tokens.readRefresh(refreshToken);
    if (bySession !== null) await context.sessions.revoke(bySession.sessionId, 'logged_out');
    const access = credentialOf(c, 'Bearer');
    if (access !== null) {
      const claims = await context.tokens.verifyAccess(access).catch(() => null);
      if (claims !== null) await context.sessions.revoke(claims.sessionId, 'logged_out');
    }
    dropCookie(c);
    return c.body(null, 204);
  });
  router.openapi(meRoute, async (c) => {
    const { userId } = await context.auth.requireUser(c);
    const user = await findUserView(context.db, userId, context.config.currency);
    if (user === undefined) throw problem('not_authenticated');
    return c.json(user, 200);
  });
};
