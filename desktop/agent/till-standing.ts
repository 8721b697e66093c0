/** Whether this till may sell and give back at all, whatever is asked of it: the word of the signed deny list, and its merchant's. */
import type { EnrolledKiosk } from './store/kiosk-record.ts';

export type StopCode = 'kiosk_denied' | 'kiosk_suspended';

/** The denial first: it is for good. Null while nothing stops the till. */
export function stopCode(is: { readonly denied: boolean; readonly suspended: boolean }): StopCode | null {
  if (is.denied) return 'kiosk_denied';
  return is.suspended ? 'kiosk_suspended' : null;
}

/** By what the store has in memory, which is what is on disk. */
export function stopCodeOf(memory: {
  readonly kiosk: EnrolledKiosk | null;
  readonly isSuspended: boolean;
}): StopCode | null {
  const { kiosk, isSuspended } = memory;
  return stopCode({
    denied: kiosk !== null && kiosk.trust.deniedKiosks.has(kiosk.kioskId),
    suspended: isSuspended,
  });
}
