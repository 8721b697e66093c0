import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  decodeSettlementEnvelope,
  encodeStreamFrame,
  type SettlementAcknowledgement,
  verifySettlementAcknowledgement,
  verifySettlementBatch,
} from '@tikiwallet/protocol';
import { KioskView } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { type OfflineWallet, SimulatedPhone } from '../../test/simulated-phone.ts';
import { StreamClient } from '../../test/stream-client.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { reconcile } from '../ledger/index.ts';
import { must } from '../trust/index.ts';

let server: TestServer;
let kiosk: SimulatedKiosk;
let wallet: OfflineWallet;
beforeAll(async () => {
  server = await startTestServer({ env: { TIKI_STREAM_BATCHES: '8', TIKI_STREAMS: '3' } });
});
afterAll(() => server.close());
beforeEach(async () => {
  kiosk = await SimulatedKiosk.open(server, await server.register('merchant'));
  const phone = await SimulatedPhone.withMoney(server, 10_000n);
  wallet = await phone.load(5_000n);
});
afterEach(async () => {
  expect(await reconcile(server.context.db)).toMatchObject({ sound: true });
});

const open = (token = kiosk.token, headers = {}) =>
  new StreamClient({ origin: server.origin, token, headers });

/** A batch of each entry, of a hundred minor units a sale. */
function batches(count: number): Uint8Array[] {
  const from = kiosk.journal.length + 1;
  for (let n = 0; n < count; n += 1) kiosk.sell(wallet, 100n);
  return Array.from({ length: count }, (_, n) => kiosk.batch({ from: from + n, to: from + n }));
}

function read(envelope: Uint8Array, answer: unknown): SettlementAcknowledgement {
  if (!(answer instanceof Uint8Array)) throw new Error(`answered ${JSON.stringify(answer)}`);
  const { batch } = must(verifySettlementBatch(decodeSettlementEnvelope(envelope), kiosk.certificate));
  const expected = { kioskId: kiosk.kioskId, batchHash: batch.hash };
  const facts = { trust: kiosk.trust, nowSeconds: kiosk.nowSeconds, expected };
  return must(verifySettlementAcknowledgement(answer, facts));
}

describe('a stream', () => {
  test('acknowledges each batch when it is committed, while the request is still being written', async () => {
    const stream = open();
    for (const [n, envelope] of batches(3).entries()) {
      await stream.send(envelope);
      expect(read(envelope, await stream.next())).toMatchObject({
        highestSequence: n + 1,
        results: [{ sequence: n + 1, outcome: 'settled', code: null }],
      });
      expect(await kiosk.availableMinor()).toBe(100n * BigInt(n + 1));
    }
    stream.request.end();
    expect(await stream.next()).toBeNull();
    expect((await stream.response).headers).toMatchObject({
      'content-type': 'application/cbor-seq',
      'x-accel-buffering': 'no',
      'cache-control': 'no-store, no-transform',
    });
  });

  test('whose sender writes everything first is answered all the same: a proxy may keep either side back', async () => {
    const stream = open();
    const envelopes = batches(6);
    for (const envelope of envelopes) await stream.send(envelope);
    stream.request.end();
    for (const envelope of envelopes) read(envelope, await stream.next());
    expect(await stream.next()).toBeNull();
    expect(await kiosk.availableMinor()).toBe(600n);
  });

  test('and single batches are one story: what either acknowledged the other answers with the same bytes', async () => {
    const envelopes = batches(2);
    const alone = await kiosk.handIn(envelopes[0]);
    const stream = open();
    for (const envelope of [...envelopes, ...envelopes]) await stream.send(envelope);
    stream.request.end();
    const answers = [await stream.next(), await stream.next(), await stream.next(), await stream.next()];
    expect(answers.slice(0, 2)).toEqual(answers.slice(2));
    expect(answers[0]).toEqual(alone.bytes);
    expect(await kiosk.availableMinor()).toBe(200n);
  });
});

describe('R48 a stream that is cut', () => {
  test('at any byte keeps what was committed, and the next one goes on: every sale counts once', async () => {
    const envelopes = batches(8);
    const bytes = Buffer.concat(envelopes.map(encodeStreamFrame));
    let cuts = 0;
    // Places of all kinds: in a head, in a body, between frames, and wherever the dice fall.
    for (const share of [0, 0.0005, 1 / 8, 0.3 + Math.random() / 10, 0.62, 0.9]) {
      const stream = open();
      const at = Math.floor(bytes.length * share);
      await stream.sendRaw(bytes.subarray(0, at));
      // Some are cut at once, some with an answer on its way, some when one was read.
      if (cuts % 3 > 0 && share > 0.2) await stream.response;
      if (cuts % 3 > 1 && share > 0.2) await stream.next();
      stream.request.destroy();
      cuts += 1;
    }
    const last = open();
    await last.sendRaw(bytes);
    last.request.end();
    for (const envelope of envelopes) read(envelope, await last.next());
    expect(await kiosk.availableMinor()).toBe(800n);
    expect(await kiosk.summary()).toMatchObject({ settledTodayCount: 8, settledTodayMinor: '800' });
  });
});

