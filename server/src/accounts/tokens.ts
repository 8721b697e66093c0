/**
 * Access tokens (signed, 15 minutes), refresh tokens (session and sequence under a MAC) and, under the same key, the
 * token between two proofs and the one by which a browser is known again.
 *
 * Owns: their forms and checks. Never: decides whether a session still lives; that is `sessions.ts`.
 */
import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import { errors, exportJWK, generateKeyPair, importJWK, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { Role, Uuid } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/client.ts';
import { serverKey } from '../db/server-keys.ts';
import { problem } from '../http/problem.ts';

export const ACCESS_TOKEN_MS = 15 * 60_000;
/** Of tokens that were verified: a phone sends the same one for a quarter of an hour. */
const REMEMBERED_MAX = 20_000;

const ALGORITHM = 'EdDSA';
const AUDIENCE = 'tikiwallet-api';
/** RFC 9068's type, so that no other token of ours can pass for an access token. */
const TYPE = 'at+jwt';

/** Who an access token speaks for. */
export interface AccessClaims {
  readonly userId: string;
  readonly sessionId: string;
  readonly role: Role;
  readonly merchantId: string | null;
}

interface Remembered {
  readonly token: string;
  readonly claims: AccessClaims;
  readonly endsMs: number;
}

const endOf = (token: string) => token.slice(-12);

const Claims = z.object({ sub: Uuid, sid: Uuid, role: Role, mid: Uuid.nullable(), exp: z.number() });

export interface Tokens {
  /** @returns the token and its end; never later than `sessionExpiresAt`. */
  signAccess(claims: AccessClaims, sessionExpiresAt: Date): Promise<{ token: string; expiresAt: Date }>;
  /** Of a token that was verified not long ago, at once: what waits for nothing needs no promise. Null for every other one. */
  knownAccess(token: string): AccessClaims | null;
  /** @throws ApiProblem `not_authenticated`, or `session_expired` when only the time is over */
  verifyAccess(token: string): Promise<AccessClaims>;
  makeRefresh(sessionId: string, sequence: number): string;
  /** Null for anything that this server did not make. */
  readRefresh(token: string): { sessionId: string; sequence: number } | null;
  makeFirstProof(purpose: FirstProofPurpose, proof: FirstProof): string;
  /** Null for anything that this server did not make for this purpose; the caller looks at its time. */
  readFirstProof(purpose: FirstProofPurpose, token: string): FirstProof | null;
  /** For a browser's long-lived cookie: this person has signed in here. */
  makeKnownDevice(device: KnownDevice): string;
  /** Null for anything that this server did not make. */
  readKnownDevice(token: string): KnownDevice | null;
}

/** What a password is proved for, before a code by SMS is the second proof. */
export type FirstProofPurpose = 'pin_reset' | 'log_in';

/** The password of this person was right, and a code for this attempt is on its way. */
export interface FirstProof {
  readonly userId: string;
  readonly attemptId: string;
  readonly expiresAtMs: number;
}

export interface KnownDevice {
  readonly userId: string;
  readonly deviceId: string;
}

export interface TokenOptions {
  readonly db: Db;
  readonly clock: Clock;
  /** The origin of the API: who issues. */
  readonly issuer: string;
  readonly keysSecret: string | undefined;
}

/** Loads the two keys, making them at the first start of an installation. */
export async function createTokens(options: TokenOptions): Promise<Tokens> {
  const { db, clock, issuer, keysSecret: secret } = options;
  const access = await serverKey(db, { purpose: 'access_token', make: makeSigningKey, secret });
  const refresh = await serverKey(db, { purpose: 'refresh_token', make: makeMacKey, secret });
  const { d: _secretPart, ...publicPart } = access.material;
  const privateKey = await importJWK(access.material, ALGORITHM);
  const publicKey = await importJWK(publicPart, ALGORITHM);
  const macKey = createSecretKey(refresh.material.k ?? '', 'base64url');

  /** By the end of each, which is of its signature: a whole one would be hashed from end to end at each look. */
  const remembered = new Map<string, Remembered>();
  const knownAccess = (token: string) => {
    const known = remembered.get(endOf(token));
    return known?.token === token && known.endsMs > clock.nowMs() ? known.claims : null;
  };
  const verify = async (token: string) => {
    try {
      const { payload } = await jwtVerify(
        token,
        (header) => {
          // The key is chosen here, never fetched or found by what the token says.
          if (header.kid !== access.kid) throw new errors.JWKSNoMatchingKey();
          return publicKey;
        },
        {
          algorithms: [ALGORITHM],
          audience: AUDIENCE,
          issuer,
          typ: TYPE,
          requiredClaims: ['exp', 'iat', 'sub'],
          currentDate: new Date(clock.nowMs()),
        },
      );
      const claims = Claims.parse(payload);
      const { sub: userId, sid: sessionId, role, mid: merchantId } = claims;
      return { claims: { userId, sessionId, role, merchantId }, endsMs: claims.exp * 1000 };
    } catch (cause) {
      throw problem(cause instanceof errors.JWTExpired ? 'session_expired' : 'not_authenticated', {
        cause,
      });
    }
  };

  return {
    signAccess: async (claims, sessionExpiresAt) => {
      const nowSeconds = Math.floor(clock.nowMs() / 1000);
      const sessionEndSeconds = Math.floor(sessionExpiresAt.getTime() / 1000);
      const expires = Math.min(nowSeconds + ACCESS_TOKEN_MS / 1000, sessionEndSeconds);
      const token = await new SignJWT({ sid: claims.sessionId, role: claims.role, mid: claims.merchantId })
        .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: access.kid })
        .setSubject(claims.userId)
        .setIssuer(issuer)
        .setAudience(AUDIENCE)
        .setIssuedAt(nowSeconds)
        .setExpirationTime(expires)
        .sign(privateKey);
      return { token, expiresAt: new Date(expires * 1000) };
    },
    knownAccess,
    verifyAccess: async (token) => {
      const known = knownAccess(token);
      if (known !== null) return known;
      const { claims, endsMs } = await verify(token);
      if (remembered.size >= REMEMBERED_MAX) remembered.clear();
      remembered.set(endOf(token), { token, claims, endsMs });
      return claims;
    },
    makeRefresh: (sessionId, sequence) =>
      `${sessionId}.${sequence}.${mac(macKey, sessionId, sequence).toString('base64url')}`,
    readRefresh: (token) => readRefresh(macKey, token),
    makeFirstProof: (purpose, { userId, attemptId, expiresAtMs }) => {
      const body = `${userId}.${attemptId}.${expiresAtMs}`;
      return `${body}.${textMac(macKey, purpose, body).toString('base64url')}`;
    },
    readFirstProof: (purpose, token) => {
      const form = /^(([0-9a-f-]{36})\.([0-9a-f-]{36})\.([1-9][0-9]{0,15}))\.([A-Za-z0-9_-]{43})$/;
      const [, body = '', userId = '', attemptId = '', digits = '', given = ''] = form.exec(token) ?? [];
      return isMacOf(macKey, { purpose, body, given })
        ? { userId, attemptId, expiresAtMs: Number(digits) }
        : null;
    },
    makeKnownDevice: ({ userId, deviceId }) => {
      const body = `${userId}.${deviceId}`;
      return `${body}.${textMac(macKey, 'known_device', body).toString('base64url')}`;
    },
    readKnownDevice: (token) => {
      const form = /^(([0-9a-f-]{36})\.([0-9a-f-]{36}))\.([A-Za-z0-9_-]{43})$/;
      const [, body = '', userId = '', deviceId = '', given = ''] = form.exec(token) ?? [];
      return isMacOf(macKey, { purpose: 'known_device', body, given }) ? { userId, deviceId } : null;
    },
  };
}

