/**
 * One HTTP client for the cloud: time-outs, size limits, validation of every answer, and one closed set of errors.
 * Owns the translation from HTTP to codes; holds no session and no key, and retries nothing by itself.
 */
import type { IncomingMessage } from 'node:http';
import {
  attempt,
  encodeStreamFrame,
  MAX_ACKNOWLEDGEMENT_BYTES,
  MAX_STREAM_PROBLEM_BYTES,
  StreamReader,
} from '@tikiwallet/protocol';
import { CBOR_SEQUENCE_MEDIA_TYPE, Problem, ProblemCode } from '@tikiwallet/server/contract';
import { z } from 'zod';
import { IpcError } from '../../ipc/index.ts';
import { openStream } from './cloud-stream.ts';

const TIMEOUT_MS = 10_000;
/** A trust bundle in base64url has two megabytes at the most; certificate and limits come with it. */
const MAX_ANSWER_BYTES = 4_194_304;

export interface CloudRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON unless it is bytes. */
  readonly body?: unknown;
  readonly timeoutMs?: number;
}

export interface CloudStreamRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly objects: AsyncIterable<Uint8Array>;
  readonly stallMs: number;
}

export interface CloudEvents {
  /** Somebody who speaks our protocol answered, whatever the answer. */
  onReached(): void;
  onUnreachable(): void;
  /** It said no, whatever it was asked. */
  onProblem?(code: ProblemCode): void;
}

/** A problem of a newer cloud may have a code that this kiosk was never told of: the rest of it still counts. */
const NewerProblem = Problem.extend({ code: z.string().regex(/^[a-z][a-z0-9_]{1,63}$/) });

/** A problem answer; `highestSequence` comes with `batch_gap`, `sealingKey` with `kiosk_suspended`. */
export class CloudProblem extends IpcError {
  readonly highestSequence: number | undefined;
  readonly sealingKey: string | undefined;
  constructor(problem: Problem, retryAfterMs: number | undefined) {
    super(problem.code, { retryAfterMs });
    this.highestSequence = problem.highestSequence;
    this.sealingKey = problem.sealingKey;
  }
}

/** This cloud, or a proxy before it, takes no such request; what it is about can be said another way. */
export class StreamNotTaken extends Error {
  override readonly name = 'StreamNotTaken';
  readonly status: number;
  constructor(status: number) {
    super(`answered with ${status}`);
    this.status = status;
  }
}

export class CloudClient {
  readonly apiUrl: string;
  readonly #events: CloudEvents;
  readonly #fetch: typeof fetch;
  #aheadMs = 0;

  constructor(options: { apiUrl: string; events: CloudEvents; fetch?: typeof fetch }) {
    this.apiUrl = options.apiUrl;
    this.#events = options.events;
    this.#fetch = options.fetch ?? fetch;
  }

  /** Now by the cloud's clock as its answers tell it: how long a token lives is not this machine's clock's affair. */
  serverNowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  /** @throws IpcError */
  async json<T extends z.ZodType>(schema: T, request: CloudRequest): Promise<z.output<T>> {
    const bytes = await this.#send(request, 'application/json');
    const value = parseJson(bytes);
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw new IpcError('cloud_answer_invalid', { cause: parsed.error });
    return parsed.data;
  }

  /** @throws IpcError */
  async nothing(request: CloudRequest): Promise<void> {
    await this.#send(request, null);
  }

  /** @throws IpcError */
  bytes(request: CloudRequest, mediaType: string): Promise<Uint8Array> {
    return this.#send(request, mediaType);
  }

  /**
   * Sends objects as a CBOR sequence and gives those of the answer as they come (protocol page 08). The end says nothing about
   * what was sent and not answered.
   * @throws IpcError, StreamNotTaken
   */
  async *stream(request: CloudStreamRequest): AsyncGenerator<Uint8Array, void, void> {
    const opened = await this.#openStream(request);
    const { response } = opened;
    const headers = headersOf(response);
    const status = response.statusCode ?? 0;
    try {
      const mediaType = mediaTypeOf(headers);
      if (isAboutTheForm(status)) throw new StreamNotTaken(status);
      if (status !== 200) throw this.#problem({ status, headers }, await readPieces(response), mediaType);
      if (mediaType !== CBOR_SEQUENCE_MEDIA_TYPE)
        throw new IpcError('cloud_answer_invalid', { cause: `answered ${mediaType}` });
      this.#noteServerTime({ headers });
      this.#events.onReached();
      yield* this.#answersOf(response);
    } catch (error) {
      throw this.#streamFault(opened.fault() ?? error);
    } finally {
      opened.close();
    }
  }

