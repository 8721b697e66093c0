import { connect, type Socket } from 'node:net';
import { request as httpRequest } from 'node:http';
import { pino } from 'pino';
import {
  decodeRequestList,
  runSync,
  sealToKiosk,
  verifyKioskCertificate,
  verifyTrustBundle,
} from '@tikiwallet/protocol';
import { sealOpener } from '@tikiwallet/protocol/node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AcceptOutcome } from '../accept-payment.ts';
import type { RefundOutcome } from '../give-back.ts';
import { crypto, newKey, noise, ok, TestIssuer } from '../test/world.ts';
import { allowedHosts, isOwnHost } from './gate.ts';
import {
  listenForPhones,
  RECEIPT_MEDIA_TYPE,
  REFUND_OFFER_MEDIA_TYPE,
  REFUND_RECEIPT_MEDIA_TYPE,
  REQUEST_LIST_MEDIA_TYPE,
  REQUEST_MEDIA_TYPE,
  SEALED_MEDIA_TYPE,
  type Listener,
  type ListenerOptions,
} from './listener.ts';

const issuer = new TestIssuer();
const signing = newKey();
const sealing = newKey();
const trust = ok(runSync(verifyTrustBundle(issuer.bundle(), issuer.root.publicKey), crypto));
const certificate = ok(
  runSync(
    verifyKioskCertificate(
      issuer.kioskCertificate({ signing: signing.publicKey, sealing: sealing.publicKey }),
      trust.issuers,
    ),
    crypto,
  ),
);
const WALLET = 'https://wallet.test';
const RECEIPT = Uint8Array.of(7, 7, 7);

let listener: Listener;
let delivered: Uint8Array[];
let outcome: AcceptOutcome;
let accepted: Uint8Array[];
let refundOutcome: RefundOutcome;

function start(changes: Partial<ListenerOptions> = {}): Promise<Listener> {
  return listenForPhones({
    host: '127.0.0.1',
    port: 0,
    advertise: [],
    open: sealOpener(sealing.pem),
    view: () => ({
      kioskId: 'k',
      merchantName: 'Warung Sari',
      walletOrigins: [WALLET],
      certificateHashes: [certificate.hash],
    }),
    openRequests: () => [],
    openRefund: () => null,
    accept: async (bytes) => {
      delivered.push(bytes);
      return outcome;
    },
    acceptRefund: async (bytes) => {
      accepted.push(bytes);
      return refundOutcome;
    },
    log: pino({ level: 'silent' }),
    headersTimeoutMs: 400,
    ...changes,
  });
}

beforeEach(async () => {
  delivered = [];
  accepted = [];
  refundOutcome = { kind: 'refused', code: 'refund_not_open', refundId: null };
  outcome = {
    kind: 'accepted',
    receipt: RECEIPT,
    payment: {
      paymentHash: '',
      requestId: '',
      amountMinor: 1n,
      currency: 'SGD',
      maskedPhone: '',
      tier: 'reserved',
      checks: 0,
      sequence: 1,
      acceptedAt: 1,
      settlement: 'on_this_device',
      settledAt: null,
      refusalCode: null,
      refundedMinor: 0n,
    },
  };
  listener = await start();
});
afterEach(() => listener.close());

interface Got {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

function ask(
  path: string,
  options: {
    method?: string;
    headers?: Record<string, string>;
    body?: Uint8Array;
    address?: string;
  } = {},
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: options.address ?? '127.0.0.1',
        port: listener.port,
        path,
        method: options.method ?? 'GET',
        headers: options.headers ?? {},
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          }),
        );
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });
}

const post = (body: Uint8Array, headers: Record<string, string> = {}) =>
  ask('/v1/payments', { method: 'POST', headers: { 'content-type': SEALED_MEDIA_TYPE, ...headers }, body });

test('a sealed delivery is opened and answered with the receipt', async () => {
  const sealed = await sealToKiosk(Uint8Array.of(1, 2, 3), certificate);
  const answer = await post(sealed, { origin: WALLET });
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toBe(RECEIPT_MEDIA_TYPE);
  expect(answer.headers['access-control-allow-origin']).toBe(WALLET);
  expect(new Uint8Array(answer.body)).toEqual(RECEIPT);
  expect(delivered).toEqual([Uint8Array.of(1, 2, 3)]);
});

test('a refusal is a code with a status, readable by the wallet', async () => {
  outcome = { kind: 'refused', code: 'request_already_paid', requestId: null };
  const answer = await post(await sealToKiosk(Uint8Array.of(1), certificate), { origin: WALLET });
  expect(answer.status).toBe(409);
  expect(JSON.parse(answer.body.toString())).toEqual({ code: 'request_already_paid' });
  expect(answer.headers['access-control-allow-origin']).toBe(WALLET);
});