function mac(key: KeyObject, sessionId: string, sequence: number): Buffer {
  return createHmac('sha256', key).update(`refresh token\n${sessionId}\n${sequence}`).digest();
}

function readRefresh(key: KeyObject, token: string): { sessionId: string; sequence: number } | null {
  const [, sessionId, digits, given] =
    /^([0-9a-f-]{36})\.(0|[1-9][0-9]{0,8})\.([A-Za-z0-9_-]{43})$/.exec(token) ?? [];
  if (sessionId === undefined || digits === undefined || given === undefined) return null;
  const sequence = Number.parseInt(digits, 10);
  return timingSafeEqual(mac(key, sessionId, sequence), Buffer.from(given, 'base64url'))
    ? { sessionId, sequence }
    : null;
}

type MacPurpose = FirstProofPurpose | 'known_device';

/** The purpose is under the MAC: what was made for one is nothing to another. */
function textMac(key: KeyObject, purpose: MacPurpose, body: string): Buffer {
  return createHmac('sha256', key).update(`${purpose}\n${body}`).digest();
}

function isMacOf(key: KeyObject, token: { purpose: MacPurpose; body: string; given: string }): boolean {
  const given = Buffer.from(token.given, 'base64url');
  const expected = textMac(key, token.purpose, token.body);
  return token.body !== '' && given.length === expected.length && timingSafeEqual(expected, given);
}

async function makeSigningKey(): Promise<Record<string, string>> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { crv: 'Ed25519', extractable: true });
  const { kty = '', crv = '', x = '', d = '' } = await exportJWK(privateKey);
  return { kty, crv, x, d };
}

function makeMacKey(): Record<string, string> {
  return { kty: 'oct', k: randomBytes(32).toString('base64url') };
}
