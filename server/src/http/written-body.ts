/**
 * An answer's body that somebody writes while it is read, piece by piece: what is written may come out of a transaction that stays
 * open until the last piece is taken.
 *
 * Owns: that no piece is made before its reader asks for it, so that one piece is held whatever the whole is long, and how long a
 * reader may take. Never: an answer that begins although nothing could be written - what goes wrong before the first piece is thrown.
 */
export type Write = (piece: string) => Promise<void>;

export interface ReaderPatience {
  /** Until a piece is asked for. */
  readonly pieceMs: number;
  /** For all of them. */
  readonly allMs: number;
}

export async function writtenBody(
  work: (write: Write) => Promise<void>,
  { pieceMs, allMs }: ReaderPatience,
): Promise<ReadableStream<Uint8Array>> {
  const begun = Promise.withResolvers<void>();
  const gone = new AbortController();
  const over = AbortSignal.any([gone.signal, AbortSignal.timeout(allMs)]);
  const encoder = new TextEncoder();
  let asked = Promise.withResolvers<void>();
  let begin: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        begin = controller;
      },
      pull: () => asked.resolve(),
      cancel: () => gone.abort(new Error('the reader went away')),
    },
    { highWaterMark: 0 },
  );
  const write = async (piece: string) => {
    begun.resolve();
    await unless(AbortSignal.any([over, AbortSignal.timeout(pieceMs)]), asked.promise);
    asked = Promise.withResolvers<void>();
    begin?.enqueue(encoder.encode(piece));
  };
  work(write).then(
    () => {
      begun.resolve();
      if (!gone.signal.aborted) begin?.close();
    },
    (error: unknown) => {
      begun.reject(error);
      // Cut short, and not ended: the reader shall not take a part for the whole.
      begin?.error(error);
    },
  );
  await begun.promise;
  return body;
}

/** @throws the signal's reason when it aborts first */
function unless(signal: AbortSignal, event: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    void event.then(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
  });
}
