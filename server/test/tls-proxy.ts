/** A way to the database that ends TLS before it, and is cut at will, for tests of lost connections. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect as dial, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { Cut } from './cutting-proxy.ts';

export interface TlsProxy {
  /** The database's address, over this way, with what else the URL is to say. */
  url(mode: string): string;
  /** What it answers the question for TLS, `S` otherwise. Any other leads to the database itself. */
  answer(said: string): void;
  /** One connection, whichever, or all. */
  cut(how: Cut, which?: 'one' | 'all'): void;
  /** Each connection from now on, so long after it was opened; `null`: none. */
  cutAfter(ms: number | null): void;
  readonly certificate: string;
  close(): void;
}

/** @param url of a PostgreSQL that listens on TCP */
export async function tlsProxy(url: string): Promise<TlsProxy> {
  const target = new URL(url);
  const pair = selfSigned();
  const secureContext = createSecureContext(pair);
  const open = new Map<Socket, Socket>();
  let answer = 'S';
  let lifeMs: number | null = null;
  const server = createServer((near) => {
    const far = dial(Number(target.port), target.hostname);
    open.set(near, far);
    if (lifeMs !== null)
      setTimeout(() => cutOne([near, far], Math.random() < 0.5 ? 'ends' : 'resets'), lifeMs);
    const both = (socket: Socket) => {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(near);
        near.destroy();
        far.destroy();
      });
    };
    both(near);
    both(far);
    near.once('data', () => {
      near.write(answer);
      const way = answer === 'S' ? new TLSSocket(near, { isServer: true, secureContext }) : near;
      if (way !== near) both(way);
      way.pipe(far).pipe(way);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const cutOne = ([near, far]: [Socket, Socket], how: Cut) => {
    open.delete(near);
    far.destroy();
    if (how === 'resets') near.resetAndDestroy();
    else near.end();
  };
  return {
    url: (mode) => {
      const way = new URL(url);
      way.hostname = 'localhost';
      way.port = String(port);
      way.search = mode;
      return way.href;
    },
    answer: (said) => (answer = said),
    cutAfter: (ms) => (lifeMs = ms),
    cut: (how, which = 'one') => {
      const all = [...open];
      const one = all[Math.floor(Math.random() * all.length)];
      for (const pairOfSockets of which === 'all' ? all : one === undefined ? [] : [one])
        cutOne(pairOfSockets, how);
    },
    certificate: pair.cert,
    close: () => {
      server.close();
      for (const [near, far] of open) {
        near.destroy();
        far.destroy();
      }
    },
  };
}

function selfSigned(): { readonly key: string; readonly cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'tiki-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const made = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
  ];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync('openssl', [...made, '-keyout', key, '-out', cert, ...names], { stdio: 'ignore' });
  const pair = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  rmSync(folder, { recursive: true });
  return pair;
}