test('a phone that knows lists gets all that is open; one that does not gets a request only when it is the only one', async () => {
  const one = Uint8Array.of(1);
  const other = Uint8Array.of(2);
  const open: Uint8Array[] = [];
  await listener.close();
  listener = await start({ openRequests: () => open });
  const accept = `${REQUEST_LIST_MEDIA_TYPE}, ${REQUEST_MEDIA_TYPE}`;
  const lists = () => ask('/v1/request', { headers: { origin: WALLET, accept } });
  const single = () => ask('/v1/request', { headers: { origin: WALLET, accept: '*/*' } });
  for (const answer of [await lists(), await single()]) {
    expect([answer.status, JSON.parse(answer.body.toString())]).toEqual([404, { code: 'request_not_open' }]);
  }
  open.push(one);
  const only = await single();
  expect([only.status, only.headers['content-type'], [...only.body]]).toEqual([200, REQUEST_MEDIA_TYPE, [1]]);
  const listOfOne = await lists();
  expect(listOfOne.headers['content-type']).toBe(REQUEST_LIST_MEDIA_TYPE);
  expect(decodeRequestList(new Uint8Array(listOfOne.body))).toEqual([one]);
  open.push(other);
  expect(decodeRequestList(new Uint8Array((await lists()).body))).toEqual([one, other]);
  const refused = await single();
  expect([refused.status, JSON.parse(refused.body.toString())]).toEqual([
    409,
    { code: 'several_requests_open' },
  ]);
});

test('an offer to give back is shown to who names its payment, and to nobody else', async () => {
  const hash = 'ab'.repeat(32);
  const envelope = Uint8Array.of(9);
  await listener.close();
  listener = await start({ openRefund: (paymentHash) => (paymentHash === hash ? envelope : null) });
  const of = (query: string) => ask(`/v1/refund${query}`, { headers: { origin: WALLET } });
  const answer = await of(`?payment=${hash}`);
  expect([answer.status, answer.headers['content-type'], [...answer.body]]).toEqual([
    200,
    REFUND_OFFER_MEDIA_TYPE,
    [9],
  ]);
  expect(answer.headers['access-control-allow-origin']).toBe(WALLET);
  for (const other of [
    '',
    '?payment=',
    `?payment=${'cd'.repeat(32)}`,
    `?payment=${hash}&x`,
    `?payment=${hash}0`,
  ]) {
    const refused = await of(other);
    expect([refused.status, JSON.parse(refused.body.toString())]).toEqual([404, { code: 'refund_not_open' }]);
  }
  expect((await ask('/v1/refund', { method: 'POST', headers: { origin: WALLET } })).status).toBe(405);
});

test('a sealed acceptance of a refund is opened and answered with the refund receipt, or a code', async () => {
  const postRefund = async () =>
    ask('/v1/refunds', {
      method: 'POST',
      headers: { 'content-type': SEALED_MEDIA_TYPE, origin: WALLET },
      body: await sealToKiosk(Uint8Array.of(4, 5), certificate),
    });
  const refusal = await postRefund();
  expect([refusal.status, JSON.parse(refusal.body.toString())]).toEqual([409, { code: 'refund_not_open' }]);
  refundOutcome = {
    kind: 'repeated',
    receipt: RECEIPT,
    refund: {
      refundId: '',
      paymentHash: '',
      kind: 'refund',
      reason: 'other',
      sequence: 2,
      amountMinor: 1n,
      refundedMinor: 1n,
      givenBackAt: 1,
      settlement: 'on_this_device',
      settledAt: null,
      refusalCode: null,
    },
  };
  const answer = await postRefund();
  expect([answer.status, answer.headers['content-type']]).toEqual([200, REFUND_RECEIPT_MEDIA_TYPE]);
  expect(new Uint8Array(answer.body)).toEqual(RECEIPT);
  expect([accepted, delivered]).toEqual([[Uint8Array.of(4, 5), Uint8Array.of(4, 5)], []]);
  expect((await ask('/v1/refunds')).status).toBe(405);
});

test('what is not sealed to this kiosk is refused unseen', async () => {
  const answer = await post(noise(400));
  expect(answer.status).toBe(400);
  expect(JSON.parse(answer.body.toString())).toEqual({ code: 'sealed_message_unreadable' });
  expect(delivered).toEqual([]);
});

test('R7 a page of another origin is refused and learns nothing', async () => {
  for (const origin of ['https://evil.test', 'null', 'http://wallet.test', `${WALLET}:444`]) {
    const answer = await post(await sealToKiosk(Uint8Array.of(1), certificate), { origin });
    expect(answer.status).toBe(403);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  }
  expect(delivered).toEqual([]);
});

