/**
 * A kiosk's batch becomes money: verified outside the transaction, decided and recorded inside one, acknowledged
 * with a signature that the kiosk may prune its outbox by.
 *
 * Owns: the order of the steps. Never: takes an entry that leaves a gap, takes two different entries for one
 * sequence, or answers before the commit.
 */
import { randomUUIDv7 } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import {
  attempt,
  type ChainedEntry,
  decodeSettlementEnvelope,
  equalBytes,
  GENESIS_HASH,
  type SettlementBatch,
  type SettlementResult,
  signSettlementAcknowledgement,
  verifySettlementBatch,
} from '@tikiwallet/protocol';
import type { Clock } from '../clock.ts';
import type { ServerContext } from '../context.ts';
import type { Db, Executor, Tx } from '../db/client.ts';
import { runPrepared } from '../db/prepared.ts';
import { inTransaction } from '../db/retry.ts';
import { merchants } from '../db/schema/accounts.ts';
import { kioskEnrolments, kiosks } from '../db/schema/kiosks.ts';
import { refundEntries } from '../db/schema/refunds.ts';
import { brokenChains, settlementBatches } from '../db/schema/settlement.ts';
import { problem } from '../http/problem.ts';
import type { EnrolledKiosk } from '../kiosks/index.ts';
import { publish } from '../observe/facts.ts';
import { check, must, type Offline, type SignatureVerifier } from '../trust/index.ts';
import { acknowledgeAgain } from './acknowledge-again.ts';
import { Certificates } from './certificates.ts';
import { type CheckedRefund, checkRefunds, type ReadRefund, readRefunds } from './check-refunds.ts';
import { type CheckedSale, checkSales, type ReadSale, readSales, type SaleFacts } from './check-sales.ts';
import { decide } from './decide.ts';
import {
  acknowledgementOf,
  findAcknowledgement,
  layGround,
  lockMachine,
  type Machine,
  storedHashes,
} from './ground.ts';
import { postPayments, type SettlementTransfers } from './post-payments.ts';
import {
  chargeGuarantee,
  drawOnAllowances,
  proveDoubleSpends,
  type Recording,
  recordJournal,
  recordPayments,
  recordSales,
} from './record.ts';
import { allResults } from './results.ts';
import { settleRefunds } from './settle-refunds.ts';

export interface SettleNeeds {
  readonly db: Db;
  readonly clock: Clock;
  readonly offline: Offline;
  readonly certificates: Certificates;
  readonly verifier: SignatureVerifier;
  readonly guaranteeAccountId: string;
  readonly transfers: SettlementTransfers;
}

/** One memory of certificates for each who asks. */
export function settleNeeds(
  context: Pick<
    ServerContext,
    'worker' | 'clock' | 'config' | 'log' | 'offline' | 'verifier' | 'guaranteeAccountId'
  >,
): SettleNeeds {
  const { worker: db, clock, log, offline, verifier, guaranteeAccountId } = context;
  const transfers = context.config.settlementTransfers;
  const certificates = new Certificates({ trust: offline.trust, clock, verifier, log });
  return { db, clock, offline, verifier, guaranteeAccountId, transfers, certificates };
}

interface Presented {
  readonly batch: SettlementBatch;
  readonly entries: readonly ChainedEntry[];
  readonly checked: readonly CheckedSale[];
  readonly checkedRefunds: readonly CheckedRefund[];
  /** As it arrived: evidence, should it contradict what is stored. */
  readonly envelope: Uint8Array;
}

export interface Settled {
  /** The signed acknowledgement. */
  readonly acknowledgement: Uint8Array;
  /** The deny list under which the kiosk has now closed its journal; null when the batch said nothing new. */
  readonly reportedDenyListVersion: number | null;
}

/**
 * The same batch again is answered with the same bytes, or the same words under a newer key; a batch that overlaps stored entries takes what is new.
 * @throws ApiProblem `batch_malformed`, `not_permitted` (not this kiosk's certificate), `batch_signature_invalid`,
 *   `batch_chain_broken`, `batch_gap` with `highestSequence`
 */
