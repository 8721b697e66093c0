/**
 * Turns the Authorization header into a person.
 *
 * Owns: the one way by which routes learn who calls. Never: trusts an id from a body or a path.
 */
import type { Context } from 'hono';
import { mayDo, type Permission, type Role, type TeamRole } from '../../contract/index.ts';
import type { Db } from '../db/client.ts';
import type { Asked, AskedHeaders } from '../http/asked.ts';
import { problem } from '../http/problem.ts';
import type { RateLimits } from '../http/rate-limits.ts';
import type { AppEnv } from '../http/router.ts';
import type { Sessions } from './sessions.ts';
import { findMembership } from './teams.ts';
import type { AccessClaims, Tokens } from './tokens.ts';

/** The signed-in person, as the access token and the living session say. */
export type SignedIn = AccessClaims;
export interface SignedInMerchant extends SignedIn {
  readonly merchantId: string;
  readonly teamRole: TeamRole;
}

export interface Authenticator {
  /** @throws ApiProblem `not_authenticated`, `session_expired` */
  requireUser(c: Context<AppEnv>): Promise<SignedIn>;
  /**
   * What the token alone says, for a caller who asks about the session together with everything else. At once, where the token is
   * known.
   * @throws ApiProblem `not_authenticated`, `session_expired`, `not_permitted` for another role
   */
  readToken(c: Asked, role: Role): SignedIn | Promise<SignedIn>;
  /** @throws ApiProblem like {@link requireUser}, and `not_permitted` for another role */
  requireRole(c: Context<AppEnv>, role: Role): Promise<SignedIn>;
  /**
   * Somebody whose role in the team has this permission. The team is read anew each time: who was sent away a moment ago, or became
   * a cashier, may do no more in a session that is open.
   * @throws ApiProblem like {@link requireUser}, and `not_permitted` for everybody else
   */
  requireMerchant(c: Context<AppEnv>, permission: Permission): Promise<SignedInMerchant>;
}

/** The value after a scheme in the Authorization header, or null. Schemes are case-insensitive. */
export function credentialOf(c: AskedHeaders, scheme: string): string | null {
  const header = c.req.header('authorization') ?? '';
  const space = header.indexOf(' ');
  if (space === -1 || header.slice(0, space).toLowerCase() !== scheme.toLowerCase()) return null;
  const value = header.slice(space + 1);
  return value === '' || value.includes(' ') ? null : value;
}

/** One person's and one device's requests are counted once it is known whose they are. */
export function createAuthenticator(
  db: Db,
  {
    tokens,
    sessions,
    limits,
  }: {
    readonly tokens: Tokens;
    readonly sessions: Sessions;
    readonly limits: Pick<RateLimits, 'takeOfFlood'>;
  },
): Authenticator {
  const readToken = (c: Asked): SignedIn | Promise<SignedIn> => {
    const token = credentialOf(c, 'Bearer');
    if (token === null) throw problem('not_authenticated');
    const known = tokens.knownAccess(token);
    if (known !== null) return count(c, known);
    return tokens.verifyAccess(token).then((claims) => count(c, claims));
  };
  const count = (c: Asked, claims: SignedIn) => {
    limits.takeOfFlood('requests_by_account', claims.userId);
    limits.takeOfFlood('requests_by_device', claims.sessionId);
    c.set('userId', claims.userId);
    return claims;
  };
  const requireUser = async (c: Context<AppEnv>) => {
    const claims = await readToken(c);
    await sessions.assertAlive(claims.sessionId);
    return claims;
  };
  /** Who has another role hears first that the session is over. */
  const refuseRole = async ({ sessionId }: SignedIn): Promise<never> => {
    await sessions.assertAlive(sessionId);
    throw problem('not_permitted');
  };
  return {
    requireUser,
    readToken: (c, role) => {
      const hasRole = (user: SignedIn) => (user.role === role ? user : refuseRole(user));
      const user = readToken(c);
      return user instanceof Promise ? user.then(hasRole) : hasRole(user);
    },
    requireRole: async (c, role) => {
      const user = await requireUser(c);
      if (user.role !== role) throw problem('not_permitted');
      return user;
    },
    requireMerchant: async (c, permission) => {
      const user = await requireUser(c);
      const member = await findMembership(db, user.userId);
      if (member === null || !mayDo(member.role, permission)) throw problem('not_permitted');
      return { ...user, merchantId: member.merchantId, teamRole: member.role };
    },
  };
}
