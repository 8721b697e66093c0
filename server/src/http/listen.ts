/** Listening and closing, with words for the usual trouble. */
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { ShortWay } from './short-way.ts';

/** Somebody else has the port. */
export class PortTaken extends Error {
  readonly code = 'port_taken';
  constructor(port: number, setting: string) {
    super(`Port ${port} is taken by another program: stop it, or choose another port with ${setting}.`);
  }
}

export interface ListenOptions {
  readonly fetch: Parameters<typeof getRequestListener>[0];
  /** Asked before `fetch`. */
  readonly shortWay?: ShortWay;
  readonly host: string;
  readonly port: number;
  /** The variable that changes the port, for the error. */
  readonly setting: string;
}

export interface Listening {
  readonly port: number;
  /**
   * Goes on taking requests, and tells each client to come by another connection next time: what a load balancer has
   * sent here before it heard that we leave is still answered, and no idle connection is cut under a request.
   */
  leave(): void;
  /** Takes no new requests, waits for running ones up to `graceMs`, then closes what is left. */
  close(graceMs?: number): Promise<void>;
}

function isPortTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

/** Finds out about a taken port before anything slow is started. @throws PortTaken */
export function assertPortFree(host: string, port: number, setting: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => reject(isPortTaken(error) ? new PortTaken(port, setting) : error));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()));
  });
}

/** @throws PortTaken */
export function listen(options: ListenOptions): Promise<Listening> {
  const { host, port, setting } = options;
  return new Promise((resolve, reject) => {
    const { fetch, shortWay } = options;
    const takeRequest = getRequestListener(fetch);
    let leaving = false;
    // A connection that was busy when listening ended goes with its answer, not after its time-out.
    const onAnswered = () => {
      if (!server.listening) server.closeIdleConnections();
    };
    const server = createHttpServer((incoming, outgoing) => {
      if (leaving) outgoing.setHeader('connection', 'close');
      outgoing.on('close', onAnswered);
      if (shortWay?.(incoming, outgoing) !== true) void takeRequest(incoming, outgoing);
    });
    server.once('error', (error) => reject(isPortTaken(error) ? new PortTaken(port, setting) : error));
    server.listen(port, host, () => {
      const address = server.address();
      const bound = address !== null && typeof address === 'object' ? address.port : port;
      const leave = () => {
        leaving = true;
      };
      const close = (graceMs = 10_000) => {
        leave();
        return closeServer(server, graceMs);
      };
      resolve({ port: bound, leave, close });
    });
  });
}

function closeServer(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
