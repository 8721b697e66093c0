/**
 * The HTTP listener for phones: a few small routes behind strict limits. Owns bytes, headers and status codes;
 * opens the seal and hands the delivery on. Trusts nothing that comes in, and never says "paid" by itself: a receipt
 * comes from the store.
 */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { encodeRequestList, type Result } from '@tikiwallet/protocol';
import type { AcceptCode, AcceptOutcome } from '../accept-payment.ts';
import type { RefundOutcome } from '../give-back.ts';
import type { Log } from '../log.ts';
import { Connections } from './connections.ts';
import {
  allowedHosts,
  authority,
  hostSet,
  isOwnHost,
  isOwnOrigin,
  isWalletOrigin,
  isWildcard,
  ownAddresses,
  withGroupAddress,
  type Bound,
  type Interfaces,
} from './gate.ts';
import { HAND_OFF_HEADERS, handOffPage } from './hand-off/page.ts';

export const SEALED_MEDIA_TYPE = 'application/vnd.tikipay.sealed';
export const RECEIPT_MEDIA_TYPE = 'application/vnd.tikipay.receipt';
export const REFUND_RECEIPT_MEDIA_TYPE = 'application/vnd.tikipay.refund-receipt';
export const REFUND_OFFER_MEDIA_TYPE = 'application/vnd.tikipay.refund-offer';
export const REQUEST_MEDIA_TYPE = 'application/vnd.tikipay.request';
export const REQUEST_LIST_MEDIA_TYPE = 'application/vnd.tikipay.request-list';

/** The listener's own refusals, beside those of the money path. */
export type PairingCode =
  | AcceptCode
  | 'not_found'
  | 'method_not_allowed'
  | 'media_type_not_supported'
  /** Several are open, and who asks could not tell which is theirs. */
  | 'several_requests_open'
  | 'host_not_allowed'
  | 'origin_not_allowed';

/** What the listener must know of the kiosk at the moment of a request. */
export interface PairingView {
  readonly kioskId: string;
  readonly merchantName: string;
  readonly walletOrigins: readonly string[];
  /** Newest first: what a phone may have sealed to. */
  readonly certificateHashes: readonly Uint8Array[];
}

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  /** Put into requests instead of the bound address. */
  readonly advertise: readonly string[];
  /** Opens what was sealed to this kiosk under one of the given certificates. */
  readonly open: (sealed: Uint8Array, certificateHashes: readonly Uint8Array[]) => Result<Uint8Array>;
  readonly view: () => PairingView | null;
  /** The envelopes of the requests that can be paid now, oldest first. */
  readonly openRequests: () => readonly Uint8Array[];
  /** The envelope of the offer to give money of this payment back, while it is open. @param paymentHash hex */
  readonly openRefund: (paymentHash: string) => Uint8Array | null;
  readonly accept: (delivery: Uint8Array) => Promise<AcceptOutcome>;
  readonly acceptRefund: (acceptance: Uint8Array) => Promise<RefundOutcome>;
  readonly log: Log;
  /** Of this machine at the moment: a laptop changes its network while it runs. */
  readonly interfaces?: Interfaces;
  readonly maxConnections?: number;
  readonly headersTimeoutMs?: number;
}

export interface Listener {
  readonly port: number;
  /** `http://host:port`, for requests; as they are now. */
  readonly addresses: readonly string[];
  /**
   * Listens at the address of the kiosk's own network as well, or at none any more; its connections end with it.
   * `names`: what phones may call the kiosk there. Rejects with the system's error when it cannot be listened at.
   */
  serveGroup(address: string | null, names: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 8_192;
const MAX_HEADER_BYTES = 8_192;
const MAX_CONNECTIONS = 50;
const HEADERS_TIMEOUT_MS = 5_000;
/** Longer than any phone needs for a kilobyte; a body that dribbles ends here. */
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 5_000;
const MAX_REQUESTS_PER_SOCKET = 100;
const HOSTS_READ_EVERY_MS = 1_000;

/** Rejects with the system's error when the address cannot be listened at. */
export async function listenForPhones(options: ListenerOptions): Promise<Listener> {
  const connections = new Connections(options.maxConnections ?? MAX_CONNECTIONS);
  const server = serverFor(options, connections);
  const bound = await listen(server, options);
  const desk = new PhoneDesk(options, bound);
  const answer: RequestListener = (request, response) => void desk.answer(request, response);
  server.on('request', answer);
  let group: Server | null = null;
  return {
    port: bound.port,
    get addresses() {
      return desk.addresses();
    },
    serveGroup: async (address, names) => {
      desk.setGroup(null, []);
      if (group !== null) await end(group, connections);
      group = null;
      if (address === null) return;
      // Where everything is listened at, the new address is among it.
      if (!isWildcard(bound.host) && address !== bound.host) {
        group = serverFor(options, connections);
        group.on('request', answer);
        await listen(group, { ...options, host: address, port: bound.port });
      }
      desk.setGroup(address, names);
    },
    close: async () => {
      const servers = group === null ? [server] : [server, group];
      await Promise.all(servers.map((one) => end(one, connections)));
    },
  };
}

function serverFor(options: ListenerOptions, connections: Connections): Server {
  const headersTimeout = options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS;
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout,
    requestTimeout: Math.max(headersTimeout, REQUEST_TIMEOUT_MS),
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(1_000, headersTimeout),
    requireHostHeader: false,
  });
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_SOCKET;
  connections.watch(server);
  return server;
}

