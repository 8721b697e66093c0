/**
 * The store's thread: the only place with a database handle and the signing key. Takes one message at a time,
 * answers after the disk has. A failing disk ends it for good: nothing is tried again on the same handle.
 */
import { parentPort, receiveMessageOnPort, Worker, workerData } from 'node:worker_threads';
import type { DeliveryToAccept } from '../accept-payment.ts';
import { systemClock } from '../clock.ts';
import { IpcError, type IpcErrorCode } from '../../ipc/index.ts';
import { BeltTail, type BeltGroup } from './delivery-belt.ts';
import { Quarantined, storageFaultOf } from './faults.ts';
import { quarantinedSnapshot, type StoreSnapshot } from './kiosk-store.ts';
import { isCheckedAside } from './open-database.ts';
import type { CommandMessage, CommandName, StoreMessage, StoreReply, StoreThreadData } from './messages.ts';
import { packOutcomes } from './packing.ts';
import { copyAside, noteDamage } from './soundness.ts';
import { StoreDesk } from './store-desk.ts';
import { takeVerdict, type Ticket } from './verdicts.ts';

const port = parentPort;
if (port === null) throw new Error('the store runs in a thread of its own');
const data = workerData as StoreThreadData;
const belt = new BeltTail(data.belt);

let desk: StoreDesk | null = null;
let quarantined: StoreSnapshot | null = null;
let isDead = false;

