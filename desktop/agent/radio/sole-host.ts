/**
 * Only one agent of a machine hosts: two would end each other's groups for ever. Owns the claim, a name in the kernel that
 * is free again as soon as its process has ended, however it ended; as networks are, it is a network namespace's own.
 */
import { createServer, type Server } from 'node:net';

export const CLAIM = 'tikipay_radio';

export class RadioTaken extends Error {
  override readonly name = 'RadioTaken';
}

export class SoleHost {
  readonly #name: string;
  #server: Server | undefined;

  constructor(name: string = CLAIM) {
    this.#name = name;
  }

  /** @throws RadioTaken while another agent has it */
  async claim(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) =>
        reject(
          'code' in error && error.code === 'EADDRINUSE' ? new RadioTaken('Another agent hosts.') : error,
        ),
      );
      server.listen(`\0${this.#name}`, resolve);
    });
    server.unref();
    this.#server = server;
  }

  async release(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  }
}