function end(server: Server, connections: Connections): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    connections.endAllOf(server);
  });
}

function listen(server: Server, options: ListenerOptions): Promise<Bound> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.host, port: options.port }, () => {
      server.off('error', reject);
      server.on('error', (error) => options.log.error({ err: error }, 'the listener for phones failed'));
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : options.port;
      resolve({ host: options.host, port });
    });
  });
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | Readonly<Record<string, unknown>>;
}

class PhoneDesk {
  readonly #options: ListenerOptions;
  readonly #bound: Bound;
  #group: Bound | null = null;
  #groupHosts: ReadonlySet<string> = new Set();
  #hosts: ReadonlySet<string>;
  #hostsReadMs = performance.now();

  constructor(options: ListenerOptions, bound: Bound) {
    this.#options = options;
    this.#bound = bound;
    this.#hosts = this.#readHosts();
  }

  addresses(): readonly string[] {
    const { advertise, interfaces } = this.#options;
    const usual = advertise.length > 0 ? advertise : ownAddresses(this.#bound, interfaces);
    return withGroupAddress(usual, this.#group);
  }

  setGroup(address: string | null, names: readonly string[]): void {
    const { port } = this.#bound;
    this.#group = address === null ? null : { host: address, port };
    this.#groupHosts = hostSet(
      address === null ? [] : [address, ...names].map((name) => authority(name, port)),
    );
  }

  #readHosts(): ReadonlySet<string> {
    return allowedHosts(this.#bound, this.addresses(), this.#options.interfaces);
  }

  /** What phones call the kiosk in its own network means nothing in any other. */
  #isOursInGroup(host: string | undefined, localAddress: string | undefined): boolean {
    const isThere = this.#group !== null && localAddress?.replace(/^::ffff:/, '') === this.#group.host;
    return isThere && isOwnHost(host, this.#groupHosts);
  }

  /** A name that is not ours may have become ours since it was last looked up. */
  #isOurs(host: string | undefined, localAddress: string | undefined): boolean {
    if (this.#isOursInGroup(host, localAddress) || isOwnHost(host, this.#hosts)) return true;
    if (performance.now() - this.#hostsReadMs < HOSTS_READ_EVERY_MS) return false;
    this.#hostsReadMs = performance.now();
    this.#hosts = this.#readHosts();
    return isOwnHost(host, this.#hosts);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const origin = request.headers.origin;
    const view = this.#options.view();
    // The hand-off page is ours: what it posts comes from the very host that it is posted to.
    const isOwn = isOwnOrigin(origin, request.headers.host);
    const isAllowed = isOwn || isWalletOrigin(origin, view?.walletOrigins ?? []);
    let answer: Answer;
    try {
      if (!this.#isOurs(request.headers.host, request.socket.localAddress))
        answer = refusal(403, 'host_not_allowed');
      else if (!isAllowed) answer = refusal(403, 'origin_not_allowed');
      else answer = await this.#route(request, view);
    } catch (error) {
      // The phone hung up in the middle of its body: there is nobody to answer.
      if (request.destroyed && !request.complete) return;
      this.#options.log.error({ err: error }, 'a delivery could not be handled');
      answer = refusal(500, 'internal_error');
    }
    send(request, response, { answer, origin: isAllowed ? origin : undefined });
  }

  async #route(request: IncomingMessage, view: PairingView | null): Promise<Answer> {
    const [path, query = ''] = (request.url ?? '').split('?');
    const method = request.method ?? '';
    switch (path) {
      case '/v1/payments':
        if (method === 'OPTIONS') return preflight(request, 'POST');
        return method === 'POST' ? this.#takePayment(request, view) : refusal(405, 'method_not_allowed');
      case '/v1/refunds':
        if (method === 'OPTIONS') return preflight(request, 'POST');
        return method === 'POST' ? this.#takeRefund(request, view) : refusal(405, 'method_not_allowed');
      case '/v1/refund':
        if (method === 'OPTIONS') return preflight(request, 'GET');
        return method === 'GET' ? this.#showRefund(query) : refusal(405, 'method_not_allowed');
      case '/v1/request':
        if (method === 'OPTIONS') return preflight(request, 'GET');
        return method === 'GET' ? this.#showRequests(request) : refusal(405, 'method_not_allowed');
      case '/pay':
        return method === 'GET' ? showHandOff(view) : refusal(405, 'method_not_allowed');
      case '/v1/hello':
        if (method === 'OPTIONS') return preflight(request, 'GET');
        return method === 'GET' ? hello(view) : refusal(405, 'method_not_allowed');
      default:
        return refusal(404, 'not_found');
    }
  }

  /** Protocol page 03: who knows no list gets no request of several, rather than one that may be somebody else's. */
  #showRequests(request: IncomingMessage): Answer {
    const envelopes = this.#options.openRequests();
    const [only, ...others] = envelopes;
    if (only === undefined) return refusal(404, 'request_not_open');
    if (knowsLists(request)) {
      const headers = { 'content-type': REQUEST_LIST_MEDIA_TYPE };
      return { status: 200, headers, body: encodeRequestList(envelopes) };
    }
    if (others.length > 0) return refusal(409, 'several_requests_open');
    return { status: 200, headers: { 'content-type': REQUEST_MEDIA_TYPE }, body: only };
  }

  /** Protocol page 14: to who names the payment; what comes of it needs the key that paid. */
  #showRefund(query: string): Answer {
    const [, paymentHash] = /^payment=([0-9a-f]{64})$/.exec(query) ?? [];
    const envelope = paymentHash === undefined ? null : this.#options.openRefund(paymentHash);
    if (envelope === null) return refusal(404, 'refund_not_open');
    return { status: 200, headers: { 'content-type': REFUND_OFFER_MEDIA_TYPE }, body: envelope };
  }

  async #takePayment(request: IncomingMessage, view: PairingView | null): Promise<Answer> {
    const delivery = await this.#unseal(request, view);
    if (!(delivery instanceof Uint8Array)) return delivery;
    const outcome = await this.#options.accept(delivery);
    if (outcome.kind === 'refused') return refusal(statusOf(outcome.code), outcome.code);
    return { status: 200, headers: { 'content-type': RECEIPT_MEDIA_TYPE }, body: outcome.receipt };
  }

