/**
 * What makes an interface of the radio a network that phones can pay in: firewall, address, listener, dnsmasq. Owns all
 * four and brings them to what was wanted last, one after the other, however quickly wishes change; what is not wanted
 * any more is taken away whole, whatever of it fails (R15, R16). The walls come first and go last: while a group may
 * stand, nothing comes in by its interface but what is allowed, and nothing at all while its network is not whole.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Log } from '../log.ts';
import { KIOSK_ADDRESS, PREFIX_LENGTH } from './address-plan.ts';
import type { Lease } from './dnsmasq.ts';
import { DnsmasqChild, endLeftDnsmasq } from './dnsmasq-child.ts';
import { raiseFirewall, removeFirewall } from './firewall.ts';
import { ProgramError, type ProgramFault, type Programs } from './run-program.ts';

/** Why the network does not serve; with what could not be done in front. */
export type NetworkFault =
  | `${'firewall' | 'address' | 'listener' | 'dnsmasq'}_${ProgramFault | 'port_taken'}`
  | 'dnsmasq_ended';

export interface NetworkEvents {
  readonly onServing: (interfaceName: string) => void;
  readonly onFault: (interfaceName: string, fault: NetworkFault) => void;
  readonly onLease: (lease: Lease) => void;
}

export interface GroupNetworkOptions extends NetworkEvents {
  readonly programs: Programs;
  /** For notes that outlive this process. */
  readonly folder: string;
  readonly port: () => number;
  /** Binds the listener for phones to the address as well, or lets go of it. */
  readonly listen: (address: string | null) => Promise<void>;
  readonly log: Log;
}

type Step = 'firewall' | 'address' | 'listener' | 'dnsmasq';

interface Wish {
  readonly interfaceName: string;
}

const Note = z.object({
  /** Null: walls only. */
  interfaceName: z
    .string()
    .regex(/^[A-Za-z0-9_.:-]{1,15}$/)
    .nullable(),
  shut: z.array(z.string().regex(/^[A-Za-z0-9_.:-]{1,15}\*?$/)).default([]),
});
type Note = z.output<typeof Note>;

export class GroupNetwork {
  readonly #options: GroupNetworkOptions;
  #wanted: Wish | null = null;
  #current: Wish | null = null;
  /** Interfaces that a group may stand on; null when none can. */
  #shut: readonly string[] | null = null;
  #dnsmasq: DnsmasqChild | null = null;
  #working: Promise<void> | undefined;

  constructor(options: GroupNetworkOptions) {
    this.#options = options;
  }

  /**
   * Before anything is built, what an agent that was killed left behind is taken away: by its own notes, so that
   * nothing of anybody else is touched. Where a group will be hosted, its walls stay until then, without a door: the
   * group of the killed agent may still stand.
   */
  start({ keepsWalls = false }: { readonly keepsWalls?: boolean } = {}): void {
    this.#begin(() => this.#clearLeftovers(keepsWalls));
  }

  /** Each call is a wish of its own: an interface that came again under its old name is made a network anew. */
  want(interfaceName: string | null): void {
    this.#wanted = interfaceName === null ? null : { interfaceName };
    this.#begin(async () => undefined);
  }