function tell(reply: StoreReply): void {
  port?.postMessage(reply);
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function die(error: unknown): void {
  isDead = true;
  const fault = storageFaultOf(error) ?? 'crashed';
  const problem = fault === 'damaged' ? problemOf(() => noteDamage(data.path)) : null;
  tell({ type: 'fatal', fault, detail: [textOf(error), ...(problem === null ? [] : [problem])].join('; ') });
}

/** The file stays where it is and as it is; first of all the next start learns what is known of it, whatever else fails here. */
function setAside(error: Quarantined): void {
  isDead = true;
  quarantined = quarantinedSnapshot(error.reason);
  const unnoted = problemOf(() => noteDamage(data.path));
  // It writes its log back: what was found is kept as it is then.
  if (desk !== null) desk.store.close();
  const uncopied = problemOf(() => copyAside(data.path));
  const detail = [
    error.message,
    ...(unnoted === null ? [] : [`the next start does not know it: ${unnoted}`]),
    ...(uncopied === null ? [] : [`no copy could be made: ${uncopied}`]),
  ].join('; ');
  tell({ type: 'quarantined', snapshot: quarantined, detail });
}

function problemOf(action: () => void): string | null {
  try {
    action();
    return null;
  } catch (error) {
    return textOf(error);
  }
}

function start(): void {
  try {
    const isLarge = isCheckedAside(data);
    const signer = { memory: data.signing, call: () => belt.call() };
    const opened = new StoreDesk({ ...data, clock: systemClock(), signer }, (error) => {
      tell({ type: 'log', level: 'error', text: textOf(error) });
    });
    desk = opened;
    tell({
      type: 'ready',
      snapshot: opened.store.snapshot(),
      sales: opened.sales.shown(),
      refund: opened.refunds.latest(),
    });
    setImmediate(auditMore);
    if (isLarge) checkAside();
  } catch (error) {
    if (error instanceof Quarantined) setAside(error);
    else die(error);
  }
}

/** Between messages: the older part of the journal, a slice at a time. */
function auditMore(): void {
  if (desk === null || isDead) return;
  try {
    if (desk.store.audit.next()) setTimeout(auditMore, 20);
  } catch (error) {
    if (!(error instanceof Quarantined)) return die(error);
    endWith(error);
  }
}

/** In a thread of its own, for as long as it takes: what opening a large database left out. */
function checkAside(): void {
  const checking = new Worker(checkThreadFile(), { workerData: data.path, name: 'check' });
  checking.on('message', (damage: string | null) => {
    if (damage !== null) endWith(new Quarantined('database_damaged', damage));
  });
  // Not a word about the file: it is looked at again at the next start.
  checking.on('error', (error) =>
    tell({ type: 'log', level: 'error', text: `the database was not checked whole: ${textOf(error)}` }),
  );
  checking.unref();
}

/** Found while it was open already. */
function endWith(error: Quarantined): void {
  if (desk === null || isDead) return;
  setAside(error);
}

/** Beside this file as source; beside the one file that a packaged agent is built into. */
function checkThreadFile(): URL {
  const source = new URL('./check-thread.ts', import.meta.url);
  return import.meta.url.endsWith('.ts') ? source : new URL('./check-thread.js', import.meta.url);
}

function handle<N extends CommandName>(message: CommandMessage<N>): void {
  if (quarantined !== null)
    return tell({
      type: 'failed',
      id: message.id,
      code: 'journal_quarantined',
      retryAfterMs: undefined,
      snapshot: quarantined,
    });
  if (desk === null || isDead)
    return tell({
      type: 'failed',
      id: message.id,
      code: 'storage_failed',
      retryAfterMs: undefined,
      snapshot: null,
    });
  try {
    const { store } = desk;
    // Once stopped, the database is closed and has nothing more to say.
    const last = message.name === 'stop' ? store.snapshot() : null;
    const result = desk.run(message.name, message.params);
    isDead = last !== null;
    tell({ type: 'done', id: message.id, result, snapshot: last ?? store.snapshot() });
  } catch (error) {
    return fail(message.id, error);
  }
  tidyUp();
}

/** So long without a word, and a rush is over. */
const QUIET_MS = 100;
/** Commands and groups that were carried out, ever. */
let steps = 0;
let waitsForQuiet = false;

/** After each answer. Who was just answered, or has just come, may be one of many. */
function tidyUp(): void {
  steps += 1;
  if (writeBack({ isAwaited: true }) && !waitsForQuiet) waitForQuiet();
}

function waitForQuiet(): void {
  const before = steps;
  waitsForQuiet = true;
  setTimeout(() => {
    waitsForQuiet = false;
    if (writeBack({ isAwaited: steps !== before })) waitForQuiet();
  }, QUIET_MS);
}

/** A full disk lets it be for now; the log holds everything. @returns true when it is still to be done */
function writeBack(when: { readonly isAwaited: boolean }): boolean {
  if (desk === null || isDead) return false;
  try {
    return desk.store.checkpointIfDue(when);
  } catch (error) {
    if (storageFaultOf(error) !== 'full') die(error);
    return false;
  }
}

/** Null when it ended the store. */
function codeOfFailure(error: unknown): IpcErrorCode | null {
  const fault = storageFaultOf(error);
  if (fault === 'broken' || fault === 'damaged') {
    die(error);
    return null;
  }
  const code = codeOf(error);
  if (code === 'internal_error' || code === 'storage_failed')
    tell({ type: 'log', level: 'error', text: textOf(error) });
  return code;
}

function fail(id: number, error: unknown): void {
  const code = codeOfFailure(error);
  if (code === null) return;
  const retryAfterMs = error instanceof IpcError ? error.retryAfterMs : undefined;
  tell({ type: 'failed', id, code, retryAfterMs, snapshot: desk?.store.snapshot() ?? null });
}

function codeOf(error: unknown): IpcErrorCode {
  if (error instanceof IpcError) return error.code;
  switch (storageFaultOf(error)) {
    case 'full':
      return 'storage_full';
    case 'refused':
    case 'broken':
    case 'damaged':
      return 'storage_failed';
    case null:
      return 'internal_error';
  }
}

/** One commit for so many at most: beyond, waiting costs more than the sync saves. */
const MAX_GROUP = 512;

/** Its signature is asked for when its turn comes: until then the signature thread may still have come to it. */
class Delivery implements DeliveryToAccept {
  readonly bytes: Uint8Array;
  readonly #ticket: Ticket;

  constructor(bytes: Uint8Array, ticket: Ticket) {
    this.bytes = bytes;
    this.#ticket = ticket;
  }

  get isSigned(): boolean {
    return takeVerdict(data.cells, this.#ticket);
  }
}

/** Given and not yet carried out, oldest first. */
const commands: CommandMessage[] = [];
let isAtWork = false;

function receive(message: StoreMessage): void {
  if (message !== null) commands.push(message);
  if (isAtWork) return;
  isAtWork = true;
  belt.wakesUp();
  work();
}

/**
 * One step, and then the next when the thread has looked at what else it has to do. In the order in which they came:
 * deliveries that lie one behind the other are one group, and a command waits for those before it.
 */
function work(): void {
  // In this order: a delivery that is counted here and came after a command comes with its command.
  const { laid } = belt;
  const before = (commands[0] ?? nextCommand())?.after ?? laid;
  if (belt.waiting(before) > 0) judge(belt.take(before, MAX_GROUP));
  else {
    const command = commands.shift();
    if (command !== undefined) handle(command);
  }
  isAtWork = commands.length > 0 || !belt.fallsAsleep();
  if (isAtWork) setImmediate(work);
}

/** A command that has come while the store was busy: a delivery that came after it must not overtake it. */
function nextCommand(): CommandMessage | null {
  for (;;) {
    const received: { message: StoreMessage } | undefined =
      port === null ? undefined : receiveMessageOnPort(port);
    if (received === undefined) return null;
    if (received.message === null) continue;
    commands.push(received.message);
    return received.message;
  }
}

function judge({ tickets, deliveries: bytesOf }: BeltGroup): void {
  if (quarantined !== null)
    return tell({ type: 'notJudged', tickets, code: 'journal_quarantined', snapshot: quarantined });
  if (desk === null || isDead)
    return tell({ type: 'notJudged', tickets, code: 'storage_failed', snapshot: null });
  try {
    const deliveries = bytesOf.map((bytes, index) => new Delivery(bytes, tickets[index] ?? -1));
    const outcomes = packOutcomes(desk.run('accept', deliveries));
    tell({ type: 'judged', tickets, outcomes, snapshot: desk.store.snapshot() });
  } catch (error) {
    const code = codeOfFailure(error);
    if (code !== null) tell({ type: 'notJudged', tickets, code, snapshot: desk.store.snapshot() });
    return;
  }
  tidyUp();
}

port.on('message', receive);
start();
