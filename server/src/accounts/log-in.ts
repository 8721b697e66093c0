/**
 * From phone number and password, or from a refresh token, to a session.
 *
 * Owns: the order of checks that keeps an unknown number as slow as a wrong password.
 */
import type { Session, SessionProof } from '../../contract/index.ts';
import type { ServerContext } from '../context.ts';
import type { ClientKind } from '../db/schema/accounts.ts';
import { ApiProblem, problem } from '../http/problem.ts';
import { verifyAgainstNobody, verifyPassword } from './password.ts';
import { normalisePhone } from './phone.ts';
import type { LivingSession } from './sessions.ts';
import { refuseSuspended } from './suspensions.ts';
import type { KnownDevice } from './tokens.ts';
import { findUserById, findUserByPhone, type StoredUser, userView } from './users.ts';

type Accounts = Pick<ServerContext, 'db' | 'config' | 'tokens' | 'sessions' | 'limits'>;

/** A session for the body, and the refresh token that travels by body or cookie. */
export interface SessionGrant {
  readonly session: Session;
  readonly refreshToken: string;
  readonly sessionExpiresAt: Date;
}

/**
 * Opens a session for somebody who has just proved who they are.
 * @throws ApiProblem `account_suspended`; `credentials_incorrect` when what was proved holds no more
 */
export async function openSession(
  accounts: Accounts,
  user: StoredUser,
  opened: OpenedBy,
): Promise<SessionGrant> {
  await refuseSuspended(accounts.db, user.id);
  const session = await accounts.sessions.open(user.id, {
    client: opened.client,
    proofKey: opened.sessionKey ?? null,
    deviceName: opened.deviceName ?? null,
  });
  // Asked when the session stands: a new password, or the account's end, ended every session but this one.
  const { passwordHash } = (await findUserById(accounts.db, user.id)) ?? {};
  if (passwordHash !== user.passwordHash) {
    await accounts.sessions.revoke(session.id, 'logged_out');
    throw problem('credentials_incorrect');
  }
  return grant(accounts, user, session);
}

export interface OpenedBy {
  readonly client: ClientKind;
  /** With which a browser proves itself when it lost its cookie. */
  readonly sessionKey?: string | undefined;
  readonly deviceName?: string | null;
}

/**
 * @throws ApiProblem `credentials_incorrect`, whichever of the two is wrong; `rate_limited`; `step_up_required` for an operator, who
 *   signs in by password and code (`two-proofs.ts`)
 */
export async function logIn(accounts: Accounts, attempt: PasswordAttempt & OpenedBy): Promise<SessionGrant> {
  const user = await provePassword(accounts, attempt);
  if (user.role === 'operator') throw problem('step_up_required');
  return openSession(accounts, user, attempt);
}

export interface PasswordAttempt {
  readonly phone: string;
  readonly password: string;
  readonly address: string;
  /** What the browser's cookie says: who signed in here before. */
  readonly device?: KnownDevice | null;
}

/** @throws ApiProblem `credentials_incorrect`, whichever of the two is wrong; `rate_limited` */
export async function provePassword(
  accounts: Pick<ServerContext, 'db' | 'config' | 'limits'>,
  attempt: PasswordAttempt,
): Promise<StoredUser> {
  const { limits } = accounts;
  await limits.take('login_by_address', attempt.address);
  const phone = readPhone(attempt.phone, accounts.config.region);
  const user = phone === null ? undefined : await findUserByPhone(accounts.db, phone);
  const device = attempt.device ?? null;
  // Ten wrong guesses of a stranger lock out strangers. Whoever has signed in here before is counted apart.
  const isKnown = device !== null && device.userId === user?.id;
  const placeKey = `${phone ?? ''} ${attempt.address}`;
  if (isKnown) await limits.take('login_by_device', device.deviceId);
  else if (phone !== null) {
    await limits.take('login_by_phone_and_address', placeKey);
    await limits.take('login_by_phone', phone);
  }
  if (user === undefined) {
    await verifyAgainstNobody(attempt.password);
    throw problem('credentials_incorrect');
  }
  if (!(await verifyPassword(attempt.password, user.passwordHash))) throw problem('credentials_incorrect');
  if (isKnown) await limits.forgive('login_by_device', device.deviceId);
  else await limits.forgive('login_by_phone_and_address', placeKey);
  return user;
}

/** @throws ApiProblem `not_authenticated`, `session_expired`, `refresh_token_reused` */
export async function refresh(accounts: Accounts, refreshToken: string): Promise<SessionGrant> {
  const token = accounts.tokens.readRefresh(refreshToken);
  if (token === null) throw problem('not_authenticated');
  return goOn(accounts, await accounts.sessions.rotate(token));
}

/** @throws ApiProblem `not_authenticated`, `session_expired`, `refresh_token_reused` */
export async function resume(accounts: Accounts, proof: SessionProof): Promise<SessionGrant> {
  return goOn(accounts, await accounts.sessions.resume(proof));
}

async function goOn(accounts: Accounts, session: LivingSession): Promise<SessionGrant> {
  const user = await findUserById(accounts.db, session.userId);
  if (user === undefined) throw problem('not_authenticated');
  return grant(accounts, user, session);
}

/** @throws ApiProblem `account_suspended` */
async function grant(accounts: Accounts, user: StoredUser, session: LivingSession): Promise<SessionGrant> {
  // Asked when the session stands: a suspension meanwhile has ended it with all others, or is seen here.
  await refuseSuspended(accounts.db, user.id).catch(async (error: unknown) => {
    if (error instanceof ApiProblem) await accounts.sessions.revoke(session.id, 'logged_out');
    throw error;
  });
  const claims = {
    userId: user.id,
    sessionId: session.id,
    role: user.role,
    merchantId: user.merchant?.id ?? null,
  };
  const access = await accounts.tokens.signAccess(claims, session.expiresAt);
  const refreshToken = accounts.tokens.makeRefresh(session.id, session.sequence);
  return {
    refreshToken,
    sessionExpiresAt: session.expiresAt,
    session: {
      accessToken: access.token,
      accessExpiresAt: access.expiresAt.toISOString(),
      sessionExpiresAt: session.expiresAt.toISOString(),
      ...(session.client === 'agent' ? { refreshToken } : {}),
      ...(session.proofKey === null ? {} : { sessionId: session.id }),
      user: userView(user, accounts.config.currency),
    },
  };
}

/** A number that is none cannot belong to an account; saying so would only help someone who guesses. */
function readPhone(typed: string, region: string): string | null {
  try {
    return normalisePhone(typed, region);
  } catch (error) {
    if (error instanceof ApiProblem) return null;
    throw error;
  }
}