  async #takeRefund(request: IncomingMessage, view: PairingView | null): Promise<Answer> {
    const acceptance = await this.#unseal(request, view);
    if (!(acceptance instanceof Uint8Array)) return acceptance;
    const outcome = await this.#options.acceptRefund(acceptance);
    if (outcome.kind === 'refused') return refusal(statusOf(outcome.code), outcome.code);
    return { status: 200, headers: { 'content-type': REFUND_RECEIPT_MEDIA_TYPE }, body: outcome.receipt };
  }

  /** What was sealed to this kiosk, or the answer to whoever sent something else. */
  async #unseal(request: IncomingMessage, view: PairingView | null): Promise<Uint8Array | Answer> {
    if (view === null) return refusal(503, 'kiosk_not_enrolled');
    const given = request.headers['content-type'] ?? '';
    if (given !== SEALED_MEDIA_TYPE && given.split(';')[0]?.trim().toLowerCase() !== SEALED_MEDIA_TYPE)
      return refusal(415, 'media_type_not_supported');
    const sealed = await readBody(request);
    if (sealed === null) return refusal(413, 'message_too_large');
    // To any certificate that the phone may have seen: the kiosk's may have been renewed since.
    const opened = this.#options.open(sealed, view.certificateHashes);
    return opened.ok ? opened.value : refusal(statusOf(opened.code), opened.code);
  }
}

function knowsLists(request: IncomingMessage): boolean {
  const named = (request.headers.accept ?? '')
    .split(',')
    .map((one) => one.split(';')[0]?.trim().toLowerCase());
  return named.includes(REQUEST_LIST_MEDIA_TYPE);
}