export async function settleBatch(
  needs: SettleNeeds,
  kiosk: EnrolledKiosk,
  envelope: Uint8Array,
): Promise<Settled> {
  const { db, certificates } = needs;
  const opened = attempt(() => decodeSettlementEnvelope(envelope));
  if (!opened.ok) throw problem('batch_malformed', { detail: opened.code });
  const { kioskCertificateHash } = opened.value;
  const [certificate] = (await certificates.kiosks(db, kiosk.enrolmentId, [kioskCertificateHash])).values();
  if (certificate === undefined)
    throw problem('not_permitted', { detail: 'not a certificate of this kiosk' });
  const verified = check(verifySettlementBatch(opened.value, certificate));
  if (!verified.ok) {
    const isOurs = verified.code === 'batch_signature_invalid' || verified.code === 'batch_chain_broken';
    throw problem(isOurs ? verified.code : 'batch_malformed', { detail: verified.code });
  }
  const { batch, entries } = verified.value;
  const known = await answerBefore(db, kiosk, batch);
  if (known !== null) return repeated(needs, db, known);
  // What is stored already was checked when it came.
  const unseen = entries.filter(({ entry }) => entry.sequence > kiosk.settledSequence);
  const sales = readSales(unseen);
  const refunds = readRefunds(unseen);
  const facts = await saleFacts(needs, kiosk, [...sales, ...refunds]);
  const { verifier } = needs;
  const checked = await checkSales(sales, facts, { kioskCertificateHash, verifier });
  const checkedRefunds = await checkRefunds(refunds, facts, verifier);
  return take(needs, kiosk, { batch, entries, checked, checkedRefunds, envelope });
}

/** Nobody is asked about a batch that ends after what is stored; a twin that was taken meanwhile is found under the lock. */
async function answerBefore(
  db: Db,
  kiosk: EnrolledKiosk,
  batch: SettlementBatch,
): Promise<Uint8Array | null> {
  if (batch.toSequence > kiosk.settledSequence) return null;
  return findAcknowledgement(db, kiosk.enrolmentId, batch.hash);
}

async function repeated(needs: SettleNeeds, executor: Executor, known: Uint8Array): Promise<Settled> {
  const { clock, offline } = needs;
  const acknowledgement = await acknowledgeAgain({ executor, clock, trust: offline.trust }, known);
  return { acknowledgement, reportedDenyListVersion: null };
}

async function saleFacts(
  { db, certificates }: SettleNeeds,
  kiosk: EnrolledKiosk,
  read: readonly (ReadSale | ReadRefund)[],
): Promise<SaleFacts> {
  const bodies = read.flatMap(({ body }) => (body.ok ? [body.value] : []));
  const kioskHashes = bodies.map((body) => body.kioskCertificateHash);
  const allowanceHashes = bodies.map((body) => body.allowanceCertificateHash);
  return {
    kiosks: await certificates.kiosks(db, kiosk.enrolmentId, kioskHashes),
    allowances: await certificates.allowances(db, allowanceHashes),
  };
}

async function take(needs: SettleNeeds, kiosk: EnrolledKiosk, presented: Presented): Promise<Settled> {
  // Who was overtaken once waits the next time.
  let locksFirst = false;
  const taken = await inTransaction(needs.db, (tx) => {
    const attempt = takeInside(tx, needs, kiosk, { ...presented, locksFirst });
    locksFirst = true;
    return attempt;
  });
  switch (taken.kind) {
    case 'settled':
      tellSettled(presented, taken.settledBefore, needs.clock.nowMs());
      return taken;
    case 'broken':
      // The evidence is committed; only now is the kiosk told.
      throw problem('batch_chain_broken', {
        detail: `differs from what is stored at sequence ${taken.sequence}`,
      });
    case 'gap': {
      const { highestSequence } = taken;
      throw problem('batch_gap', {
        detail: `the highest contiguous sequence is ${highestSequence}`,
        members: { highestSequence },
      });
    }
  }
}

function tellSettled({ entries }: Presented, settledBefore: number | null, nowMs: number): void {
  if (settledBefore === null) return;
  const settled = entries.filter(({ entry }) => entry.sequence > settledBefore);
  const lagSeconds = settled.map(({ entry }) => nowMs / 1000 - entry.at);
  publish('settled', { entries: settled.length, lagSeconds });
}

type Taken =
  /** `settledBefore`: the journal's head before this batch; null when nothing was new. */
  | ({ readonly kind: 'settled'; readonly settledBefore: number | null } & Settled)
  | { readonly kind: 'broken'; readonly sequence: number }
  | { readonly kind: 'gap'; readonly highestSequence: number };

