// Three networks on one machine, as in a shop: the phone's, the kiosk's and the cloud's, each a namespace of its own
// with real addresses, so that a real browser sees a public page that asks for a private address. Nothing is set up in
// the machine's own network, and everything goes when it is closed.
//
//    cloud 93.184.216.34:443 ---- phone ---- shop 192.168.49.1:7070
//
// Needs root, `ip` and `openssl`.

import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { pinnedToolsEnvironment, repositoryRoot, track } from '../../scripts/run-command.ts';
import { findProgram, hasProgram } from '../../scripts/system-packages.ts';

export const WALLET_ORIGIN = 'https://wallet.test';
export const STRANGER_ORIGIN = 'https://stranger.test';
export const KIOSK_ADDRESS = 'http://192.168.49.1:7070';
/** A name of the internet that somebody points at the kiosk. */
export const REBOUND = 'http://rebound.test:7070';
/** Public to a browser; in here it is a cable's end. */
const CLOUD_IP = '93.184.216.34';
const KIOSK_IP = '192.168.49.1';
const NOBODY = '02:00:00:00:00:99';

/** Why it cannot be done here; null: it can. */
export function whyNoNetworks(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root: run the tests as root';
  for (const program of ['ip', 'openssl', 'chromium'])
    if (!hasProgram(program)) return `needs ${program}: apt-get install iproute2 openssl chromium`;
  try {
    const name = `tiki-try-${String(process.pid)}`;
    execFileSync('ip', ['netns', 'add', name], { stdio: 'pipe' });
    execFileSync('ip', ['netns', 'del', name], { stdio: 'pipe' });
    return null;
  } catch {
    return 'this machine forbids network namespaces (a container without CAP_SYS_ADMIN)';
  }
}

type NetworkName = 'phone' | 'shop' | 'cloud';

export class SeparateNetworks {
  /** For keys, sockets and the browser's start. */
  readonly folder: string;
  readonly #run = randomBytes(3).toString('hex');
  readonly #children: ChildProcess[] = [];
  readonly #doors: Server[] = [];
  readonly #open = new Set<Socket>();
  #cloud: ChildProcess | undefined;
  #spki = '';

  private constructor(folder: string) {
    this.folder = folder;
  }

  static open(): SeparateNetworks {
    const networks = new SeparateNetworks(mkdtempSync(join(tmpdir(), 'tiki-networks-')));
    try {
      networks.#build();
    } catch (error) {
      networks.close();
      throw error;
    }
    // A test run that is stopped leaves no network behind.
    process.once('exit', () => networks.close());
    return networks;
  }

