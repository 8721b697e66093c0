/**
 * Where else a person's offline money is: what the cloud lists and this phone does not hold, by the phone that it was
 * loaded on. Pure. The device's key is all that tells one phone from another.
 */
import type { Allowance, WalletView } from '@tikiwallet/server/contract';
import type { StoredAllowance } from '../store/schema.ts';

export interface OtherPhone {
  /** The device's public key, base64url. */
  readonly id: string;
  /** Newest first. */
  readonly loads: readonly Allowance[];
  /** Still set aside for what this phone pays or paid. */
  readonly reservedMinor: bigint;
  /** Those that shops still accept. */
  readonly spendable: readonly Allowance[];
  /** ISO time at which the last of it returns; null while the cloud has not said. */
  readonly returnsBy: string | null;
}

/** Phones that hold, or held, loads which are not over yet. */
export function otherPhones(view: WalletView | null, own: readonly StoredAllowance[]): readonly OtherPhone[] {
  const phones = new Map<string, Allowance[]>();
  for (const load of view?.allowances ?? []) {
    if (own.some((one) => one.id === load.id) || BigInt(load.reservedMinor) === 0n) continue;
    phones.set(load.devicePublicKey, [...(phones.get(load.devicePublicKey) ?? []), load]);
  }
  return [...phones].map(([id, loads]) => ({
    id,
    loads,
    reservedMinor: loads.reduce((sum, load) => sum + BigInt(load.reservedMinor), 0n),
    spendable: loads.filter((load) => load.status === 'active'),
    returnsBy: loads.reduce<string | null>(
      (last, { returnsBy }) => (returnsBy !== null && (last === null || returnsBy > last) ? returnsBy : last),
      null,
    ),
  }));
}

/** Denials that are news: for a reason that the person did not just give on this phone, and with money behind them. */
export function denialNews(view: WalletView | null, read: readonly string[]): readonly Allowance[] {
  return (view?.allowances ?? []).filter(
    ({ id, status, deniedFor }) =>
      status === 'denied' && deniedFor !== null && deniedFor !== 'closing' && !read.includes(id),
  );
}