async function takeInside(
  tx: Tx,
  needs: SettleNeeds,
  kiosk: EnrolledKiosk,
  presented: Presented & { readonly locksFirst: boolean },
): Promise<Taken> {
  const { batch, entries, checked, checkedRefunds, locksFirst } = presented;
  const machine = await lockMachine(tx, kiosk.enrolmentId);
  // A twin of this request may have finished while we waited for the lock.
  const known = await runPrepared(tx, acknowledgementOf(tx, machine.id, batch.hash));
  if (known[0] !== undefined)
    return { kind: 'settled', settledBefore: null, ...(await repeated(needs, tx, known[0].acknowledgement)) };
  if (machine.endedAt !== null)
    throw problem('not_authenticated', { detail: 'another machine enrolled as this kiosk' });
  if (machine.quarantinedAt !== null)
    throw problem('batch_chain_broken', { detail: 'this journal is in quarantine' });
  if (batch.fromSequence > machine.settledSequence + 1)
    return { kind: 'gap', highestSequence: machine.settledSequence };
  const now = new Date(needs.clock.nowMs());
  const brokenAt = await findBreak(tx, machine, presented);
  if (brokenAt !== null) {
    await quarantine(tx, machine, { presented, ...brokenAt, now });
    return { kind: 'broken', sequence: brokenAt.sequence };
  }
  const isNew = ({ sequence }: { readonly sequence: number }) => sequence > machine.settledSequence;
  const newEntries = entries.filter(({ entry }) => isNew(entry));
  const recording = await recordingOf(tx, needs, machine, now);
  const { results, prove } = await settleSales(tx, needs, checked.filter(isNew), {
    recording,
    newEntries,
    locksFirst,
  });
  const newRefunds = checkedRefunds.filter(isNew);
  await settleRefunds(tx, newRefunds, recording, { byClaim: false });
  const hasRefunds = recording.hasRefunds || newRefunds.length > 0;
  const all = await allResults(tx, machine, { batch, sales: results, now, hasRefunds });
  const reported = await advance(tx, machine, batch);
  const acknowledgement = acknowledge(needs, { machine, batch, results: all, now });
  if (entries.length > 0) await recordBatch(tx, { machine, batch, acknowledgement, now });
  await prove();
  const settledBefore = machine.settledSequence;
  return { kind: 'settled', settledBefore, acknowledgement, reportedDenyListVersion: reported };
}

/** The first sequence at which the batch contradicts what is stored, the entry before its first one included. */
async function findBreak(tx: Tx, machine: Machine, { batch, entries }: Presented) {
  const from = batch.fromSequence - 1;
  const stored = await storedHashes(tx, machine.id, {
    from,
    to: Math.min(batch.toSequence, machine.settledSequence),
  });
  const before = from === 0 ? GENESIS_HASH : stored.get(from);
  if (before === undefined) throw new Error(`entry ${from} of enrolment ${machine.id} is missing`);
  if (!equalBytes(before, batch.previousHash)) return { sequence: from, storedHash: before };
  for (const { entry, hash } of entries) {
    const storedHash = stored.get(entry.sequence);
    if (storedHash !== undefined && !equalBytes(storedHash, hash))
      return { sequence: entry.sequence, storedHash };
  }
  return null;
}

interface Break {
  readonly presented: Presented;
  readonly sequence: number;
  readonly storedHash: Uint8Array;
  readonly now: Date;
}

/** The kiosk signed two histories: whichever is true, a person has to look before more is taken. */
async function quarantine(
  tx: Tx,
  machine: Machine,
  { presented, sequence, storedHash, now }: Break,
): Promise<void> {
  const { envelope } = presented;
  await tx
    .insert(brokenChains)
    .values({ id: randomUUIDv7(), enrolmentId: machine.id, sequence, storedHash, envelope, createdAt: now });
  await tx.update(kioskEnrolments).set({ quarantinedAt: now }).where(eq(kioskEnrolments.id, machine.id));
}