test('R7 a name that points here is not this kiosk (DNS rebinding)', async () => {
  for (const host of [
    'evil.test',
    `evil.test:${listener.port}`,
    `127.0.0.1:${listener.port + 1}`,
    '127.0.0.1',
  ]) {
    expect((await ask('/v1/hello', { headers: { host } })).status).toBe(403);
  }
  expect((await ask('/v1/hello', { headers: { host: `localhost:${listener.port}` } })).status).toBe(200);
});

test('R7 a browser may ask first, from the wallet only', async () => {
  const headers = {
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type',
    'access-control-request-private-network': 'true',
  };
  const answer = await ask('/v1/payments', { method: 'OPTIONS', headers: { ...headers, origin: WALLET } });
  expect(answer.status).toBe(204);
  expect(answer.headers['access-control-allow-methods']).toBe('POST');
  expect(answer.headers['access-control-allow-headers']).toBe('content-type');
  expect(answer.headers['access-control-allow-private-network']).toBe('true');
  expect(
    (await ask('/v1/payments', { method: 'OPTIONS', headers: { ...headers, origin: 'https://evil.test' } }))
      .status,
  ).toBe(403);
});

test('R7 the hand-off page is served to a visitor of this kiosk, and to nobody else', async () => {
  const answer = await ask('/pay');
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toContain('text/html');
  expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(answer.headers['referrer-policy']).toBe('no-referrer');
  expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  expect(answer.body.toString()).toContain('Warung Sari');
  expect((await ask('/pay', { headers: { host: 'evil.test' } })).status).toBe(403);
  expect((await ask('/pay', { headers: { origin: 'https://evil.test' } })).status).toBe(403);
  expect((await ask('/pay', { method: 'POST' })).status).toBe(405);
});

test('R7 the hand-off page may post, from the host that it was served by only', async () => {
  const sealed = await sealToKiosk(Uint8Array.of(5), certificate);
  const own = `http://127.0.0.1:${listener.port}`;
  expect((await post(sealed, { origin: own })).status).toBe(200);
  for (const origin of [
    `http://127.0.0.1:${listener.port + 1}`,
    `https://127.0.0.1:${listener.port}`,
    `http://localhost:${listener.port}`,
    'http://127.0.0.1',
  ]) {
    expect((await post(sealed, { origin })).status, origin).toBe(403);
  }
  // A name of somebody else's that points here is neither host nor origin.
  const rebound = { host: 'evil.test', origin: 'http://evil.test' };
  expect((await post(sealed, rebound)).status).toBe(403);
  expect(delivered).toHaveLength(1);
});

test('R9 a body above 8 KB is refused, announced or not', async () => {
  expect((await post(noise(8_193))).status).toBe(413);
  const chunked = await ask('/v1/payments', {
    method: 'POST',
    headers: { 'content-type': SEALED_MEDIA_TYPE, 'transfer-encoding': 'chunked' },
    body: noise(20_000),
  });
  expect(chunked.status).toBe(413);
  expect(delivered).toEqual([]);
});

test('a form or JSON post of any page is no delivery', async () => {
  expect((await post(noise(100), { 'content-type': 'text/plain' })).status).toBe(415);
  expect((await ask('/v1/payments')).status).toBe(405);
  expect((await ask('/etc/passwd')).status).toBe(404);
});

function dial(localAddress = '127.0.0.1'): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const options = { port: listener.port, host: '127.0.0.1', localAddress };
    const socket = connect(options, () => resolve(socket));
    socket.once('error', reject);
    socket.on('error', () => socket.destroy());
  });
}

test('R9 a connection that never finishes its headers is ended', async () => {
  const socket = await dial();
  socket.write('POST /v1/payments HTTP/1.1\r\nHost: x\r\n');
  // Somebody has to take what is sent, or the end is never seen.
  socket.resume();
  // Long before the minute that Node would give it: this test ends sooner than that.
  await new Promise((resolve) => socket.once('close', resolve));
});

test('R9 slowloris holds every connection and phones still get through', async () => {
  const slow = await Promise.all(Array.from({ length: 80 }, () => dial()));
  for (const socket of slow) socket.write('POST /v1/payments HTTP/1.1\r\nHost: x\r\nX-A: ');
  const answer = await post(await sealToKiosk(Uint8Array.of(9), certificate), { origin: WALLET });
  expect(answer.status).toBe(200);
  for (const socket of slow) socket.destroy();
});

