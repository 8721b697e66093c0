/** Between a kiosk's agent and the cloud: enrolment, trust, settlement. */
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { CBOR_MEDIA_TYPE, EnrolBody, EnrolResult, KioskTrust, TrustQuery } from '../../contract/index.ts';
import type { RegisterRoutes } from '../context.ts';
import { problem } from '../http/problem.ts';
import { answers, json, refusals } from '../http/router.ts';
import { enrol, requireKiosk, requireKnownKiosk, trustForKiosk } from '../kiosks/index.ts';
import { registerSettlementStream } from './settlement-stream.ts';
import { settling } from './settling.ts';
import { readSince } from '../trust/index.ts';

const tags = ['kiosk'];
/** `Authorization: Kiosk <token>`. */
const kioskToken = [{ kiosk: [] }];
const enrolRoute = createRoute({
  method: 'post',
  path: '/v1/kiosks/enrol',
  tags,
  summary: 'Enrol a machine with a code',
  request: { body: { content: json(EnrolBody), required: true } },
  responses: { 200: answers(EnrolResult, 'The enrolment'), ...refusals },
});
const trustRoute = createRoute({
  method: 'get',
  path: '/v1/kiosk/trust-bundle',
  tags,
  summary: "The newest trust bundle and the kiosk's certificate",
  security: kioskToken,
  request: { query: TrustQuery },
  responses: { 200: answers(KioskTrust, 'The trust'), ...refusals },
});
const cborBody = { [CBOR_MEDIA_TYPE]: { schema: z.unknown().meta({ type: 'string', format: 'binary' }) } };
const settleRoute = createRoute({
  method: 'post',
  path: '/v1/kiosk/settlements',
  tags,
  summary: 'Hand in a batch of the journal; answers a signed acknowledgement',
  description:
    'The envelope of a batch, as it is or sealed to the key that came with the trust. `sealing_key_unknown`: fetch the trust, and send the batch again under the key that it names.',
  security: kioskToken,
  request: { body: { content: cborBody, required: true } },
  responses: { 200: { description: 'The acknowledgement', content: cborBody }, ...refusals },
});

export const registerKiosk: RegisterRoutes = (router, context) => {
  const { addressOf, limits } = context;
  const settle = settling(context);
  router.openapi(enrolRoute, async (c) => {
    await limits.take('enrol_by_address', addressOf(c));
    return c.json(await enrol(context, c.req.valid('json')), 200);
  });
  router.openapi(trustRoute, async (c) => {
    const kiosk = await requireKnownKiosk(context, c);
    return c.json(await trustForKiosk(context, kiosk, readSince(c.req.valid('query').since)), 200);
  });
  registerSettlementStream(router, context, settle);
  router.openapi(settleRoute, async (c) => {
    const kiosk = await requireKiosk(context, c);
    if (c.req.header('content-type')?.split(';')[0]?.trim() !== CBOR_MEDIA_TYPE) {
      throw problem('request_invalid', { detail: `content-type: must be ${CBOR_MEDIA_TYPE}` });
    }
    const envelope = new Uint8Array(await c.req.arrayBuffer());
    const acknowledgement = await settle(kiosk, envelope);
    return c.body(new Uint8Array(acknowledgement).buffer, 200, { 'content-type': CBOR_MEDIA_TYPE });
  });
};
