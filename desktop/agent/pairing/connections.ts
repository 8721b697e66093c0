/**
 * At most so many sockets at once, and nobody can hold them all: when the house is full, the one that has said
 * nothing useful for longest makes room. Owns the count; reads no byte.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export class Connections {
  readonly #limit: number;
  /** Insertion order is age; `true` while an answer is being worked on. */
  readonly #open = new Map<Socket, boolean>();

  constructor(server: Server, limit: number) {
    this.#limit = limit;
    server.on('connection', (socket) => this.#admit(socket));
    server.on('request', (request, response) => {
      this.#open.set(request.socket, true);
      response.once('close', () => {
        if (this.#open.has(request.socket)) this.#open.set(request.socket, false);
      });
    });
  }

  get count(): number {
    return this.#open.size;
  }

  endAll(): void {
    for (const socket of this.#open.keys()) socket.destroy();
  }

  #admit(socket: Socket): void {
    if (this.#open.size >= this.#limit && !this.#makeRoom()) {
      socket.destroy();
      return;
    }
    this.#open.set(socket, false);
    socket.once('close', () => this.#open.delete(socket));
  }

  #makeRoom(): boolean {
    for (const [socket, isWorking] of this.#open) {
      if (isWorking) continue;
      socket.destroy();
      this.#open.delete(socket);
      return true;
    }
    return false;
  }
}
