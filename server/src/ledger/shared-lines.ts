/**
 * What one entry of a transfer that many payments share looks like to people: a line a payment, as where each has its own.
 *
 * Owns: the words that find the lines of such an entry (decisions/0029-one-transfer-a-batch.md). A line is told from the others of its entry by
 * its place, the payment's sequence in its machine's journal. Never: writes, or counts what it shows: the entry stands.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { TransferReference } from '../db/schema/ledger.ts';

/** Columns of a line, each null for what is no line of many: `place`, `amount_minor`, `payment_hash` (hex), `payer`. */
export interface LineColumns {
  readonly place: number | null;
  readonly payment_hash: string | null;
  readonly payer: string | null;
}

/**
 * Of a merchant's entry: the sales of the machine that are counted and paid, between the first and the last of the batch. A sequence
 * is settled once, so these are its payments, and they are read in their order from `sales_entry`.
 * @param reference of the transfer, in SQL
 */
export const merchantLines = (reference: SQL) => sql`
  select s.sequence as place, s.amount_minor, encode(s.payment_hash, 'hex') as payment_hash, s.masked_phone as payer
  from sales s
  where s.enrolment_id = (${reference}->>'machineId')::uuid
    and s.sequence between (${reference}->>'first')::int and (${reference}->>'last')::int
    and s.counted and s.outcome in ('settled', 'settled_by_guarantee')`;

/** Of a reserve's entry: what each of its allowance's payments took from it. */
export const payerLines = (transferId: SQL, allowanceId: SQL) => sql`
  select p.sequence as place, -p.from_reserve_minor as amount_minor, encode(p.payment_hash, 'hex') as payment_hash, null::text as payer
  from payments p
  where p.transfer_id = ${transferId} and p.allowance_id = ${allowanceId} and p.from_reserve_minor > 0`;

/** The reference of a line, with the words that a transfer of its own would have. */
export function lineReference(
  reference: TransferReference,
  { place, payment_hash: paymentHash, payer }: LineColumns,
): TransferReference {
  if (place === null) return reference;
  const { payeeText, kioskName } = reference;
  return {
    ...(payer === null ? {} : { payerText: payer }),
    ...(payeeText === undefined ? {} : { payeeText }),
    ...(kioskName === undefined ? {} : { kioskName }),
    paymentHash,
    sequence: place,
  };
}
