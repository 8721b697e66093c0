/**
 * Settlement the seed's way, for row S3: the same batches, read and verified by the same rules with the same certificates
 * known, and the same facts recorded - but a transaction a payment: rows read under a lock, written back, inserted, one
 * statement after the other over prepared statements.
 *
 * It writes copies of the product's tables with their columns, indexes, checks, plain foreign keys and room in their pages,
 * and without the product's triggers, which a program that writes row by row would not have.
 */
import { randomUUIDv7 } from 'node:crypto';
import type { TransactionSql } from 'postgres';
import {
  contradicts,
  decodeSettlementEnvelope,
  type SettlementBatch,
  type SettlementResult,
  signSettlementAcknowledgement,
  verifySettlementBatch,
  type ChainedEntry,
  equalBytes,
} from '@tikiwallet/protocol';
import { checkSales, readSales, type ValidSale } from '../../src/settlement/check-sales.ts';
import type { settleNeeds } from '../../src/settlement/settle.ts';
import { must } from '../../src/trust/index.ts';
import type { EnrolledKiosk } from '../../src/kiosks/index.ts';
import type { BenchCloud } from './cloud.ts';

const TABLES = {
  kiosk_enrolments: [],
  allowances: [],
  ledger_accounts: [],
  journal_pieces: ['enrolment_id references by_row_kiosk_enrolments'],
  settlement_batches: ['enrolment_id references by_row_kiosk_enrolments'],
  payments: ['allowance_id references by_row_allowances', 'enrolment_id references by_row_kiosk_enrolments'],
  sales: ['enrolment_id references by_row_kiosk_enrolments', 'kiosk_id references kiosks'],
  ledger_transfers: [],
  ledger_entries: [
    'transfer_id references by_row_ledger_transfers',
    'account_id, currency references by_row_ledger_accounts (id, currency)',
  ],
} as const;
/** What the product's tables have, so that a row that is written back stays in its page. */
const FILLFACTORS = { ledger_accounts: 50, allowances: 60 } as const;

/** After the kiosks and phones that will settle this way: machines, allowances and balances are copied as they stand. */
export async function laySeedSettlement(cloud: BenchCloud): Promise<void> {
  const { owner } = cloud;
  for (const [table, references] of Object.entries(TABLES)) {
    await owner.unsafe(`create table by_row_${table} (like ${table} including all)`);
    for (const reference of references) {
      const [columns, parent] = reference.split(' references ');
      await owner.unsafe(`alter table by_row_${table} add foreign key (${columns}) references ${parent}`);
    }
    await owner.unsafe(`grant select, insert, update on by_row_${table} to tiki_app`);
  }
  for (const [table, fillfactor] of Object.entries(FILLFACTORS))
    await owner.unsafe(`alter table by_row_${table} set (fillfactor = ${fillfactor})`);
  for (const table of ['kiosk_enrolments', 'allowances', 'ledger_accounts'])
    await owner.unsafe(`insert into by_row_${table} select * from ${table}`);
  await owner.unsafe('analyze');
}

type Needs = ReturnType<typeof settleNeeds>;

export class SeedSettler {
  readonly #cloud: BenchCloud;
  readonly #needs: Needs;

  constructor(cloud: BenchCloud, needs: Needs) {
    this.#cloud = cloud;
    this.#needs = needs;
  }

