/**
 * A request's body as it comes, for the route that must not wait for all of it.
 *
 * Owns: the way past the web stream in between, which would take in thousands of pieces before it holds the sender back.
 */
import { IncomingMessage } from 'node:http';
import type { Context } from 'hono';

/** The connection broke, or was closed before the body was whole. */
export class SenderGone extends Error {
  override readonly name = 'SenderGone';
}

/** Holds its sender back when nobody reads. */
export function incomingOf(c: Context): IncomingMessage {
  const { incoming } = Object(c.env) as { incoming?: unknown };
  if (!(incoming instanceof IncomingMessage)) throw new Error('this request came through no socket');
  return incoming;
}

/**
 * The next piece; null at the end.
 * @throws SenderGone, and the signal's reason when it aborts first
 */
export async function nextPiece(body: IncomingMessage, signal: AbortSignal): Promise<Uint8Array | null> {
  for (;;) {
    signal.throwIfAborted();
    const piece: unknown = body.read();
    if (piece instanceof Uint8Array) return piece;
    if (body.readableEnded) return null;
    if (body.destroyed) throw new SenderGone('the sender went away', { cause: body.errored });
    await somethingHappens(body, signal);
  }
}

const EVENTS = ['readable', 'end', 'error', 'close'] as const;

function somethingHappens(body: IncomingMessage, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of EVENTS) body.off(event, done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    for (const event of EVENTS) body.on(event, done);
    signal.addEventListener('abort', done);
  });
}
