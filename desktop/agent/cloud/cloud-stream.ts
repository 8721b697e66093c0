/**
 * One HTTP/1.1 request whose body is written while its answer is read. Owns the socket's side of it: it writes no faster than
 * the other side takes, and never waits for an answer before it writes on - a proxy that keeps either side back until it is
 * whole makes such an exchange slower, and must not make it stand still.
 */
import { type ClientRequest, type IncomingMessage, request as plain } from 'node:http';
import { request as secure } from 'node:https';

export interface StreamRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Asked for one after the other, when there is room for the next. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** With nothing sent and nothing received for so long the connection is given up. */
  readonly stallMs: number;
}

export interface OpenStream {
  readonly response: IncomingMessage;
  /** What kept the pieces from coming; null while nothing did. */
  readonly fault: () => unknown;
  /** Ends both directions, whatever state they are in. */
  readonly close: () => void;
}

/** Resolves when the answer begins, which may be before the first piece was written or after the last. */
export function openStream({ url, headers, pieces, stallMs }: StreamRequest): Promise<OpenStream> {
  return new Promise((resolve, reject) => {
    const request = url.startsWith('https:') ? secure : plain;
    // A connection of its own: one that was kept from before may be gone, and a stream is not sent twice.
    const outgoing = request(url, { method: 'POST', headers, agent: false });
    let fault: unknown = null;
    const close = () => outgoing.destroy();
    outgoing.setTimeout(stallMs, () => outgoing.destroy(new Error('nothing moved')));
    outgoing.on('error', (error) => reject(fault ?? error));
    outgoing.on('response', (response) => resolve({ response, fault: () => fault, close }));
    write(outgoing, pieces).catch((error: unknown) => {
      fault = error;
      outgoing.destroy(error instanceof Error ? error : new Error('no more pieces'));
    });
  });
}

async function write(outgoing: ClientRequest, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of pieces) {
    if (outgoing.destroyed) return;
    if (!outgoing.write(piece)) await room(outgoing);
  }
  outgoing.end();
}

/** Until more can be written, or nothing will be any more. */
function room(outgoing: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      outgoing.off('drain', done).off('close', done);
      resolve();
    };
    outgoing.on('drain', done).on('close', done);
    if (outgoing.destroyed) done();
  });
}