test('R9 bodies that never end hold no connection against a phone', async () => {
  const head = `POST /v1/payments HTTP/1.1\r\nHost: 127.0.0.1:${listener.port}\r\ncontent-type: ${SEALED_MEDIA_TYPE}\r\ncontent-length: 900\r\n\r\n`;
  const slow = await Promise.all(Array.from({ length: 60 }, () => dial()));
  for (const socket of slow) socket.write(`${head}x`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const answer = await post(await sealToKiosk(Uint8Array.of(9), certificate), { origin: WALLET });
  expect(answer.status).toBe(200);
  for (const socket of slow) socket.destroy();
});

test('R9 whoever opens connection after connection loses its own, not a phone in the middle of paying', async () => {
  const sealed = await sealToKiosk(Uint8Array.of(9), certificate);
  const phone = await dial('127.0.0.2');
  phone.write(
    `POST /v1/payments HTTP/1.1\r\nHost: 127.0.0.1:${listener.port}\r\ncontent-type: ${SEALED_MEDIA_TYPE}\r\ncontent-length: ${sealed.length}\r\n\r\n`,
  );
  const flood = await Promise.all(Array.from({ length: 300 }, () => dial().catch(() => null)));
  const answered = new Promise<string>((resolve) => {
    phone.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1')));
    phone.once('close', () => resolve('closed'));
  });
  phone.write(sealed);
  expect(await answered).toContain('200 OK');
  phone.destroy();
  for (const socket of flood) socket?.destroy();
});

test('a second request hidden in the body of a first is never read', async () => {
  const host = `Host: 127.0.0.1:${listener.port}`;
  const hidden = `GET /v1/hello HTTP/1.1\r\n${host}\r\n\r\n`;
  const attacks = [
    `POST /v1/payments HTTP/1.1\r\n${host}\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    `POST /v1/payments HTTP/1.1\r\n${host}\r\ncontent-length: 0\r\ncontent-length: ${hidden.length}\r\n\r\n${hidden}`,
    `GET http://evil.test/v1/hello HTTP/1.1\r\n${host}\r\n\r\n`,
    `GET /v1/hello HTTP/1.1\r\nHost: evil.test\r\n${host}\r\n\r\n`,
    `POST /v1/payments HTTP/1.1\r\n${host}\r\ntransfer-encoding: xchunked\r\n\r\n${hidden}`,
  ];
  for (const attack of attacks) {
    const socket = await dial();
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    socket.end(attack);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(answer, attack).not.toContain('200 OK');
  }
});

test('a machine that changes its network is found under its new address and asks to be', async () => {
  await listener.close();
  const at = (address: string) => ({ wlan0: [{ internal: false, family: 'IPv4' as const, address }] });
  let now = at('192.168.1.7');
  const interfaces = () => now;
  listener = await start({ host: '0.0.0.0', interfaces });
  const from = (address: string) => ask('/v1/hello', { headers: { host: `${address}:${listener.port}` } });
  expect((await from('192.168.1.7')).status).toBe(200);
  now = at('10.0.0.9');
  expect(listener.addresses).toEqual([`http://10.0.0.9:${listener.port}`]);
  await expect.poll(async () => (await from('10.0.0.9')).status).toBe(200);
  expect((await from('evil.test')).status).toBe(403);
});

test('R7 the name that the kiosk has in its own network means nothing in any other', async () => {
  const groupAddress = '127.0.0.2';
  await listener.serveGroup(groupAddress, ['kiosk.tiki']);
  const headers = { host: `kiosk.tiki:${listener.port}` };
  expect((await ask('/v1/hello', { headers, address: groupAddress })).status).toBe(200);
  expect((await ask('/v1/hello', { headers })).status).toBe(403);
  const byAddress = { host: `${groupAddress}:${listener.port}` };
  expect((await ask('/v1/hello', { headers: byAddress, address: groupAddress })).status).toBe(200);
});

test('R7 at the port of HTTP itself a host is named with the port or without, as browsers do', () => {
  const hosts = allowedHosts({ host: '192.168.1.7', port: 80 }, ['http://kiosk.shop:80']);
  for (const host of ['192.168.1.7', '192.168.1.7:80', 'kiosk.shop', 'KIOSK.shop:80'])
    expect(isOwnHost(host, hosts), host).toBe(true);
  for (const host of ['192.168.1.7:8080', 'evil.test', 'evil.test:80', ''])
    expect(isOwnHost(host, hosts), host).toBe(false);
});

test('a listener on every address names each of them and nothing else', () => {
  const hosts = allowedHosts({ host: '0.0.0.0', port: 7070 }, ['http://kiosk.shop:7070']);
  expect(isOwnHost('KIOSK.shop:7070', hosts)).toBe(true);
  expect(isOwnHost('127.0.0.1:7070', hosts)).toBe(true);
  expect(isOwnHost('kiosk.shop', hosts)).toBe(false);
  expect(isOwnHost(undefined, hosts)).toBe(false);
});