/** What the rows of a machine's payments are written with. */
export async function recordingOf(
  tx: Tx,
  needs: SettleNeeds,
  machine: Machine,
  now: Date,
): Promise<Recording> {
  const hasRefunds = sql<boolean>`exists (select from ${refundEntries} where ${refundEntries.enrolmentId} = ${machine.id})`;
  const [shop] = await runPrepared(
    tx,
    tx
      .select({
        ...{ kioskName: kiosks.name, currency: kiosks.currency, businessName: merchants.businessName },
        hasRefunds,
      })
      .from(kiosks)
      .innerJoin(merchants, eq(merchants.id, kiosks.merchantId))
      .where(eq(kiosks.id, machine.kioskId)),
  );
  if (shop === undefined) throw new Error(`kiosk ${machine.kioskId} has no merchant`);
  const { guaranteeAccountId, transfers } = needs;
  return { machine, ...shop, guaranteeAccountId, transfers, now };
}

interface SettleSales {
  readonly recording: Recording;
  readonly newEntries: readonly ChainedEntry[];
  readonly locksFirst: boolean;
}

interface SettledSales {
  readonly results: readonly SettlementResult[];
  /** Denies those who spent twice. It locks the deny list for everybody: last in the transaction. */
  readonly prove: () => Promise<void>;
}

async function settleSales(
  tx: Tx,
  needs: SettleNeeds,
  checked: readonly CheckedSale[],
  { recording, newEntries, locksFirst }: SettleSales,
): Promise<SettledSales> {
  const { machine, now } = recording;
  const month = now.toISOString().slice(0, 7);
  await recordJournal(tx, newEntries, recording);
  const ground = await layGround(tx, checked, { machine, month, limits: needs.offline.policy, locksFirst });
  const decisions = decide(checked, ground);
  // First of all that is written for others to meet: from here on the allowances are ours, and as they were read.
  await drawOnAllowances(tx, decisions.payments, ground.allowances);
  const transferId = await postPayments(tx, decisions.payments, recording);
  await recordPayments(tx, decisions.payments, { ...recording, transferId });
  await recordSales(tx, decisions.sales, recording);
  await chargeGuarantee(tx, decisions.payments, { ...recording, month });
  return {
    results: decisions.sales.map(({ sale, outcome, code }) => ({ sequence: sale.sequence, outcome, code })),
    prove: () => proveDoubleSpends(tx, decisions.doubleSpends, ground.allowances, now),
  };
}

/**
 * Moves the machine's head. The deny list that a batch names counts only when the batch ends where the journal does:
 * an old batch says nothing about what came after it.
 */
async function advance(tx: Tx, machine: Machine, batch: SettlementBatch): Promise<number | null> {
  if (batch.toSequence < machine.settledSequence) return null;
  const reported = Math.max(machine.reportedDenyListVersion, batch.denyListVersion);
  const isUnchanged =
    batch.toSequence === machine.settledSequence && reported === machine.reportedDenyListVersion;
  if (isUnchanged) return null;
  await runPrepared(
    tx,
    tx
      .update(kioskEnrolments)
      .set({
        settledSequence: batch.toSequence,
        settledHash: batch.headHash,
        reportedDenyListVersion: reported,
      })
      .where(eq(kioskEnrolments.id, machine.id)),
  );
  return reported;
}

interface Acknowledged {
  readonly machine: Machine;
  readonly batch: SettlementBatch;
  readonly results: readonly SettlementResult[];
  readonly now: Date;
}

function acknowledge({ offline }: SettleNeeds, { machine, batch, results, now }: Acknowledged): Uint8Array {
  const acknowledgement = {
    kioskId: machine.kioskId,
    batchHash: batch.hash,
    highestSequence: Math.max(machine.settledSequence, batch.toSequence),
    results,
    issuedAt: Math.floor(now.getTime() / 1000),
  };
  const { issuerKeyId, signAsIssuer } = offline.trust;
  return must(signSettlementAcknowledgement(acknowledgement, issuerKeyId), signAsIssuer);
}

interface TakenBatch {
  readonly machine: Machine;
  readonly batch: SettlementBatch;
  readonly acknowledgement: Uint8Array;
  readonly now: Date;
}

async function recordBatch(tx: Tx, { machine, batch, acknowledgement, now }: TakenBatch): Promise<void> {
  await runPrepared(
    tx,
    tx.insert(settlementBatches).values({
      enrolmentId: machine.id,
      batchHash: batch.hash,
      head: batch.bytes,
      fromSequence: batch.fromSequence,
      toSequence: batch.toSequence,
      denyListVersion: batch.denyListVersion,
      acknowledgement,
      receivedAt: now,
    }),
  );
}
