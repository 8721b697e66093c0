/**
 * Reads and writes of payments, allowances, intents and history. Every write that money depends on is one
 * transaction with strict durability: when its promise resolves, the record is on the disk.
 */
import type { HistoryItem } from '@tikiwallet/server/contract';
import type { Database, Intent, Marker, StoredAllowance, StoredPayment, StoredRefund } from './schema.ts';

const STRICT = { durability: 'strict' } as const;

/** The allowance moved on between reading and writing: another tab signed. Read again and start over. */
export class AllowanceMoved extends Error {
  readonly code = 'allowance_moved';
  constructor(options?: ErrorOptions) {
    super('allowance_moved', options);
    this.name = 'AllowanceMoved';
  }
}

export interface WriteAhead {
  /** The counter that the allowance must still stand at. */
  readonly expectedCounter: number;
  readonly allowance: StoredAllowance;
  readonly payment: StoredPayment | null;
  readonly marker: Marker;
}

/**
 * R33: the new counter, the signed bytes and the marker, all or nothing, before anything is shown or sent. The
 * unique indexes refuse a second payment for the same request and a second use of a counter.
 * @throws AllowanceMoved
 */
export async function writeAhead(database: Database, write: WriteAhead): Promise<void> {
  const transaction = database.transaction(['allowances', 'payments', 'meta'], 'readwrite', STRICT);
  // A failed request aborts the transaction; its own promise then rejects too, and is awaited here only once.
  const done = transaction.done.then(
    () => null,
    (error: unknown) => error,
  );
  try {
    const allowances = transaction.objectStore('allowances');
    const current = await allowances.get(write.allowance.id);
    if (
      current === undefined ||
      current.lastCounter !== write.expectedCounter ||
      current.state !== 'active'
    ) {
      transaction.abort();
      throw new AllowanceMoved();
    }
    if (write.payment !== null) await transaction.objectStore('payments').add(write.payment);
    await allowances.put(write.allowance);
    await transaction.objectStore('meta').put(write.marker, 'marker');
  } catch (error) {
    await done;
    if (error instanceof DOMException && error.name === 'ConstraintError')
      throw new AllowanceMoved({ cause: error });
    throw error;
  }
  const failure = await done;
  if (failure !== null) throw failure instanceof Error ? failure : new Error('the write was not committed');
}

/**
 * R33 for what gives money back: the countersignature and the marker, both or neither, before it is shown or sent.
 * An offer has one acceptance: a second one is refused by the store's key.
 */
export async function writeAcceptance(
  database: Database,
  write: { readonly refund: StoredRefund; readonly marker: Marker },
): Promise<void> {
  const transaction = database.transaction(['refunds', 'meta'], 'readwrite', STRICT);
  await Promise.all([
    transaction.objectStore('refunds').add(write.refund),
    transaction.objectStore('meta').put(write.marker, 'marker'),
    transaction.done,
  ]);
}

/** Changes a stored refund; what was signed cannot be changed this way. */
export async function updateRefund(
  database: Database,
  id: string,
  change: (
    refund: StoredRefund,
  ) => Partial<
    Pick<StoredRefund, 'state' | 'refusalCode' | 'receipt' | 'receiptNumber' | 'refundedAt' | 'handedIn'>
  > | null,
): Promise<StoredRefund | undefined> {
  const transaction = database.transaction('refunds', 'readwrite', STRICT);
  const refund = await transaction.store.get(id);
  const changes = refund === undefined ? null : change(refund);
  const updated = refund === undefined || changes === null ? refund : { ...refund, ...changes };
  if (updated !== undefined && updated !== refund) await transaction.store.put(updated);
  await transaction.done;
  return updated;
}

export function findPaymentByRequest(
  database: Database,
  requestHash: string,
): Promise<StoredPayment | undefined> {
  return database.getFromIndex('payments', 'requestHash', requestHash);
}

/** Has this kiosk given a verified receipt for a payment of this allowance? Then it has the certificate. */
export async function hasReceiptFrom(
  database: Database,
  { allowanceId, kioskId }: Pick<StoredPayment, 'allowanceId' | 'kioskId'>,
): Promise<boolean> {
  const ofAllowance = IDBKeyRange.bound([allowanceId, 0], [allowanceId, Number.MAX_SAFE_INTEGER]);
  const payments = await database.getAllFromIndex('payments', 'place', ofAllowance);
  return payments.some((one) => one.kioskId === kioskId && one.receipt !== null);
}

