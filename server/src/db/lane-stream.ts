/** What `pg` is given to speak to the database over: the same way as the driver's (`database-socket.ts`), as a stream of node's. */
import { Duplex } from 'node:stream';
import type { DatabaseSocket } from './database-socket.ts';

export class LaneStream extends Duplex {
  readonly #socket: DatabaseSocket;

  constructor(socket: DatabaseSocket) {
    super();
    this.#socket = socket;
    // Before `pg` listens, and after: whoever waits hears of it by what they wait for.
    this.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.push(chunk));
    socket.on('error', (reason: Error) => this.destroy(reason));
    socket.on('close', () => this.destroy());
  }

  /** What `pg` throws while it reads is about this connection, and must not end the process. */
  override emit(event: string | symbol, ...given: unknown[]): boolean {
    if (event !== 'data') return super.emit(event, ...given);
    try {
      return super.emit(event, ...given);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
      return true;
    }
  }

  /** The way knows where to, and what is written waits until it is there. */
  connect(): void {
    setImmediate(() => this.emit('connect'));
  }

  setNoDelay(isOn: boolean): void {
    this.#socket.setNoDelay(isOn);
  }

  setKeepAlive(isOn: boolean, afterMs: number): void {
    this.#socket.setKeepAlive(isOn, afterMs);
  }

  override _read(): void {
    // Answers come as they come; nobody asks for more than is read.
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, whenWritten(done));
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), whenWritten(done));
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(new Uint8Array());
    done();
  }

  override _destroy(reason: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(reason);
  }
}

/** Why it could not be written is told by the way itself, with the end that follows. */
const whenWritten = (done: () => void) => (error?: Error | null) => {
  if (!error) done();
};
