/** Listening and closing, with words for the usual trouble. */
import type { Server } from 'node:http';
import { createServer } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';

/** Somebody else has the port. */
export class PortTaken extends Error {
  readonly code = 'port_taken';
  constructor(port: number, setting: string) {
    super(`Port ${port} is taken by another program: stop it, or choose another port with ${setting}.`);
  }
}

export interface ListenOptions {
  readonly fetch: Parameters<typeof createAdaptorServer>[0]['fetch'];
  readonly host: string;
  readonly port: number;
  /** The variable that changes the port, for the error. */
  readonly setting: string;
}

export interface Listening {
  readonly port: number;
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
    const server = createAdaptorServer({ fetch: options.fetch });
    server.once('error', (error) => reject(isPortTaken(error) ? new PortTaken(port, setting) : error));
    server.listen(port, host, () => {
      const address = server.address();
      const bound = address !== null && typeof address === 'object' ? address.port : port;
      resolve({ port: bound, close: (graceMs = 10_000) => closeServer(server, graceMs) });
    });
  });
}

function closeServer(server: ReturnType<typeof createAdaptorServer>, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => isHttp1(server) && server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    if (isHttp1(server)) server.closeIdleConnections();
  });
}

function isHttp1(server: object): server is Server {
  return 'closeAllConnections' in server;
}
