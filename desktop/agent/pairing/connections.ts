/**
 * At most so many sockets at once, and nobody can hold them all: when the house is full, whoever has most of them
 * loses the oldest that has not yet said all it wanted to say. Owns the count; reads no byte.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

interface Guest {
  readonly server: Server;
  readonly address: string;
  /** A whole request was read and its answer is being worked on. */
  isServed: boolean;
}

export class Connections {
  readonly #limit: number;
  /** Insertion order is age. */
  readonly #open = new Map<Socket, Guest>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** What comes in at any of the servers counts together. */
  watch(server: Server): void {
    server.on('connection', (socket) => this.#admit(socket, server));
    server.on('request', (request, response) => {
      const guest = this.#open.get(request.socket);
      if (guest === undefined) return;
      // Not at the end of the headers: a body that never ends would hold its place for as long as it likes.
      request.on('end', () => (guest.isServed = true));
      response.on('close', () => (guest.isServed = false));
    });
  }

  get count(): number {
    return this.#open.size;
  }

  endAllOf(server: Server): void {
    for (const [socket, guest] of this.#open) if (guest.server === server) socket.destroy();
  }

  #admit(socket: Socket, server: Server): void {
    if (this.#open.size >= this.#limit && !this.#makeRoom()) {
      socket.destroy();
      return;
    }
    this.#open.set(socket, { server, address: socket.remoteAddress ?? '', isServed: false });
    socket.once('close', () => this.#open.delete(socket));
  }

  #makeRoom(): boolean {
    const oldestOf = new Map<string, { readonly socket: Socket; count: number }>();
    for (const [socket, { address, isServed }] of this.#open) {
      const known = oldestOf.get(address);
      if (known !== undefined) known.count += 1;
      else if (!isServed) oldestOf.set(address, { socket, count: 1 });
    }
    const [greediest] = [...oldestOf.values()].sort((a, b) => b.count - a.count);
    if (greediest === undefined) return false;
    greediest.socket.destroy();
    this.#open.delete(greediest.socket);
    return true;
  }
}
