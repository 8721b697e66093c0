/**
 * A line that breaks: hands bytes on between whoever connects and the server, and cuts both sides when one direction has
 * carried what it may. Nothing is changed, delayed or lost before the cut.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface Budget {
  /** Bytes to the server and back before the cut. */
  readonly up: number;
  readonly down: number;
}

export const UNCUT: Budget = { up: Number.POSITIVE_INFINITY, down: Number.POSITIVE_INFINITY };

export class CuttingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Of the next connections, one after the other; those behind are not cut. */
  budgets: Budget[] = [];
  cuts = 0;

  constructor(targetPort: number) {
    this.#server = createServer((near) => this.#join(near, connect(targetPort, '127.0.0.1')));
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(near: Socket, far: Socket): void {
    const { up, down } = this.budgets.shift() ?? UNCUT;
    const cut = () => {
      if (!near.destroyed || !far.destroyed) this.cuts += 1;
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => undefined);
    }
    carry(near, far, { most: up, cut });
    carry(far, near, { most: down, cut });
  }
}

function carry(from: Socket, to: Socket, { most, cut }: { most: number; cut: () => void }): void {
  let left = most;
  from.on('data', (bytes: Buffer) => {
    const part = bytes.subarray(0, Math.min(bytes.length, left));
    left -= part.length;
    if (left > 0) {
      if (!to.write(part)) from.pause();
      return;
    }
    // What may go is gone before the line breaks.
    to.write(part, () => cut());
  });
  to.on('drain', () => from.resume());
  from.on('end', () => to.end()).on('close', () => to.destroySoon());
}