function hello(view: PairingView | null): Answer {
  if (view === null) return refusal(503, 'kiosk_not_enrolled');
  return { status: 200, body: { kioskId: view.kioskId, merchantName: view.merchantName } };
}

function showHandOff(view: PairingView | null): Answer {
  if (view === null) return refusal(503, 'kiosk_not_enrolled');
  return { status: 200, headers: HAND_OFF_HEADERS, body: handOffPage(view) };
}

function refusal(status: number, code: PairingCode): Answer {
  return { status, body: { code } };
}

/** A browser asks before it posts across origins; Chromium also asks before it enters a private network. */
function preflight(request: IncomingMessage, method: 'GET' | 'POST'): Answer {
  const asksForPrivateNetwork = request.headers['access-control-request-private-network'] === 'true';
  return {
    status: 204,
    headers: {
      'access-control-allow-methods': method,
      'access-control-allow-headers': 'content-type',
      'access-control-max-age': '600',
      ...(asksForPrivateNetwork ? { 'access-control-allow-private-network': 'true' } : {}),
    },
  };
}

/** Null when it is larger than any delivery can be. Rejects when the phone hangs up in the middle. */
function readBody(request: IncomingMessage): Promise<Uint8Array | null> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return Promise.resolve(null);
  // By events: an iterator over a stream costs more than everything else that happens to a body of 500 bytes.
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > MAX_BODY_BYTES) resolve(null);
      else chunks.push(chunk);
    });
    request.on('end', () => {
      const [only, ...more] = chunks;
      if (only === undefined || more.length > 0) return resolve(new Uint8Array(Buffer.concat(chunks)));
      // One chunk is memory of its own already.
      resolve(new Uint8Array(only.buffer, only.byteOffset, only.byteLength));
    });
    request.on('error', reject);
    // It closes after each body; an error is made for those only that did not come to their end.
    request.on('close', () => {
      if (!request.complete) reject(new Error('the phone hung up'));
    });
  });
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { answer, origin }: { answer: Answer; origin: string | undefined },
): void {
  const { body } = answer;
  const bytes = body === undefined || body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
  // Name, value, name, value: Node writes such a list down as it is, and looks into an object name by name.
  const headers = ['cache-control', 'no-store', 'x-content-type-options', 'nosniff', 'vary', 'Origin'];
  if (origin !== undefined) headers.push('access-control-allow-origin', origin);
  if (body !== bytes) headers.push('content-type', 'application/json');
  if (bytes !== undefined) headers.push('content-length', String(bytes.length));
  if (answer.headers !== undefined)
    for (const [name, value] of Object.entries(answer.headers)) headers.push(name, value);
  // What was not read to its end cannot be followed by another request on the same socket.
  if (!request.complete || answer.status === 403) headers.push('connection', 'close');
  response.writeHead(answer.status, headers);
  // As text of the same bytes: head and body then leave in one write instead of two.
  if (bytes === undefined) response.end();
  else
    response.end(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'), 'latin1');
  if (!request.complete) request.resume();
}

/** 4xx: the phone or its payment; 409: another state than the phone thinks; 503: the kiosk, for now. */
function statusOf(code: AcceptCode): number {
  switch (code) {
    case 'message_too_large':
      return 413;
    case 'message_malformed':
    case 'object_not_canonical':
    case 'object_has_wrong_purpose':
    case 'algorithm_not_allowed':
    case 'field_out_of_range':
    case 'sealed_message_unreadable':
      return 400;
    case 'allowance_certificate_unknown':
    // Of a kiosk's own state, and an answer all the same: a phone that does not know the word must not try on.
    case 'kiosk_suspended':
    case 'request_not_open':
    case 'request_expired':
    case 'request_already_paid':
    case 'already_accepted_with_different_bytes':
    case 'payment_counter_not_increasing':
    case 'refund_not_open':
    case 'refund_offer_expired':
    case 'refund_exceeds_sale':
    case 'void_is_not_whole':
      return 409;
    case 'kiosk_not_enrolled':
    case 'kiosk_busy':
    case 'kiosk_denied':
    case 'kiosk_offline_too_long':
    case 'kiosk_stored_count_exceeded':
    case 'kiosk_stored_sum_exceeded':
    case 'clock_behind_trusted_time':
    case 'journal_quarantined':
    case 'storage_full':
    case 'storage_failed':
    case 'trust_bundle_too_old':
      return 503;
    case 'internal_error':
      return 500;
    default:
      return 422;
  }
}
