/**
 * The payee lock of an allowance: whom it can pay, and what that is worth. Only a lock on one kiosk makes a double spend
 * impossible: two tills of one merchant that are both offline could both take an allowance locked to that merchant.
 */
import { fromUuid, toUuid } from './bytes.ts';
import { FieldReader, type CborValue } from './cbor.ts';

export interface PayeeLock {
  /** UUID of the one merchant that can be paid. */
  readonly merchantId: string;
  /** UUID of the one kiosk of that merchant, or null for all of them. */
  readonly kioskId: string | null;
}

/** Who asks to be paid, as its certificate names it. */
export interface Payee {
  readonly merchantId: string;
  readonly kioskId: string;
}

export function payeeLockField(lock: PayeeLock | null): CborValue {
  if (lock === null) return null;
  return [fromUuid(lock.merchantId), lock.kioskId === null ? null : fromUuid(lock.kioskId)];
}

export function readPayeeLock(values: readonly unknown[] | null): PayeeLock | null {
  if (values === null) return null;
  const fields = new FieldReader(values);
  const merchantId = toUuid(fields.bytes(16));
  const kioskId = fields.bytesOrNull(16);
  fields.end();
  return { merchantId, kioskId: kioskId === null ? null : toUuid(kioskId) };
}

/** Whether an allowance with this lock can pay here at all. */
export function canPay(lock: PayeeLock | null, payee: Payee): boolean {
  if (lock === null) return true;
  return lock.merchantId === payee.merchantId && (lock.kioskId === null || lock.kioskId === payee.kioskId);
}

/** Whether no other kiosk in the world accepts this allowance: what this kiosk takes of it cannot be spent twice. */
export function isLockedTo(lock: PayeeLock | null, payee: Payee): boolean {
  return lock !== null && lock.kioskId === payee.kioskId && lock.merchantId === payee.merchantId;
}