describe('a stream ends with a code, and what was acknowledged stays', () => {
  /** Two good batches, then what is wrong. @returns the code that came after their acknowledgements */
  async function after(bytes: (rest: readonly Uint8Array[]) => Uint8Array, meanwhile?: () => Promise<void>) {
    const envelopes = batches(4);
    const stream = open();
    for (const envelope of envelopes.slice(0, 2)) {
      await stream.send(envelope);
      read(envelope, await stream.next());
    }
    await meanwhile?.();
    await stream.sendRaw(bytes(envelopes.slice(2)));
    const answer = await stream.next();
    expect(await stream.next()).toBeNull();
    const [row] = await server.database.owner<{ at: string }[]>`
      select settled_sequence as at from kiosk_enrolments where kiosk_id = ${kiosk.kioskId} and ended_at is null`;
    if (row !== undefined) expect(Number(row.at)).toBe(2);
    return answer instanceof Uint8Array ? null : answer;
  }
  const framed = ([first = new Uint8Array(0)]: readonly Uint8Array[]) => encodeStreamFrame(first);

  test.each([
    ['nonsense instead of a frame', () => Buffer.from('nonsense'), 'batch_malformed'],
    ['a frame above the limit', () => Buffer.from([0x5a, 1, 0, 0, 0]), 'request_too_large'],
    ['a frame that holds no batch', () => encodeStreamFrame(new Uint8Array([0xf6])), 'batch_malformed'],
  ] as const)('%s', async (_, bytes, code) => {
    expect(await after(bytes)).toMatchObject({ code });
  });

  test('a batch that leaves others out names where to go on', async () => {
    expect(await after(([, second = new Uint8Array(0)]) => encodeStreamFrame(second))).toMatchObject({
      code: 'batch_gap',
      status: 409,
      highestSequence: 2,
    });
  });

  test('a batch whose signature was bent on the way is refused; the rest goes by another stream', async () => {
    const bent = (rest: readonly Uint8Array[]) => {
      const frame = framed(rest);
      const at = frame.length - 3;
      frame[at] = (frame[at] ?? 0) ^ 1;
      return frame;
    };
    expect(await after(bent)).toMatchObject({ code: 'batch_chain_broken' });
    const stream = open();
    await stream.send(kiosk.batch({ from: 3, to: 4 }));
    stream.request.end();
    expect(await stream.next()).toBeInstanceOf(Uint8Array);
    expect(await kiosk.availableMinor()).toBe(400n);
  });

  test('a batch of another kiosk (R52)', async () => {
    const other = await SimulatedKiosk.open(server, kiosk.merchant, 'Till 2');
    other.append('start');
    expect(await after(() => encodeStreamFrame(other.batch()))).toMatchObject({ code: 'not_permitted' });
  });

  test('a kiosk that is blocked meanwhile hands in no more', async () => {
    const { token } = kiosk.merchant;
    const block = async () => {
      await server.expect(KioskView, `/v1/merchant/kiosks/${kiosk.kioskId}/deny`, { method: 'POST', token });
    };
    expect(await after(framed, block)).toMatchObject({ code: 'kiosk_denied', status: 403 });
  });

  test('a kiosk whose place another machine took meanwhile hands in no more', async () => {
    const { token } = kiosk.merchant;
    const replace = async () => {
      const path = `/v1/merchant/kiosks/${kiosk.kioskId}/code`;
      const view = await server.expect(KioskView, path, { method: 'POST', token });
      await new SimulatedKiosk(server, kiosk.merchant).enrol(view.enrolment?.code ?? '');
    };
    const envelopes = batches(1);
    const stream = open();
    await stream.response;
    await replace();
    await stream.send(envelopes[0] ?? new Uint8Array(0));
    expect(await stream.code()).toBe('not_authenticated');
  });

  test('more batches than a stream may have', async () => {
    const envelopes = batches(9);
    const stream = open();
    for (const envelope of envelopes) await stream.send(envelope);
    for (const envelope of envelopes.slice(0, 8)) read(envelope, await stream.next());
    expect(await stream.code()).toBe('stream_limit_reached');
  });

  test('a newer stream of the same kiosk: the older one may be a connection that nobody holds any more', async () => {
    const older = open();
    await older.response;
    const newer = open();
    await newer.response;
    expect(await older.code()).toBe('stream_limit_reached');
    newer.request.end();
    expect(await newer.next()).toBeNull();
  });
});

describe('refused before it begins', () => {
  const status = async (stream: StreamClient) => {
    const { statusCode } = await stream.response;
    stream.request.destroy();
    return statusCode;
  };

  test('compressed bodies and other kinds of bodies', async () => {
    expect(await status(open(kiosk.token, { 'content-encoding': 'gzip' }))).toBe(415);
    expect(await status(open(kiosk.token, { 'content-type': 'application/cbor' }))).toBe(415);
  });

  test('nobody, and whoever made a token up', async () => {
    expect(await status(open(''))).toBe(401);
    expect(await status(open('A'.repeat(43)))).toBe(401);
  });

  test('more kiosks at a time than this process takes', async () => {
    const others = await Promise.all(
      ['2', '3', '4'].map((name) => SimulatedKiosk.open(server, kiosk.merchant, `Till ${name}`)),
    );
    const held = others.map((other) => open(other.token));
    for (const stream of held) expect((await stream.response).statusCode).toBe(200);
    expect(await status(open())).toBe(503);
    for (const stream of held) {
      stream.request.end();
      expect(await stream.next()).toBeNull();
    }
    const now = open();
    now.request.end();
    expect((await now.response).statusCode).toBe(200);
  });
});

test('a process that leaves ends its streams at once, with what is committed acknowledged', async () => {
  const [first = new Uint8Array(0), second = new Uint8Array(0)] = batches(2);
  const stream = open();
  await stream.send(first);
  read(first, await stream.next());
  server.context.life.leave();
  await stream.send(second);
  const answer = await stream.next();
  expect(answer).toMatchObject({ code: 'service_unavailable', retryAfterMs: 1_000 });
  const after = open();
  expect((await after.response).statusCode).toBe(503);
  after.request.destroy();
});
