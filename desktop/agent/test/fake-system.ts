/**
 * A machine's network in memory, with the programs that change it: interfaces that come and go, addresses, tables of
 * nftables, and dnsmasqs that run until they are ended. Any program can be made to fail.
 */
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { type Program, ProgramError, type Programs, type RunningProgram } from '../radio/run-program.ts';

export class FakeSystem implements Programs {
  readonly interfaces = new Set<string>();
  /** The interfaces that carry the kiosk's address. */
  readonly addresses = new Set<string>();
  /** The interface whose walls have a door. */
  walls: string | null = null;
  /** Interfaces that nothing comes in by. */
  shut: readonly string[] = [];
  readonly dnsmasqs = new Set<FakeDnsmasq>();
  listening: string | null = null;
  readonly failing = new Map<Program, 'program_missing' | 'not_permitted' | 'program_failed'>();

  readonly listen = async (address: string | null): Promise<void> => {
    this.listening = address;
  };

  /** What phones of this interface meet; null when nothing is left of any. */
  serving(): string | null {
    const owners = new Set([
      ...this.addresses,
      this.walls,
      ...[...this.dnsmasqs].map(({ interfaceName }) => interfaceName),
    ]);
    owners.delete(null);
    if (owners.size === 0 && this.listening === null) return null;
    const [owner] = owners;
    const isWhole = this.addresses.size === 1 && this.dnsmasqs.size === 1 && this.listening !== null;
    return owners.size === 1 && isWhole && this.walls === owner && owner !== undefined
      ? owner
      : `in pieces: ${this.#describe()}`;
  }

  removeInterface(name: string): void {
    this.interfaces.delete(name);
    this.addresses.delete(name);
  }

  async run(program: Program, args: readonly string[], input = ''): Promise<string> {
    this.#mayFail(program);
    if (program === 'nft') this.#nft(input);
    if (program === 'ip') this.#ip(args);
    return '';
  }

  start(program: Program, args: readonly string[]): RunningProgram {
    const interfaceName =
      args.find((one) => one.startsWith('--interface='))?.slice('--interface='.length) ?? '';
    const fault = this.failing.get(program);
    const child = new FakeDnsmasq(interfaceName, () => this.dnsmasqs.delete(child));
    if (fault === undefined && this.addresses.has(interfaceName)) {
      this.dnsmasqs.add(child);
      child.say(`dnsmasq-dhcp[7]: DHCP, sockets bound exclusively to interface ${interfaceName}`);
    } else if (fault === 'program_missing') {
      queueMicrotask(() => child.emit('error', Object.assign(new Error('spawn ENOENT'), { code: 'ENOENT' })));
    } else {
      child.say('dnsmasq: failed to create listening socket');
      child.stderr.end(() => child.end());
    }
    return child;
  }

  /** Whether phones of this interface meet walls, with a door or without. */
  isWalled(interfaceName: string): boolean {
    return this.shut.some((name) =>
      name.endsWith('*') ? interfaceName.startsWith(name.slice(0, -1)) : name === interfaceName,
    );
  }

  #nft(rules: string): void {
    this.walls = /iifname "([^"]+)" jump phones/.exec(rules)?.[1] ?? null;
    this.shut = [...rules.matchAll(/ iifname "([^"]+)" counter drop/g)].map(([, name = '']) => name);
  }

  #ip(args: readonly string[]): void {
    const name = args.at(args[0] === 'addr' ? -1 : 3) ?? '';
    if (!this.interfaces.has(name))
      throw new ProgramError('ip', 'program_failed', `Cannot find device "${name}"`);
    if (args[1] === 'replace') this.addresses.add(name);
    if (args[1] === 'del' && !this.addresses.delete(name))
      throw new ProgramError('ip', 'program_failed', 'Cannot assign requested address');
  }

  #mayFail(program: Program): void {
    const fault = this.failing.get(program);
    if (fault !== undefined) throw new ProgramError(program, fault, 'as the test wants it');
  }

  #describe(): string {
    const { addresses, walls, dnsmasqs, listening } = this;
    return JSON.stringify({
      addresses: [...addresses],
      walls,
      dnsmasqs: [...dnsmasqs].map(({ interfaceName }) => interfaceName),
      listening,
    });
  }
}

export class FakeDnsmasq extends EventEmitter implements RunningProgram {
  readonly interfaceName: string;
  readonly stdout = null;
  readonly stderr = new PassThrough();
  readonly #onEnd: () => void;
  #hasEnded = false;

  constructor(interfaceName: string, onEnd: () => void) {
    super();
    this.interfaceName = interfaceName;
    this.#onEnd = onEnd;
  }

  say(line: string): void {
    this.stderr.write(`${line}\n`);
  }

  /** By itself, or because it was told to. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#onEnd();
    queueMicrotask(() => this.emit('exit'));
  }

  kill(): boolean {
    this.end();
    return true;
  }
}
