/**
 * The busiest route's way past the router: one function on the socket's own request that does, once and in the same order, what
 * the middleware around every route does (`app.ts`), by the very functions that it is made of.
 *
 * Owns: which requests are usual enough for it; all others take the router, which answers each of them the same
 * (`short-way.test.ts` sends both the same). Never: a rule of its own - what is refused, counted, logged and put into an answer is
 * decided where the router has it decided.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isTracing } from '../observe/tracing.ts';
import type { ServerContext } from '../context.ts';
import type { Asked } from './asked.ts';
import { DEFAULT_MAX_BYTES } from './body-limit.ts';
import { problemDocument, problemHeaders } from './problem.ts';
import { refusalOf } from './refuse.ts';
import { requestLine } from './request-line.ts';
import type { Router } from './router.ts';
import { jsonHeadersOf, REQUEST_ID, requestIdOf } from './usual-headers.ts';

/** True when it took the request: then nobody else answers it. */
export type ShortWay = (incoming: IncomingMessage, outgoing: ServerResponse) => boolean;

/** A POST with a JSON body that answers JSON. */
export interface ShortRoute {
  readonly path: string;
  /** @param text the body @returns JSON; throws what the router's handler of the route throws */
  readonly answer: (asked: Asked, text: string) => Promise<string>;
}

type Needs = Pick<ServerContext, 'metrics' | 'log' | 'limits' | 'addressOf' | 'config'>;

/** As the room of the route said when it registered. */
const routesOf = new WeakMap<Router, ShortRoute>();

export function setShortRoute(router: Router, route: ShortRoute): void {
  routesOf.set(router, route);
}

export function shortWayOf(router: Router, needs: Needs): ShortWay {
  const route = routesOf.get(router);
  if (route === undefined) throw new Error('no room has said which route is the busiest');
  const headers = jsonHeadersOf(needs.config.publicOrigin.startsWith('https:'));
  const usual = { headers, inTurns: Object.entries(headers).flat() };
  return (incoming, outgoing) => {
    if (!isUsual(incoming, route.path)) return false;
    new Passage(needs, incoming, outgoing).go(route, usual).catch((error: unknown) => {
      needs.log.error({ err: error }, 'an answer could not be sent');
      outgoing.destroy();
    });
    return true;
  };
}

/** As the router's adapter takes one for an address without looking at it more closely. */
const HOST = /^[a-z0-9._-]+(?::(?:[1-5]\d{3,4}|[6-9]\d{3}))?$/;
const DIGITS = /^\d{1,9}$/;

function isUsual({ method, url, headers, rawHeaders, httpVersion }: IncomingMessage, path: string): boolean {
  return (
    method === 'POST' &&
    url === path &&
    headers['content-type'] === 'application/json' &&
    isShort(headers['content-length'] ?? '') &&
    headers['transfer-encoding'] === undefined &&
    HOST.test(headers.host ?? '') &&
    httpVersion === '1.1' &&
    // None twice: of some the socket's message keeps the first one alone.
    Object.keys(headers).length * 2 === rawHeaders.length &&
    !isTracing()
  );
}

const isShort = (length: string) => DIGITS.test(length) && Number(length) <= DEFAULT_MAX_BYTES;

const decoder = new TextDecoder();

class Passage implements Asked {
  readonly req: Asked['req'];
  readonly env: { readonly incoming: IncomingMessage };
  readonly #needs: Needs;
  readonly #outgoing: ServerResponse;
  readonly #requestId: string;
  #userId: string | undefined;

  constructor(needs: Needs, incoming: IncomingMessage, outgoing: ServerResponse) {
    this.#needs = needs;
    this.#outgoing = outgoing;
    this.env = { incoming };
    this.req = {
      method: 'POST',
      path: incoming.url ?? '',
      header: (name) => {
        const value = incoming.headers[name.toLowerCase()];
        return typeof value === 'string' ? value : undefined;
      },
    };
    this.#requestId = requestIdOf(this.req.header(REQUEST_ID));
  }

  get(_key: 'requestId'): string {
    return this.#requestId;
  }

  set(_key: 'userId', value: string): void {
    this.#userId = value;
  }

  async go(route: ShortRoute, usual: UsualHeaders): Promise<void> {
    const { metrics, log, limits, addressOf } = this.#needs;
    const end = metrics.begin();
    const startedAt = performance.now();
    let answer: Answer;
    try {
      limits.takeOfFlood('requests_by_address', addressOf(this));
      const text = await textOf(this.env.incoming);
      answer = { status: 200, headers: null, body: await route.answer(this, text) };
    } catch (error) {
      answer = this.#refused(error);
    }
    const { status } = answer;
    log.info(requestLine(this, { status, userId: this.#userId, startedAt }), 'request');
    end({ method: 'POST', route: route.path, status: String(status) });
    this.#send(answer, usual);
  }

  #refused(error: unknown): Answer {
    const refusal = refusalOf(this.#needs.log, error, this);
    const body = JSON.stringify(problemDocument(this, refusal));
    return { status: refusal.status, headers: problemHeaders(refusal), body };
  }

  #send({ status, headers, body }: Answer, usual: UsualHeaders): void {
    const id = this.#requestId;
    // As bytes in a string of one byte a character, which goes out with its head in one piece and is not measured twice.
    const bytes = Buffer.byteLength(body) === body.length ? body : Buffer.from(body).toString('latin1');
    const length = String(bytes.length);
    this.#outgoing.writeHead(
      status,
      headers === null
        ? [...usual.inTurns, REQUEST_ID, id, 'content-length', length]
        : { ...usual.headers, [REQUEST_ID]: id, ...headers, 'content-length': length },
    );
    this.#outgoing.end(bytes, 'latin1');
  }
}

interface UsualHeaders {
  readonly headers: Readonly<Record<string, string>>;
  /** The same, name and value in turns: to put an object of them together costs as much as to write them. */
  readonly inTurns: readonly string[];
}

interface Answer {
  readonly status: number;
  /** Beside those of every JSON answer, or in their place. */
  readonly headers: Readonly<Record<string, string>> | null;
  readonly body: string;
}

/** @throws when the sender goes away before its end */
function textOf(incoming: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    incoming.on('data', (piece: Buffer) => pieces.push(piece));
    incoming.on('end', () => {
      const [only] = pieces;
      resolve(decoder.decode(pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces)));
    });
    incoming.on('error', reject);
    incoming.on('close', () => {
      if (!incoming.readableEnded) reject(new Error('the sender went away'));
    });
  });
}