  async #openStream({ path, headers, objects, stallMs }: CloudStreamRequest) {
    try {
      return await openStream({
        url: this.apiUrl + path,
        headers: { accept: ACCEPTS_SEQUENCE, 'content-type': CBOR_SEQUENCE_MEDIA_TYPE, ...headers },
        pieces: framesOf(objects),
        stallMs,
      });
    } catch (error) {
      throw this.#streamFault(error);
    }
  }

  async *#answersOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
    const reader = new StreamReader({
      maxObjectBytes: MAX_ACKNOWLEDGEMENT_BYTES,
      maxProblemBytes: MAX_STREAM_PROBLEM_BYTES,
    });
    for await (const piece of pieces) {
      reader.give(piece);
      for (let frame = nextFrame(reader); frame !== null; frame = nextFrame(reader)) {
        if (frame.kind === 'problem') throw this.#problemOf(frame.content);
        yield frame.content;
      }
    }
    if (!reader.isBetweenFrames) throw new Error('the answer ends inside a frame');
  }

  /** A problem that came inside a stream: its document has the status that an answer would have had. */
  #problemOf(content: Uint8Array): IpcError {
    const parsed = NewerProblem.safeParse(parseJson(content));
    if (!parsed.success) return new IpcError('cloud_answer_invalid', { cause: parsed.error });
    const problem = { ...parsed.data, code: knownCode(parsed.data.code, parsed.data.status) };
    this.#events.onProblem?.(problem.code);
    return new CloudProblem(problem, parsed.data.retryAfterMs);
  }

  #streamFault(error: unknown): Error {
    if (error instanceof IpcError || error instanceof StreamNotTaken) return error;
    this.#events.onUnreachable();
    return new IpcError('cloud_unreachable', { cause: error });
  }

  async #send(request: CloudRequest, expectedType: string | null): Promise<Uint8Array> {
    const answer = await this.#exchange(request);
    const { response, bytes } = answer;
    const mediaType = mediaTypeOf(response.headers);
    if (!response.ok) throw this.#problem(response, bytes, mediaType);
    if (expectedType !== null && mediaType !== expectedType) {
      // A captive portal answers everything with a page of its own: that is not the cloud.
      throw new IpcError('cloud_answer_invalid', { cause: `answered ${mediaType}` });
    }
    this.#noteServerTime(response);
    this.#events.onReached();
    return bytes;
  }

  async #exchange(request: CloudRequest): Promise<{ response: Response; bytes: Uint8Array }> {
    try {
      const response = await this.#fetch(`${this.apiUrl}${request.path}`, {
        method: request.method,
        headers: {
          accept: 'application/json, application/cbor',
          ...contentType(request.body),
          ...request.headers,
        },
        body: encodeBody(request.body),
        redirect: 'error',
        signal: AbortSignal.timeout(request.timeoutMs ?? TIMEOUT_MS),
      });
      return { response, bytes: await readLimited(response) };
    } catch (error) {
      if (error instanceof IpcError) throw error;
      this.#events.onUnreachable();
      throw new IpcError('cloud_unreachable', { cause: error });
    }
  }

  #problem(response: Pick<Response, 'status' | 'headers'>, bytes: Uint8Array, mediaType: string): IpcError {
    const retryAfterMs = readRetryAfter(response);
    const parsed =
      mediaType === 'application/problem+json' ? NewerProblem.safeParse(parseJson(bytes)) : undefined;
    if (parsed?.success) {
      this.#noteServerTime(response);
      this.#events.onReached();
      const problem = { ...parsed.data, code: knownCode(parsed.data.code, response.status) };
      this.#events.onProblem?.(problem.code);
      return new CloudProblem(problem, parsed.data.retryAfterMs ?? retryAfterMs);
    }
    // A proxy in between speaks for a cloud that does not answer.
    if (response.status >= 502 && response.status <= 504)
      return new IpcError('service_unavailable', { retryAfterMs });
    return new IpcError('cloud_answer_invalid', { retryAfterMs, cause: `status ${response.status}` });
  }

  #noteServerTime(response: Pick<Response, 'headers'>): void {
    const serverMs = Date.parse(response.headers.get('date') ?? '');
    if (Number.isFinite(serverMs)) this.#aheadMs = serverMs - Date.now();
  }
}

/** What the status says, of a code that only a newer kiosk knows. */
function knownCode(code: string, status: number): ProblemCode {
  const known = ProblemCode.safeParse(code);
  if (known.success) return known.data;
  if (status === 401) return 'not_authenticated';
  if (status === 403) return 'not_permitted';
  if (status === 429) return 'rate_limited';
  return status >= 500 ? 'service_unavailable' : 'request_invalid';
}

function contentType(body: unknown): Record<string, string> {
  if (body === undefined) return {};
  return { 'content-type': body instanceof Uint8Array ? 'application/cbor' : 'application/json' };
}

function encodeBody(body: unknown): string | Uint8Array<ArrayBuffer> | null {
  if (body === undefined) return null;
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new IpcError('cloud_answer_invalid', { cause: error });
  }
}

const ACCEPTS_SEQUENCE = `${CBOR_SEQUENCE_MEDIA_TYPE}, application/problem+json`;

function nextFrame(reader: StreamReader) {
  const frame = attempt(() => reader.next());
  if (!frame.ok) throw new IpcError('cloud_answer_invalid', { cause: frame.code });
  return frame.value;
}

async function* framesOf(objects: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  for await (const object of objects) yield encodeStreamFrame(object);
}

/** 400, 404, 405, 411, 413, 415 and the like, and 501: not about who asks, how often, or whether it is the moment. */
function isAboutTheForm(status: number): boolean {
  return status === 501 || (status >= 400 && status < 500 && ![401, 403, 408, 429].includes(status));
}

function mediaTypeOf(headers: Headers): string {
  return (headers.get('content-type') ?? '').split(';')[0]?.trim() ?? '';
}

function headersOf({ headersDistinct }: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(headersDistinct))
    for (const value of values) headers.append(name, value);
  return headers;
}

async function readLimited(response: Response): Promise<Uint8Array> {
  return response.body === null ? new Uint8Array(0) : readPieces(response.body);
}

async function readPieces(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of pieces) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new IpcError('cloud_answer_invalid', { cause: 'answer too large' });
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** Seconds or an HTTP date; undefined for anything else. */
function readRetryAfter(response: Pick<Response, 'headers'>): number | undefined {
  const text = response.headers.get('retry-after');
  if (text === null) return undefined;
  if (/^\d{1,6}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isFinite(at) ? Math.max(0, at - Date.now()) : undefined;
}