  /** Before a command: runs it inside. */
  inside(network: NetworkName): readonly string[] {
    return ['ip', 'netns', 'exec', this.#name(network)];
  }

  /** Chromium on the phone, as a program of its own. */
  get browser(): string {
    return join(this.folder, 'chromium');
  }

  get browserFlags(): readonly string[] {
    const names = ['wallet.test', 'stranger.test'].map((name) => `MAP ${name} ${CLOUD_IP}`);
    return [
      `--host-resolver-rules=${[...names, `MAP rebound.test ${KIOSK_IP}`].join(',')}`,
      `--ignore-certificate-errors-spki-list=${this.#spki}`,
    ];
  }

  /** `https://wallet.test` and `https://stranger.test`, for the phone; `port` is the server's on this machine. */
  async openCloud(port: number): Promise<void> {
    const socket = this.#door('cloud', port);
    const files = [join(this.folder, 'key.pem'), join(this.folder, 'certificate.pem')];
    this.#cloud = await this.#forward('cloud', [CLOUD_IP, '443', socket, ...files]);
  }

  /** The cloud is down: nobody listens there any more. */
  closeCloud(): void {
    this.#cloud?.kill('SIGKILL');
    this.#cloud = undefined;
  }

  /** For the agent: its way to the cloud, at this port of the shop's own loopback. */
  async openLine(port: number): Promise<void> {
    await this.#forward('shop', ['127.0.0.1', String(port), this.#door('line', port)]);
  }

  /** The radio is there, and nothing comes through it: frames go to an address that nobody has. */
  setReachable(isReachable: boolean): void {
    const neighbour = ['-n', this.#name('phone'), 'neigh', 'replace', KIOSK_IP, 'dev', 'shop'];
    if (isReachable) ip(['-n', this.#name('phone'), 'neigh', 'flush', 'dev', 'shop', 'nud', 'all']);
    else ip([...neighbour, 'lladdr', NOBODY, 'nud', 'permanent']);
  }

  /** A program of the phone's user, or of somebody else in the shop's network. */
  runOnPhone(script: string): ChildProcess {
    const [command, ...args] = this.inside('phone');
    const child = spawn(command ?? 'ip', [...args, 'node', '-e', script], {
      env: pinnedToolsEnvironment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    track(child);
    this.#children.push(child);
    return child;
  }

  close(): void {
    this.closeCloud();
    for (const child of this.#children.splice(0)) child.kill('SIGKILL');
    for (const door of this.#doors.splice(0)) door.close();
    for (const socket of this.#open) socket.destroy();
    for (const network of ['phone', 'shop', 'cloud'] as const) {
      // The cables end with the networks that they lie in.
      if (existsSync(`/run/netns/${this.#name(network)}`)) ip(['netns', 'del', this.#name(network)]);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  #name(network: NetworkName): string {
    return `tiki-${network}-${this.#run}`;
  }

  #build(): void {
    chmodSync(this.folder, 0o755);
    const [phone, shop, cloud] = [this.#name('phone'), this.#name('shop'), this.#name('cloud')];
    for (const name of [phone, shop, cloud]) {
      ip(['netns', 'add', name]);
      ip(['-n', name, 'link', 'set', 'lo', 'up']);
    }
    this.#cable([phone, 'shop', '192.168.49.20/24'], [shop, 'radio', `${KIOSK_IP}/24`]);
    this.#cable([phone, 'internet', '93.184.216.20/24'], [cloud, 'internet', `${CLOUD_IP}/24`]);
    this.#makeCertificate();
    const program = findProgram('chromium') ?? 'chromium';
    const start = [...this.inside('phone'), program].join(' ');
    writeFileSync(this.browser, `#!/bin/sh\nexec ${start} "$@"\n`, { mode: 0o755 });
  }

  #cable(one: readonly [string, string, string], other: readonly [string, string, string]): void {
    // Made inside the networks: names in the machine's own are never touched.
    ip(['link', 'add', one[1], 'netns', one[0], 'type', 'veth', 'peer', 'name', other[1], 'netns', other[0]]);
    for (const [network, device, address] of [one, other]) {
      ip(['-n', network, 'addr', 'add', address, 'dev', device]);
      ip(['-n', network, 'link', 'set', device, 'up']);
    }
  }

  #makeCertificate(): void {
    const files = ['-keyout', join(this.folder, 'key.pem'), '-out', join(this.folder, 'certificate.pem')];
    const names = 'subjectAltName=DNS:wallet.test,DNS:stranger.test';
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    execFileSync(
      'openssl',
      ['req', '-x509', ...curve, '-subj', '/CN=wallet.test', '-addext', names, ...files],
      { stdio: 'pipe' },
    );
    const certificate = new X509Certificate(readFileSync(join(this.folder, 'certificate.pem')));
    const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
    this.#spki = createHash('sha256').update(key).digest('base64');
  }

  /** From a socket in the file system to a port of this machine. */
  #door(name: string, port: number): string {
    const path = join(this.folder, `${name}-${String(this.#doors.length)}.sock`);
    const door = createServer((inside) => {
      const outside = connect(port, '127.0.0.1');
      for (const [from, to] of [
        [inside, outside],
        [outside, inside],
      ] as const) {
        this.#open.add(from);
        from.on('error', () => to.destroy());
        from.on('close', () => this.#open.delete(from));
      }
      inside.pipe(outside).pipe(inside);
    });
    door.listen(path);
    this.#doors.push(door);
    return path;
  }

  async #forward(network: NetworkName, args: readonly string[]): Promise<ChildProcess> {
    const script = join(repositoryRoot, 'e2e', 'story', 'forward.ts');
    const [command, ...rest] = this.inside(network);
    const child = spawn(command ?? 'ip', [...rest, 'node', script, ...args], {
      env: pinnedToolsEnvironment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    track(child);
    this.#children.push(child);
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('exit', (code) => reject(new Error(`forward.ts ended with code ${String(code)}`)));
    });
    return child;
  }
}

function ip(args: readonly string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}
