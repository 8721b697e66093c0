/**
 * The cloud's calls by name, as the agent uses them. Bodies, keys and answers are the contract's, operation by operation;
 * owns headers and time-outs; knows nothing of when the calls are made.
 */
import {
  API,
  type AnswerOf,
  type AnyGiven,
  CBOR_MEDIA_TYPE,
  CLIENT_HEADER,
  type Given,
  IDEMPOTENCY_HEADER,
  type Operation,
} from '@tikiwallet/server/contract';
import type { CheckedParams } from '../../ipc/agent-handlers.ts';
import type { CloudClient, CloudRequest } from './cloud-client.ts';
import { z } from 'zod';

const AS_AGENT = { [CLIENT_HEADER]: 'agent' } as const;
/** A full batch of five hundred payments, on a bad line. */
const SETTLE_TIMEOUT_MS = 45_000;
/** The server may take its time for the batches that a proxy let through at once. */
const STREAM_STALL_MS = 90_000;
/** Others are asked meanwhile, and the silence of all of them is what counts. */
const PROBE_TIMEOUT_MS = 10_000;

export interface KioskKeys {
  readonly code: string;
  readonly signingPublicKey: string;
  readonly sealingPublicKey: string;
  readonly proof: string;
}

/** Method and address of an operation, with its parameters and query filled in. */
function requestOf(operation: Operation, given: AnyGiven): CloudRequest {
  const [method = '', template = ''] = operation.split(' ');
  const params: Readonly<Record<string, string>> = given.params ?? {};
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const query = new URLSearchParams();
  const values = (given.query ?? {}) as Readonly<Record<string, string | number | undefined>>;
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return {
    method,
    path: query.size === 0 ? path : `${path}?${query}`,
    ...(given.body === undefined ? {} : { body: given.body }),
  };
}

export function cloudApi(client: CloudClient) {
  /** @param authorization none before sign-in */
  const call = async <O extends Operation>(
    operation: O,
    given: Given<O>,
    authorization?: string,
  ): Promise<AnswerOf<O>> => {
    const headers = {
      ...AS_AGENT,
      ...(authorization === undefined ? {} : { authorization }),
      ...(given.key === undefined ? {} : { [IDEMPOTENCY_HEADER]: given.key }),
    };
    const request = { ...requestOf(operation, given), headers };
    const answer: z.ZodType | null = API[operation].answer;
    const value: unknown =
      answer === null ? await client.nothing(request) : await client.json(answer, request);
    return value as AnswerOf<O>;
  };
  const bearer = (token: string) => `Bearer ${token}`;
  const asKiosk = (token: string) => `Kiosk ${token}`;

  return {
    probe: () =>
      client.json(z.object({ status: z.literal('ok') }), {
        method: 'GET',
        path: '/healthz',
        headers: AS_AGENT,
        timeoutMs: PROBE_TIMEOUT_MS,
      }),
    config: () => call('GET /v1/config', {}),

    register: (body: CheckedParams<'merchant.register'>) =>
      call('POST /v1/auth/register', { body: { ...body, role: 'merchant' } }),
    resend: (body: CheckedParams<'merchant.resend'>) => call('POST /v1/auth/register/resend', { body }),
    verify: (body: CheckedParams<'merchant.verify'>) => call('POST /v1/auth/register/verify', { body }),
    signIn: (body: CheckedParams<'merchant.signIn'>) => call('POST /v1/auth/login', { body }),
    refresh: (refreshToken: string) => call('POST /v1/auth/refresh', { body: { refreshToken } }),
    signOut: (refreshToken: string) => call('POST /v1/auth/logout', { body: { refreshToken } }),

    summary: (token: string) => call('GET /v1/merchant/summary', {}, bearer(token)),
    kiosks: (token: string) => call('GET /v1/merchant/kiosks', {}, bearer(token)),
    setLimits: (token: string, body: CheckedParams<'merchant.setLimits'> & { readonly basedOn: number }) =>
      call('PUT /v1/merchant/limits', { body }, bearer(token)),
    createKiosk: (token: string, kiosk: { name: string; idempotencyKey: string }) =>
      call(
        'POST /v1/merchant/kiosks',
        { key: kiosk.idempotencyKey, body: { name: kiosk.name } },
        bearer(token),
      ),
    newCode: (token: string, kioskId: string) =>
      call('POST /v1/merchant/kiosks/{id}/code', { params: { id: kioskId } }, bearer(token)),

    enrol: (keys: KioskKeys) => call('POST /v1/kiosks/enrol', { body: keys }),
    /** @param since the bundle in force, for the difference; null for everything. */
    trust: (token: string, since: { readonly version: number; readonly issuedAt: number } | null) =>
      call(
        'GET /v1/kiosk/trust-bundle',
        since === null ? {} : { query: { since: `${since.version}.${since.issuedAt}` } },
        asKiosk(token),
      ),
    settle: (token: string, batch: Uint8Array) =>
      client.bytes(
        {
          method: 'POST',
          path: '/v1/kiosk/settlements',
          body: batch,
          headers: { ...AS_AGENT, authorization: asKiosk(token) },
          timeoutMs: SETTLE_TIMEOUT_MS,
        },
        CBOR_MEDIA_TYPE,
      ),
    /** An acknowledgement of each, in their order, as they are settled. @throws IpcError, StreamNotTaken */
    settleStream: (token: string, batches: AsyncIterable<Uint8Array>) =>
      client.stream({
        path: '/v1/kiosk/settlement-stream',
        objects: batches,
        headers: { ...AS_AGENT, authorization: asKiosk(token) },
        stallMs: STREAM_STALL_MS,
      }),
  };
}
export type CloudApi = ReturnType<typeof cloudApi>;
