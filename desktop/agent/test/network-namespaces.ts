/**
 * Two machines on one cable, for tests of what the kiosk's network lets through: a kiosk and phones, each in a network
 * namespace of its own. Needs root and the system's programs; `whyNotHere` says what is missing.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type Programs, systemPrograms } from '../radio/run-program.ts';

/** Undefined when everything is here. */
export function whyNotHere(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root: run it with sudo';
  const missing = [
    ['ip', 'iproute2'],
    ['nft', 'nftables'],
    ['dnsmasq', 'dnsmasq-base'],
    ['busybox', 'busybox'],
    ['setpriv', 'util-linux'],
  ].filter(
    ([program]) =>
      !['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((folder) => existsSync(`${folder}/${program ?? ''}`)),
  );
  if (missing.length > 0) return `needs apt-get install ${missing.map(([, name]) => name).join(' ')}`;
  const isAllowed = spawnSync('unshare', ['--net', 'true']).status === 0;
  return isAllowed ? undefined : 'needs a kernel that grants network namespaces';
}

export class Namespace {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
    execFileSync('ip', ['netns', 'add', name]);
    this.exec('ip', 'link', 'set', 'lo', 'up');
  }

  /** What it printed. @throws when it fails */
  exec(program: string, ...args: readonly string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.name, program, ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  }

  /** How it ended, and what it said. */
  tryExec(program: string, ...args: readonly string[]): { readonly isWell: boolean; readonly said: string } {
    const done = spawnSync('ip', ['netns', 'exec', this.name, program, ...args], {
      input: '',
      encoding: 'utf8',
      timeout: 15_000,
    });
    return { isWell: done.status === 0, said: `${done.stdout}${done.stderr}` };
  }

  /** A cable with one end here under the first name and the other there under the second. */
  cableTo(other: Namespace, here: string, there: string): void {
    this.exec('ip', 'link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', other.name);
    this.exec('ip', 'link', 'set', here, 'up');
    other.exec('ip', 'link', 'set', there, 'up');
  }

  /** Says yes at these ports until the returned function is called. */
  listen(...ports: readonly number[]): () => void {
    const children = ports.map((port) =>
      spawn('ip', ['netns', 'exec', this.name, 'busybox', 'nc', '-ll', '-p', String(port), '-e', 'true']),
    );
    return () => children.forEach((child) => child.kill('SIGKILL'));
  }

  /** Of everything that runs inside. */
  processes(): readonly string[] {
    return execFileSync('ip', ['netns', 'pids', this.name], { encoding: 'utf8' })
      .split('\n')
      .filter((pid) => pid !== '');
  }

  /** The system's programs, inside; as root, or as nobody with so many capabilities. */
  programs({ asNobodyWith }: { readonly asNobodyWith?: readonly string[] } = {}): Programs {
    const outside = systemPrograms();
    const within = [
      'netns',
      'exec',
      this.name,
      ...(asNobodyWith === undefined ? [] : asNobody(asNobodyWith)),
    ];
    return {
      run: (program, args, input) => outside.run('ip', [...within, program, ...args], input),
      start: (program, args) =>
        spawn('ip', [...within, program, ...args], {
          env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
          stdio: ['ignore', 'pipe', 'pipe'],
        }),
    };
  }

  remove(): void {
    for (const pid of this.processes()) process.kill(Number(pid), 'SIGKILL');
    spawnSync('ip', ['netns', 'del', this.name]);
  }
}

/** As a service manager starts a program with ambient capabilities and no more than these. */
function asNobody(capabilities: readonly string[]): readonly string[] {
  const list = (sign: '+' | '-', names: readonly string[]): string =>
    names.map((name) => `${sign}${name}`).join(',');
  const granted = capabilities.length === 0 ? '-all' : `-all,${list('+', capabilities)}`;
  return [
    'setpriv',
    '--reuid=nobody',
    '--regid=nogroup',
    '--clear-groups',
    '--no-new-privs',
    `--inh-caps=${granted}`,
    `--ambient-caps=${granted}`,
    `--bounding-set=${granted}`,
  ];
}
