/** The cloud's calls by name, as the agent uses them. Owns paths and headers; knows nothing of when they are made. */
import {
  CBOR_MEDIA_TYPE,
  CLIENT_HEADER,
  EnrolResult,
  IDEMPOTENCY_HEADER,
  KioskList,
  KioskTrust,
  KioskView,
  MerchantLimitsView,
  MerchantSummary,
  PublicConfig,
  RegisterResult,
  Session,
} from '@tikiwallet/server/contract';
import type { CheckedParams } from '../../ipc/agent-handlers.ts';
import type { CloudClient } from './cloud-client.ts';
import { z } from 'zod';

const AS_AGENT = { [CLIENT_HEADER]: 'agent' } as const;
/** A full batch of five hundred payments, on a bad line. */
const SETTLE_TIMEOUT_MS = 45_000;
/** Short: whoever asks wants to know within seconds. */
const PROBE_TIMEOUT_MS = 2_000;

export interface KioskKeys {
  readonly code: string;
  readonly signingPublicKey: string;
  readonly sealingPublicKey: string;
  readonly proof: string;
}

export function cloudApi(client: CloudClient) {
  const post = (path: string, body: unknown, headers: Readonly<Record<string, string>> = AS_AGENT) =>
    ({ method: 'POST', path, body, headers }) as const;
  const get = (path: string, headers: Readonly<Record<string, string>> = AS_AGENT) =>
    ({ method: 'GET', path, headers }) as const;
  const bearer = (token: string) => ({ ...AS_AGENT, authorization: `Bearer ${token}` });
  const asKiosk = (token: string) => ({ ...AS_AGENT, authorization: `Kiosk ${token}` });

  return {
    probe: () =>
      client.json(z.object({ status: z.literal('ok') }), { ...get('/healthz'), timeoutMs: PROBE_TIMEOUT_MS }),
    config: () => client.json(PublicConfig, get('/v1/config')),

    register: (body: CheckedParams<'merchant.register'>) =>
      client.json(RegisterResult, post('/v1/auth/register', { ...body, role: 'merchant' })),
    resend: (body: CheckedParams<'merchant.resend'>) =>
      client.json(RegisterResult, post('/v1/auth/register/resend', body)),
    verify: (body: CheckedParams<'merchant.verify'>) =>
      client.json(Session, post('/v1/auth/register/verify', body)),
    signIn: (body: CheckedParams<'merchant.signIn'>) => client.json(Session, post('/v1/auth/login', body)),
    refresh: (refreshToken: string) => client.json(Session, post('/v1/auth/refresh', { refreshToken })),
    signOut: (refreshToken: string) => client.nothing(post('/v1/auth/logout', { refreshToken })),

    summary: (token: string) => client.json(MerchantSummary, get('/v1/merchant/summary', bearer(token))),
    kiosks: (token: string) => client.json(KioskList, get('/v1/merchant/kiosks', bearer(token))),
    setLimits: (token: string, wish: CheckedParams<'merchant.setLimits'> & { readonly basedOn: number }) =>
      client.json(MerchantLimitsView, {
        method: 'PUT',
        path: '/v1/merchant/limits',
        body: wish,
        headers: bearer(token),
      }),
    createKiosk: (token: string, kiosk: { name: string; idempotencyKey: string }) =>
      client.json(
        KioskView,
        post(
          '/v1/merchant/kiosks',
          { name: kiosk.name },
          { ...bearer(token), [IDEMPOTENCY_HEADER]: kiosk.idempotencyKey },
        ),
      ),
    newCode: (token: string, kioskId: string) =>
      client.json(KioskView, {
        method: 'POST',
        path: `/v1/merchant/kiosks/${encodeURIComponent(kioskId)}/code`,
        headers: bearer(token),
      }),

    enrol: (keys: KioskKeys) => client.json(EnrolResult, post('/v1/kiosks/enrol', keys)),
    /** @param since the bundle in force, for the difference; null for everything. */
    trust: (token: string, since: { readonly version: number; readonly issuedAt: number } | null) =>
      client.json(
        KioskTrust,
        get(
          `/v1/kiosk/trust-bundle${since === null ? '' : `?since=${since.version}.${since.issuedAt}`}`,
          asKiosk(token),
        ),
      ),
    settle: (token: string, batch: Uint8Array) =>
      client.bytes(
        { ...post('/v1/kiosk/settlements', batch, asKiosk(token)), timeoutMs: SETTLE_TIMEOUT_MS },
        CBOR_MEDIA_TYPE,
      ),
  };
}
export type CloudApi = ReturnType<typeof cloudApi>;
