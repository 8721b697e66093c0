/** The two kiosks that are compared, each in a process of its own, and the slow disk that both can be put on. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import Database from 'better-sqlite3';
import { SEALED_MEDIA_TYPE } from '../../pairing/listener.ts';
import { certificateJws, jwkOf, jwsDelivery } from './jws.ts';
import type { Load } from '../../../../scripts/raw-client.ts';
import type { BenchShop, Order } from './shop.ts';

/** Where to send what. */
export type Target = Pick<Load, 'port' | 'path' | 'mediaType'>;

class BenchProcess {
  readonly #child: ChildProcess;

  constructor(script: string, data: unknown, environment: NodeJS.ProcessEnv) {
    this.#child = spawn(process.execPath, [join(import.meta.dirname, script), JSON.stringify(data)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...environment },
    });
  }

  async ports(): Promise<Readonly<Record<string, number>>> {
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('no standard output');
    for await (const line of createInterface(stdout)) return JSON.parse(line) as Record<string, number>;
    throw new Error('the process ended before it listened');
  }

  async end(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.stdin?.end();
    if (this.#child.exitCode === null) await exited;
  }
}

export interface RunningKiosk {
  readonly sealed: Target;
  readonly plain: Target;
  end(): Promise<void>;
}

export async function startKiosk(
  shop: BenchShop,
  environment: NodeJS.ProcessEnv = {},
): Promise<RunningKiosk> {
  const child = new BenchProcess('kiosk-process.ts', shop.storeOptions, environment);
  const ports = await child.ports();
  const target = (port = 0): Target => ({ port, path: '/v1/payments', mediaType: SEALED_MEDIA_TYPE });
  return { sealed: target(ports['sealed']), plain: target(ports['plain']), end: () => child.end() };
}

export interface RunningNaive {
  readonly target: Target;
  /** Opens the sales that these payments are for, and writes the payments as its phones would. */
  bodies(orders: readonly Order[]): readonly Uint8Array[];
  end(): Promise<void>;
}

export async function startNaive(
  shop: BenchShop,
  options: { readonly path: string; readonly environment?: NodeJS.ProcessEnv },
): Promise<RunningNaive> {
  const setup = { path: options.path, issuer: jwkOf(shop.issuer.issuer.publicKey) };
  const child = new BenchProcess('naive-process.ts', setup, options.environment ?? {});
  const ports = await child.ports();
  const certificates = new Map<unknown, string>();
  const certificateOf = (order: Order): string => {
    const known = certificates.get(order.phone);
    const certificate = known ?? certificateJws(order, shop.issuer.issuer, shop.issuer.keyId);
    certificates.set(order.phone, certificate);
    return certificate;
  };
  return {
    target: { port: ports['plain'] ?? 0, path: '/', mediaType: 'application/json' },
    bodies: (orders) => {
      openAtNaive(options.path, orders);
      return orders.map((order) => jwsDelivery(order, certificateOf(order)));
    },
    end: () => child.end(),
  };
}

function openAtNaive(path: string, orders: readonly Order[]): void {
  const db = new Database(path, { timeout: 30_000 });
  const insert = db.prepare<[string, bigint]>('INSERT INTO requests (id, amount) VALUES (?, ?)');
  db.transaction(() => {
    for (const { request } of orders) insert.run(request.requestId, request.amountMinor);
  })();
  db.close();
}

/**
 * The environment that makes each sync of a process take so much longer, or null where it cannot be built.
 * @param folder where the compiled shim goes.
 */
export function slowDisk(folder: string, delayMs: number): NodeJS.ProcessEnv | null {
  const source = join(import.meta.dirname, '..', 'sync-shim.cc');
  const built = join(folder, 'sync-shim.so');
  if (process.platform !== 'linux') return null;
  try {
    execFileSync('g++', ['-std=c++17', '-shared', '-fPIC', '-o', built, source, '-ldl'], { stdio: 'ignore' });
  } catch {
    // No compiler: the row says so itself.
    return null;
  }
  return { LD_PRELOAD: built, SYNC_SHIM_DELAY_MS: String(delayMs) };
}
