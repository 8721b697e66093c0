/** A settlement stream from the kiosk's side, for tests: writes what it is told and reads answers while it writes. */
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import {
  encodeStreamFrame,
  MAX_ACKNOWLEDGEMENT_BYTES,
  MAX_STREAM_PROBLEM_BYTES,
  StreamReader,
} from '@tikiwallet/protocol';
import { CBOR_SEQUENCE_MEDIA_TYPE, Problem } from '../contract/index.ts';

export interface StreamClientOptions {
  readonly origin: string;
  readonly token: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class StreamClient {
  readonly request: ClientRequest;
  readonly #response: Promise<IncomingMessage>;
  readonly #reader = new StreamReader({
    maxObjectBytes: MAX_ACKNOWLEDGEMENT_BYTES,
    maxProblemBytes: MAX_STREAM_PROBLEM_BYTES,
  });
  #pieces: AsyncIterator<Uint8Array> | null = null;

  constructor({ origin, token, headers }: StreamClientOptions) {
    this.request = request(`${origin}/v1/kiosk/settlement-stream`, {
      method: 'POST',
      agent: false,
      headers: { authorization: `Kiosk ${token}`, 'content-type': CBOR_SEQUENCE_MEDIA_TYPE, ...headers },
    });
    this.#response = once(this.request, 'response').then(([response]: IncomingMessage[]) => {
      if (response === undefined) throw new Error('no response');
      return response;
    });
    // Whoever waits for it is told; after a cut nobody may.
    this.#response.catch(() => undefined);
    this.request.on('error', () => undefined);
    this.request.flushHeaders();
  }

  get response(): Promise<IncomingMessage> {
    return this.#response;
  }

  async send(envelope: Uint8Array): Promise<void> {
    await this.sendRaw(encodeStreamFrame(envelope));
  }

  async sendRaw(bytes: Uint8Array): Promise<void> {
    if (this.request.write(bytes) || this.request.destroyed) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.request.off('drain', done).off('close', done);
        resolve();
      };
      this.request.on('drain', done).on('close', done);
    });
  }

  /** The next acknowledgement or problem; null at the end. @throws when the connection broke */
  async next(): Promise<Uint8Array | Problem | null> {
    this.#pieces ??= (await this.#response)[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    for (;;) {
      const frame = this.#reader.next();
      if (frame?.kind === 'object') return frame.content;
      if (frame?.kind === 'problem') return Problem.parse(JSON.parse(Buffer.from(frame.content).toString()));
      const { done, value } = await this.#pieces.next();
      if (done === true) return null;
      this.#reader.give(value);
    }
  }

  /** @returns the code of the problem that comes next. */
  async code(): Promise<string> {
    const answer = await this.next();
    return answer === null ? 'the end' : answer instanceof Uint8Array ? 'an acknowledgement' : answer.code;
  }
}