  /** @returns the signed acknowledgement */
  async settle(kiosk: EnrolledKiosk, envelope: Uint8Array): Promise<Uint8Array> {
    const { certificates, db, verifier } = this.#needs;
    const opened = decodeSettlementEnvelope(envelope);
    const { kioskCertificateHash } = opened;
    const kiosks = await certificates.kiosks(db, kiosk.enrolmentId, [kioskCertificateHash]);
    const [certificate] = kiosks.values();
    if (certificate === undefined) throw new Error('not a certificate of this kiosk');
    const { batch, entries } = must(verifySettlementBatch(opened, certificate));
    const [known] = await this.#cloud.app<{ acknowledgement: Uint8Array }[]>`
      select acknowledgement from by_row_settlement_batches
      where enrolment_id = ${kiosk.enrolmentId} and batch_hash = ${batch.hash}`;
    if (known !== undefined) return known.acknowledgement;
    const results: SettlementResult[] = [];
    for (const entry of entries) {
      const [sale] = readSales([entry]);
      if (sale === undefined || !sale.body.ok) throw new Error('only readable sales are settled this way');
      const named = [sale.body.value.allowanceCertificateHash];
      const allowances = await certificates.allowances(db, named);
      const [checked] = await checkSales([sale], { kiosks, allowances }, { kioskCertificateHash, verifier });
      if (checked?.verdict !== 'valid') throw new Error('only valid sales are settled this way');
      results.push(await this.#pay(kiosk, { entry, sale: checked, batch }));
    }
    return this.#acknowledge(kiosk, batch, results);
  }

  #pay(kiosk: EnrolledKiosk, taken: Taken): Promise<SettlementResult> {
    return this.#cloud.app.begin((tx) => payInside(tx, kiosk, taken));
  }

  async #acknowledge(
    { enrolmentId, kioskId }: EnrolledKiosk,
    batch: SettlementBatch,
    results: readonly SettlementResult[],
  ): Promise<Uint8Array> {
    const { clock, offline } = this.#needs;
    const now = new Date(clock.nowMs());
    const said = {
      ...{ kioskId, batchHash: batch.hash, highestSequence: batch.toSequence, results },
      issuedAt: Math.floor(now.getTime() / 1000),
    };
    const { issuerKeyId, signAsIssuer } = offline.trust;
    const acknowledgement = must(signSettlementAcknowledgement(said, issuerKeyId), signAsIssuer);
    await this.#cloud.app`
      insert into by_row_settlement_batches (enrolment_id, batch_hash, head, from_sequence, to_sequence, deny_list_version,
        acknowledgement, received_at)
      values (${enrolmentId}, ${batch.hash}, ${batch.bytes}, ${batch.fromSequence}, ${batch.toSequence},
        ${batch.denyListVersion}, ${acknowledgement}, ${now})`;
    return acknowledgement;
  }
}

interface Taken {
  readonly entry: ChainedEntry;
  readonly sale: ValidSale;
  readonly batch: SettlementBatch;
}

/** Begin, five reads of which three lock, nine writes, commit: sixteen round trips. */
async function payInside(
  tx: TransactionSql,
  { enrolmentId }: EnrolledKiosk,
  { entry: { entry, bytes, hash }, sale, batch }: Taken,
): Promise<SettlementResult> {
  const { payment, paymentKey, allowance } = sale;
  const { allowanceId, maskedPhone } = allowance.certificate;
  const [machine] = await tx<MachineRow[]>`
    select kiosk_id, merchant_id, merchant_account_id, settled_sequence, settled_hash from by_row_kiosk_enrolments
    where id = ${enrolmentId} for update`;
  if (machine === undefined || entry.sequence !== machine.settled_sequence + 1)
    throw new Error('a gap in the journal');
  if (!equalBytes(machine.settled_hash, entry.previousHash)) throw new Error('another journal');
  const [twin] = await tx`select outcome from by_row_payments where payment_hash = ${payment.hash}`;
  if (twin !== undefined) throw new Error('only fresh payments are settled this way');
  const [reserve] = await tx<AllowanceRow[]>`
    select cap_minor, settled_minor, returned_minor, denied_version from by_row_allowances where id = ${allowanceId} for update`;
  const amount = payment.amountMinor;
  if (reserve === undefined || reserve.denied_version !== null) throw new Error('denied');
  if (BigInt(reserve.cap_minor) - BigInt(reserve.settled_minor) - BigInt(reserve.returned_minor) < amount)
    throw new Error('the reserve is used up');
  const neighbours = await tx<PaymentRow[]>`
    (select payment_hash, counter, amount_minor, cumulative_minor from by_row_payments
      where allowance_id = ${allowanceId} and counter <= ${payment.counter} order by counter desc limit 1)
    union all
    (select payment_hash, counter, amount_minor, cumulative_minor from by_row_payments
      where allowance_id = ${allowanceId} and counter > ${payment.counter} order by counter limit 1)`;
  if (neighbours.some((row) => contradicts(spendOf(row), payment))) throw new Error('spent twice');
  const payer = allowance.reserveAccountId;
  const payee = machine.merchant_account_id;
  const accounts = await tx<{ id: string; currency: string; balance_minor: string }[]>`
    select id, currency, balance_minor from by_row_ledger_accounts where id in (${payer}, ${payee}) order by id for update`;
  const [from, to] = [payer, payee].map((id) => accounts.find((account) => account.id === id));
  if (from === undefined || to === undefined || BigInt(from.balance_minor) < amount)
    throw new Error('insufficient funds');
  const now = new Date();
  const at = new Date(entry.at * 1000);
  await tx`update by_row_ledger_accounts set balance_minor = ${(BigInt(from.balance_minor) - amount).toString()} where id = ${payer}`;
  await tx`update by_row_ledger_accounts set balance_minor = ${(BigInt(to.balance_minor) + amount).toString()} where id = ${payee}`;
  const transferId = randomUUIDv7();
  const reference = {
    ...{ payerText: maskedPhone, payeeText: 'Warung Sari', paymentHash: paymentKey },
    ...{ kioskName: 'Till 1', sequence: entry.sequence },
  };
  await tx`
    insert into by_row_ledger_transfers (id, kind, idempotency_key, content_hash, reference)
    values (${transferId}, 'offline_payment', ${`offline_payment:${paymentKey}`}, ${Buffer.alloc(0)}, ${tx.json(reference)})`;
  await tx`
    insert into by_row_ledger_entries (transfer_id, account_id, currency, amount_minor)
    values (${transferId}, ${payer}, ${from.currency}, ${(-amount).toString()}),
      (${transferId}, ${payee}, ${to.currency}, ${amount.toString()})`;
  await tx`
    insert into by_row_journal_pieces (enrolment_id, from_sequence, to_sequence, entries, ends, kinds, received_at)
    values (${enrolmentId}, ${entry.sequence}, ${entry.sequence}, ${bytes}, ${`{${bytes.length}}`}, ${SALE}, ${now})`;
  await tx`
    insert into by_row_payments (payment_hash, allowance_id, enrolment_id, sequence, merchant_id, counter, amount_minor,
      cumulative_minor, bytes, outcome, from_reserve_minor, from_guarantee_minor, settled_at)
    values (${payment.hash}, ${allowanceId}, ${enrolmentId}, ${entry.sequence}, ${machine.merchant_id}, ${payment.counter},
      ${amount.toString()}, ${payment.cumulativeMinor.toString()}, ${payment.bytes}, 'settled', ${amount.toString()}, 0, ${now})`;
  await tx`
    insert into by_row_sales (enrolment_id, sequence, kiosk_id, merchant_id, counted, outcome, payment_hash, amount_minor, currency,
      masked_phone, accepted_at, settled_at)
    values (${enrolmentId}, ${entry.sequence}, ${machine.kiosk_id}, ${machine.merchant_id}, true, 'settled', ${payment.hash},
      ${amount.toString()}, ${to.currency}, ${maskedPhone}, ${at}, ${now})`;
  await tx`
    update by_row_allowances set settled_minor = ${(BigInt(reserve.settled_minor) + amount).toString()},
      settled_counter = greatest(settled_counter, ${payment.counter}) where id = ${allowanceId}`;
  await tx`
    update by_row_kiosk_enrolments set settled_sequence = ${entry.sequence}, settled_hash = ${hash},
      reported_deny_list_version = ${batch.denyListVersion} where id = ${enrolmentId}`;
  return { sequence: entry.sequence, outcome: 'settled', code: null };
}

const SALE = Buffer.from([1]);

interface MachineRow {
  readonly kiosk_id: string;
  readonly merchant_id: string;
  readonly merchant_account_id: string;
  readonly settled_sequence: number;
  readonly settled_hash: Uint8Array;
}

interface PaymentRow {
  readonly payment_hash: Uint8Array;
  readonly counter: number;
  readonly amount_minor: string;
  readonly cumulative_minor: string;
}

const spendOf = (row: PaymentRow) => ({
  hash: row.payment_hash,
  counter: row.counter,
  amountMinor: BigInt(row.amount_minor),
  cumulativeMinor: BigInt(row.cumulative_minor),
});

interface AllowanceRow {
  readonly cap_minor: string;
  readonly settled_minor: string;
  readonly returned_minor: string;
  readonly denied_version: number | null;
}