/** Changes a stored payment; its signed bytes, counter and amounts cannot be changed this way. */
export async function updatePayment(
  database: Database,
  id: string,
  change: (
    payment: StoredPayment,
  ) => Partial<
    Pick<
      StoredPayment,
      | 'state'
      | 'refusalCode'
      | 'receipt'
      | 'receiptNumber'
      | 'receiptTier'
      | 'acceptedAt'
      | 'handedIn'
      | 'repeatDelivery'
    >
  > | null,
): Promise<StoredPayment | undefined> {
  const transaction = database.transaction('payments', 'readwrite', STRICT);
  const payment = await transaction.store.get(id);
  const changes = payment === undefined ? null : change(payment);
  const updated = payment === undefined || changes === null ? payment : { ...payment, ...changes };
  if (updated !== undefined && updated !== payment) await transaction.store.put(updated);
  await transaction.done;
  return updated;
}

export async function updateAllowance(
  database: Database,
  id: string,
  change: (
    allowance: StoredAllowance,
  ) => Partial<Pick<StoredAllowance, 'state' | 'cloudStatus' | 'deniedFor' | 'returnsBy'>> | null,
): Promise<void> {
  const transaction = database.transaction('allowances', 'readwrite', STRICT);
  const allowance = await transaction.store.get(id);
  const changes = allowance === undefined ? null : change(allowance);
  if (allowance !== undefined && changes !== null) await transaction.store.put({ ...allowance, ...changes });
  await transaction.done;
}

/**
 * A loaded allowance takes the place of the intent that asked for it, in one step. It is frozen when it can be trusted
 * no longer: its key was deleted, or is of an epoch before the memory went back, in which it may have paid already.
 * @returns what is on the disk now
 */
export async function storeLoadedAllowance(
  database: Database,
  allowance: StoredAllowance,
  intentKey: string,
): Promise<StoredAllowance> {
  // Keys and marker in the same transaction: a deletion or a new epoch comes wholly before it, or freezes what it left.
  const transaction = database.transaction(['allowances', 'intents', 'keys', 'meta'], 'readwrite', STRICT);
  const allowances = transaction.objectStore('allowances');
  const known = await allowances.get(allowance.id);
  const key = await transaction.objectStore('keys').get(allowance.keyId);
  const marker = (await transaction.objectStore('meta').get('marker')) as Marker | undefined;
  const isOfThisEpoch = key !== undefined && key.epoch === marker?.epoch;
  const loaded: StoredAllowance = isOfThisEpoch ? allowance : { ...allowance, state: 'frozen' };
  // A repeat of an answered request must not put the counter back to its start.
  if (known === undefined) await allowances.put(loaded);
  await transaction.objectStore('intents').delete(intentKey);
  await transaction.done;
  return known ?? loaded;
}

export async function putIntent(database: Database, intent: Intent): Promise<void> {
  const transaction = database.transaction('intents', 'readwrite', STRICT);
  await Promise.all([transaction.store.put(intent), transaction.done]);
}

export async function dropIntent(database: Database, key: string): Promise<void> {
  await database.delete('intents', key);
}

/** Replaces what is known of the online history; the newest page always wins, older items stay. */
export async function keepHistory(
  database: Database,
  userId: string,
  items: readonly HistoryItem[],
): Promise<void> {
  const transaction = database.transaction('history', 'readwrite');
  await Promise.all([...items.map((item) => transaction.store.put({ ...item, userId })), transaction.done]);
}

/** The phone's memory cannot be trusted any more: nothing that it holds may be signed with again. */
export async function freezeAll(database: Database, marker: Marker): Promise<void> {
  const transaction = database.transaction(['allowances', 'meta'], 'readwrite', STRICT);
  const store = transaction.objectStore('allowances');
  for (const allowance of await store.getAll()) {
    if (allowance.state === 'active') await store.put({ ...allowance, state: 'frozen' });
  }
  await transaction.objectStore('meta').put(marker, 'marker');
  await transaction.done;
}