  /**
   * Before a group is hosted: nothing comes in by these interfaces but what a network that is wanted allows, until
   * `lower`. Resolves when the walls stand. @throws ProgramError when they do not
   */
  async shut(interfaces: readonly string[]): Promise<void> {
    await this.settled();
    this.#shut = interfaces;
    this.#writeNote(this.#current?.interfaceName ?? null);
    if (this.#current === null) await raiseFirewall(this.#options.programs, { open: null, shut: interfaces });
  }

  /** No group stands any more, and none will until the next `shut`. */
  async lower(): Promise<void> {
    if (this.#shut === null) return;
    this.#shut = null;
    await this.settled();
    if (this.#shut === null && this.#current === null) await this.#removeWalls();
  }

  /** When nothing is being done or undone. */
  async settled(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  #begin(first: () => Promise<void>): void {
    this.#working ??= first()
      .then(() => this.#work())
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'the network for phones failed'))
      .finally(() => {
        this.#working = undefined;
        // A wish of the very last moment.
        if (this.#wanted !== this.#current) this.#begin(async () => undefined);
      });
  }

  async #clearLeftovers(keepsWalls: boolean): Promise<void> {
    const { folder, log } = this.#options;
    const note = readNote(folder);
    if (endLeftDnsmasq(folder)) log.warn('a dnsmasq of an earlier run was ended');
    if (note === undefined) return;
    const { interfaceName, shut } = note;
    if (interfaceName !== null) await this.#takeAway(interfaceName);
    if (!keepsWalls) return await this.#removeWalls();
    this.#shut = [...(interfaceName === null ? [] : [interfaceName]), ...shut];
    await this.#quietly(() => this.#close(null));
  }

  async #work(): Promise<void> {
    while (this.#wanted !== this.#current) {
      const wish = this.#wanted;
      if (this.#current !== null) await this.#takeAway(this.#current.interfaceName);
      this.#current = wish;
      // The next network's walls replace the last one's at once; there is no moment without.
      if (wish !== null) await this.#build(wish);
      else if (this.#shut === null) await this.#removeWalls();
      else await this.#quietly(() => this.#close(null));
    }
  }

  async #build(wish: Wish): Promise<void> {
    const { interfaceName } = wish;
    const { programs, port, listen } = this.#options;
    try {
      // First the walls, then what stands inside them.
      await step('firewall', async () => {
        this.#writeNote(interfaceName);
        await raiseFirewall(programs, { open: { interfaceName, port: port() }, shut: this.#shut ?? [] });
      });
      await step('address', async () => {
        await programs.run('ip', ['addr', 'replace', cidr(), 'dev', interfaceName]);
        await programs.run('ip', ['link', 'set', 'dev', interfaceName, 'up']);
      });
      await step('listener', () => listen(KIOSK_ADDRESS));
      await step('dnsmasq', () => this.#startDnsmasq(wish));
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      this.#options.log.error({ err: error.cause, step: error.step }, 'the network for phones was not made');
      await this.#takeAway(interfaceName);
      // The group goes on without a network: so do its walls, without a door.
      await this.#quietly(() => this.#close(interfaceName));
      // Whoever changed the wish meanwhile does not want to hear of the former.
      if (this.#wanted === wish) this.#options.onFault(interfaceName, error.fault);
      return;
    }
    if (this.#wanted === wish) this.#options.onServing(interfaceName);
  }

  async #startDnsmasq(wish: Wish): Promise<void> {
    const { programs, folder, onLease, onFault, log } = this.#options;
    const { interfaceName } = wish;
    this.#dnsmasq = await DnsmasqChild.start({
      programs,
      folder,
      interfaceName,
      onLease,
      onEnded: () => {
        log.error('dnsmasq ended');
        if (this.#wanted === wish) onFault(interfaceName, 'dnsmasq_ended');
      },
    });
  }

  async #close(interfaceName: string | null): Promise<void> {
    const shut = [...(interfaceName === null ? [] : [interfaceName]), ...(this.#shut ?? [])];
    await raiseFirewall(this.#options.programs, { open: null, shut });
  }

  async #removeWalls(): Promise<void> {
    const { programs, folder } = this.#options;
    await this.#quietly(() => removeFirewall(programs));
    await this.#quietly(async () => rmSync(noteIn(folder), { force: true }));
  }

  /** In the other order, all but the walls; nothing that fails keeps the rest from going. */
  async #takeAway(interfaceName: string): Promise<void> {
    const { programs, listen } = this.#options;
    const dnsmasq = this.#dnsmasq;
    this.#dnsmasq = null;
    await this.#quietly(async () => dnsmasq?.stop());
    await this.#quietly(() => listen(null));
    // An interface that is gone has taken its address along.
    await this.#quietly(() => programs.run('ip', ['addr', 'del', cidr(), 'dev', interfaceName]));
  }

  async #quietly(act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#options.log.debug({ err: error }, 'a part of the network for phones was gone already');
    }
  }

  #writeNote(interfaceName: string | null): void {
    const note: Note = { interfaceName, shut: [...(this.#shut ?? [])] };
    mkdirSync(this.#options.folder, { recursive: true, mode: 0o700 });
    writeFileSync(noteIn(this.#options.folder), JSON.stringify(note), { mode: 0o600 });
  }
}

class StepFailed extends Error {
  readonly step: Step;
  readonly fault: NetworkFault;

  constructor(step: Step, cause: unknown) {
    super(`${step} failed`, { cause });
    this.step = step;
    this.fault = `${step}_${faultOf(cause)}`;
  }
}

async function step(name: Step, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    throw new StepFailed(name, error);
  }
}

function faultOf(error: unknown): ProgramFault | 'port_taken' {
  if (error instanceof ProgramError) return error.code;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') return 'port_taken';
  return code === 'EACCES' || code === 'EPERM' ? 'not_permitted' : 'program_failed';
}

function cidr(): string {
  return `${KIOSK_ADDRESS}/${PREFIX_LENGTH}`;
}

function noteIn(folder: string): string {
  return join(folder, 'network.json');
}

function readNote(folder: string): Note | undefined {
  try {
    const parsed = Note.safeParse(JSON.parse(readFileSync(noteIn(folder), 'utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
