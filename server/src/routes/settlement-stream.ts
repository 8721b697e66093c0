/**
 * A long journal in one request: batches come as a sequence, and each is acknowledged when it is committed.
 *
 * Owns: the order of reading, settling and answering, one batch at a time, and how a stream ends. Never: answers a batch that
 * is not committed, or settles one after it has said that the stream is over.
 */
import { createRoute } from '@hono/zod-openapi';
import { encodeStreamFrame, encodeStreamProblem } from '@tikiwallet/protocol';
import type { Context } from 'hono';
import { z } from 'zod';
import { CBOR_SEQUENCE_MEDIA_TYPE } from '../../contract/index.ts';
import type { ServerContext } from '../context.ts';
import { problem, problemDocument } from '../http/problem.ts';
import { toProblem } from '../http/refuse.ts';
import { bodyOf } from '../http/answer-body.ts';
import { incomingOf, SenderGone } from '../http/request-body.ts';
import { type AppEnv, refusals, type Router } from '../http/router.ts';
import { requireKiosk } from '../kiosks/index.ts';
import { BatchStream, OpenStreams, Turns } from '../settlement/index.ts';
import type { Settle } from './settling.ts';

const sequence = {
  [CBOR_SEQUENCE_MEDIA_TYPE]: { schema: z.unknown().meta({ type: 'string', format: 'binary' }) },
};
const streamRoute = createRoute({
  method: 'post',
  path: '/v1/kiosk/settlement-stream',
  tags: ['kiosk'],
  summary: 'Hand in many batches of the journal; answers a signed acknowledgement of each',
  description:
    'Byte strings of a CBOR sequence, a batch in each. Answered by byte strings, an acknowledgement in each, as the batches are committed; a text string at the end is a problem, and what was not acknowledged is to be sent again. The answer may begin before the request has ended: read it while you write, and be content with it at the end.',
  security: [{ kiosk: [] }],
  request: { body: { content: sequence, required: true } },
  responses: { 200: { description: 'The acknowledgements', content: sequence }, ...refusals },
});

/** Proxies that would keep the answer until it is whole, or change it, are asked not to. */
const HEADERS = {
  'content-type': CBOR_SEQUENCE_MEDIA_TYPE,
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
};

/** @param settle shared with the route for one batch, so that both remember the same certificates. */
export function registerSettlementStream(router: Router, context: ServerContext, settle: Settle): void {
  const { config, life, log } = context;
  const answers = streamAnswers(context, settle);
  const streams = new OpenStreams(life, config.streams.most);
  router.openapi(streamRoute, async (c) => {
    const kiosk = await requireKiosk(context, c);
    requireSequence(c);
    const { signal, close } = streams.open(kiosk.enrolmentId);
    const incoming = incomingOf(c);
    const batches = new BatchStream(incoming, { limits: config.streams, signal });
    // Whoever does not take the answers keeps nothing here for ever.
    const { allMs, batchMs } = config.streams;
    const cut = setTimeout(() => incoming.socket.destroy(), allMs + batchMs);
    const end = (code: string | null) => {
      clearTimeout(cut);
      close();
      log.info({ requestId: c.get('requestId'), kioskId: kiosk.kioskId, ...batches.figures, code }, 'stream');
    };
    return c.body(bodyOf(answers(c, batches), { onEnd: end, cut: 'cut' }), 200, HEADERS);
  });
}

/** @throws ApiProblem `media_type_not_supported` */
function requireSequence(c: Context): void {
  const detail = (what: string) => ({ detail: what, headers: { connection: 'close' } });
  if (c.req.header('content-type')?.split(';')[0]?.trim() !== CBOR_SEQUENCE_MEDIA_TYPE)
    throw problem('media_type_not_supported', detail(`content-type: must be ${CBOR_SEQUENCE_MEDIA_TYPE}`));
  if ((c.req.header('content-encoding') ?? 'identity') !== 'identity')
    throw problem('media_type_not_supported', detail('content-encoding: none is taken'));
}

/** Of a stream: its acknowledgements in frames, then the problem that ended it. Returns the problem's code. */
function streamAnswers(context: ServerContext, settle: Settle) {
  const { config, log } = context;
  const turns = new Turns(Math.max(1, Math.floor(config.databaseConnections / 2)));
  return async function* (
    c: Context<AppEnv>,
    batches: BatchStream,
  ): AsyncGenerator<Uint8Array, string | null, void> {
    try {
      for (let batch = await batches.next(); batch !== null; batch = await batches.next()) {
        const envelope = batch;
        // Each batch as if it came alone: a kiosk that was denied meanwhile hands in no more, and each is counted.
        yield encodeStreamFrame(
          await turns.take(async () => settle(await requireKiosk(context, c), envelope)),
        );
      }
      return null;
    } catch (error) {
      if (error instanceof SenderGone) return 'cut';
      const refusal = toProblem(error);
      const entry = { requestId: c.get('requestId'), problem: refusal.code };
      if (refusal.code === 'internal_error') log.error({ ...entry, err: error }, 'stream failed');
      yield encodeStreamProblem(new TextEncoder().encode(JSON.stringify(problemDocument(c, refusal))));
      return refusal.code;
    }
  };
}
