/**
 * Signatures verified beside the thread that answers requests, on every core.
 *
 * Owns: the threads, which start with the first work that is worth them. Never: says that a signature is good because a
 * thread failed: then the work fails, and whoever asked asks again.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import {
  type PackedChecks,
  packChecks,
  type SignatureCheck,
  type VerifyMany,
} from '@tikiwallet/protocol/verify-many';
import {
  type Answered,
  type Asked,
  chooseWay,
  type SignatureWay,
  type ThreadSettings,
  verifyMany,
} from './signature-checks.ts';

export interface SignatureVerifier {
  /** In the order of `checks`. */
  verifyAll(checks: readonly SignatureCheck[]): Promise<readonly boolean[]>;
  /**
   * The same of checks that are packed already, each piece a thread's work at a time: some {@link CHUNK} of them. Their bytes are
   * gone afterwards. @returns a 1 or a 0 for each check of each piece
   */
  verifyPacked(pieces: readonly PackedChecks[]): Promise<readonly Uint8Array[]>;
}

export interface PoolOptions {
  readonly threads?: number;
  /** Imported public keys that each thread keeps: 65 bytes each in the addon, about a kilobyte as an object of node:crypto's. */
  readonly rememberedKeys?: number;
  /** The addon where there is one, unless it is said. */
  readonly way?: SignatureWay;
}

/** Four to eight milliseconds of one core: short enough to share a batch among cores, long enough to be worth a message. */
export const CHUNK = 64;
/** Less than this is done sooner here than by asking. */
const WORTH_ASKING = 8;
/** One at work and one that lies ready: who asks is often busy for longer than a piece takes, and no core should wait for that. */
const AT_ONCE = 2;
/**
 * Any thread may be asked about any key, so each comes to know all. In the addon two keys may want one place: three of four places stay
 * empty where as many phones come as certificates are remembered.
 */
const REMEMBERED_KEYS: Readonly<Record<SignatureWay, number>> = { addon: 1 << 16, node_crypto: 16_384 };

interface Job {
  readonly id: number;
  readonly packed: PackedChecks;
  readonly resolve: (verdicts: Uint8Array) => void;
  readonly reject: (cause: Error) => void;
}

export class SignaturePool implements SignatureVerifier {
  readonly #size: number;
  readonly #settings: ThreadSettings;
  readonly #here: VerifyMany;
  readonly #threads = new Set<Thread>();
  readonly #waiting: Job[] = [];
  #nextId = 0;

  constructor(options: PoolOptions = {}) {
    this.#size = options.threads ?? availableParallelism();
    const way = options.way ?? chooseWay(true).way;
    this.#settings = { rememberedKeys: options.rememberedKeys ?? REMEMBERED_KEYS[way], way };
    this.#here = verifyMany(this.#settings);
  }

  async verifyAll(checks: readonly SignatureCheck[]): Promise<readonly boolean[]> {
    const pieces: PackedChecks[] = [];
    for (let from = 0; from < checks.length; from += CHUNK)
      pieces.push(packChecks(checks.slice(from, from + CHUNK)));
    return (await this.verifyPacked(pieces)).flatMap(toBooleans);
  }

  verifyPacked(pieces: readonly PackedChecks[]): Promise<readonly Uint8Array[]> {
    const [first] = pieces;
    const isWorthAsking = pieces.length > 1 || (first !== undefined && first.count >= WORTH_ASKING);
    return isWorthAsking
      ? Promise.all(pieces.map((packed) => this.#ask(packed)))
      : Promise.resolve(pieces.map(this.#here));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#threads].map((thread) => thread.end()));
  }

  #ask(packed: PackedChecks): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#nextId += 1;
      this.#waiting.push({ id: this.#nextId, packed, resolve, reject });
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#leastBusy();
      if (thread === null) return;
      const job = this.#waiting.shift();
      if (job !== undefined) thread.work(job);
    }
  }

  #leastBusy(): Thread | null {
    let least: Thread | null = null;
    for (const thread of this.#threads) if (least === null || thread.asked < least.asked) least = thread;
    const isBusy = least === null || least.asked > 0;
    if (isBusy && this.#threads.size < this.#size) return this.#start();
    return least !== null && least.asked < AT_ONCE ? least : null;
  }

  #start(): Thread {
    const thread: Thread = new Thread(this.#settings, {
      answered: () => {
        this.#dispatch();
      },
      gone: () => {
        this.#threads.delete(thread);
        this.#dispatch();
      },
    });
    this.#threads.add(thread);
    return thread;
  }
}

interface Said {
  readonly answered: () => void;
  readonly gone: () => void;
}

class Thread {
  readonly #worker: Worker;
  /** In the order of their answers. */
  readonly #jobs: Job[] = [];
  #isLost = false;

  constructor(settings: ThreadSettings, say: Said) {
    this.#worker = new Worker(new URL('./signature-thread.ts', import.meta.url), {
      workerData: settings,
      name: 'signatures',
    });
    this.#worker.on('message', (answer: Answered) => {
      const job = this.#jobs.shift();
      if (this.#jobs.length === 0) this.#worker.unref();
      // Its next work first: who is answered here may be busy for a while.
      say.answered();
      if (job === undefined || job.id !== answer.id || job.packed.count !== answer.verdicts.length)
        job?.reject(new Error('a signature thread answered something else'));
      else job.resolve(answer.verdicts);
    });
    this.#worker.on('error', (cause) => this.#fail(cause));
    this.#worker.on('exit', () => {
      this.#fail(new Error('a signature thread ended'));
      say.gone();
    });
    // A process that has nothing else to do may end; listening would have kept it.
    this.#worker.unref();
  }

  /** How many jobs it has not answered; no number is as many when it will answer none. */
  get asked(): number {
    return this.#isLost ? Number.POSITIVE_INFINITY : this.#jobs.length;
  }

  work(job: Job): void {
    this.#jobs.push(job);
    this.#worker.ref();
    const { id, packed } = job;
    const asked: Asked = { id, packed };
    this.#worker.postMessage(asked, [packed.bytes.buffer]);
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #fail(cause: unknown): void {
    this.#isLost = true;
    const failure = cause instanceof Error ? cause : new Error('a signature thread failed', { cause });
    for (const job of this.#jobs.splice(0)) job.reject(failure);
  }
}

function toBooleans(verdicts: Uint8Array): readonly boolean[] {
  return Array.from(verdicts, (verdict) => verdict === 1);
}
