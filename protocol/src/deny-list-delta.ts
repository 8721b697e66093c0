/**
 * A trust bundle written as a difference to another one, so that a kiosk on a thin line does not fetch a deny list of
 * 40,000 ids each time. It is a bundle in all but the list: signed, dated, with policy and issuer keys. It counts for
 * a reader who holds exactly its base and arrives at exactly its result; anybody else asks for the whole bundle.
 */
import { equalBytes, toUuid } from './bytes.ts';
import { decodeCbor, encodeCbor, FieldReader } from './cbor.ts';
import { readIssuedObject, readPayload, signObject } from './cose.ts';
import type { Steps } from './crypto.ts';
import { denyListHash, joinIds, type DenyList } from './deny-list.ts';
import { refuse } from './errors.ts';
import { MAX_COUNTER, MAX_DENIED, MAX_TRUST_BUNDLE_BYTES } from './limits.ts';
import { PURPOSE } from './purposes.ts';
import { verifyTrustBundle, type TrustBundle } from './trust-bundle.ts';
import {
  headFields,
  readByteStrings,
  readHead,
  verifyHead,
  type TrustHead,
  type TrustHeadDraft,
} from './trust-head.ts';

/** 16-byte ids, sorted by the caller. */
export interface DenyListChange {
  readonly addedAllowances: readonly Uint8Array[];
  readonly removedAllowances: readonly Uint8Array[];
  readonly addedKiosks: readonly Uint8Array[];
  readonly removedKiosks: readonly Uint8Array[];
}

export interface DenyListDeltaDraft extends TrustHeadDraft, DenyListChange {
  /** Version of the bundle that this continues. */
  readonly baseVersion: number;
  /** {@link denyListHash} of the list that results. */
  readonly listHash: Uint8Array;
}

/** Verified, and not yet applied to anything. */
export interface DenyListDelta extends TrustHead {
  readonly bytes: Uint8Array;
  readonly baseVersion: number;
  readonly listHash: Uint8Array;
  readonly change: DenyListChange;
}

/** The driver's signer is the issuer key whose id is `issuerKeyId`. */
export function* signDenyListDelta(draft: DenyListDeltaDraft, issuerKeyId: Uint8Array): Steps<Uint8Array> {
  return yield* signObject(
    [
      PURPOSE.denyListDelta,
      ...headFields(draft),
      draft.baseVersion,
      draft.addedAllowances,
      draft.removedAllowances,
      draft.addedKiosks,
      draft.removedKiosks,
      draft.listHash,
    ],
    { keyId: issuerKeyId },
  );
}

export function* verifyDenyListDelta(bytes: Uint8Array, rootPublicKey: Uint8Array): Steps<DenyListDelta> {
  const object = readIssuedObject(bytes, MAX_TRUST_BUNDLE_BYTES);
  const fields = readPayload(object);
  fields.purpose(PURPOSE.denyListDelta);
  const head = readHead(fields);
  const baseVersion = fields.uint(MAX_COUNTER, 1);
  const ids = () => readByteStrings(fields.array(MAX_DENIED), 16, 16);
  const change = {
    addedAllowances: ids(),
    removedAllowances: ids(),
    addedKiosks: ids(),
    removedKiosks: ids(),
  };
  const listHash = fields.bytes(32);
  fields.end();
  return { bytes, ...(yield* verifyHead(object, head, rootPublicKey)), baseVersion, listHash, change };
}

/**
 * The bundle that results for who holds `known`. Whether it may take the place of `known` is {@link checkNotOlder}'s
 * question. @throws Refusal `deny_list_base_differs`, `deny_list_result_differs`: ask for the whole bundle
 */
export function* applyDenyListDelta(delta: DenyListDelta, known: TrustBundle): Steps<TrustBundle> {
  const { bytes, baseVersion, listHash, change, ...head } = delta;
  if (baseVersion !== known.version) refuse('deny_list_base_differs');
  const list = {
    deniedAllowances: changed(known.deniedAllowances, change.addedAllowances, change.removedAllowances),
    deniedKiosks: changed(known.deniedKiosks, change.addedKiosks, change.removedKiosks),
  };
  if (!equalBytes(yield* denyListHash(list), listHash)) refuse('deny_list_result_differs');
  return { bytes: encodeRecord(bytes, list), ...head, ...list };
}

function changed(
  known: ReadonlySet<string>,
  added: readonly Uint8Array[],
  removed: readonly Uint8Array[],
): ReadonlySet<string> {
  const ids = new Set(known);
  for (const id of removed) ids.delete(toUuid(id));
  for (const id of added) ids.add(toUuid(id));
  if (ids.size > MAX_DENIED) refuse('field_out_of_range');
  return ids;
}

/** A whole bundle, or a delta for who holds `known`: what a cloud that was asked for the difference may send. */
export function* verifyTrustUpdate(
  bytes: Uint8Array,
  rootPublicKey: Uint8Array,
  known: TrustBundle | null,
): Steps<TrustBundle> {
  if (known === null || !isDelta(bytes)) return yield* verifyTrustBundle(bytes, rootPublicKey);
  return yield* applyDenyListDelta(yield* verifyDenyListDelta(bytes, rootPublicKey), known);
}

/** By its purpose alone: the fields are read by the rule of that purpose. */
function isDelta(bytes: Uint8Array): boolean {
  const { payload } = readIssuedObject(bytes, MAX_TRUST_BUNDLE_BYTES);
  const fields = decodeCbor(payload, payload.length);
  return Array.isArray(fields) && fields[0] === PURPOSE.denyListDelta;
}

// What a reader keeps after a delta: the delta, whose signature covers the hash of the list, and the list itself.

function encodeRecord(delta: Uint8Array, list: DenyList): Uint8Array {
  return encodeCbor([delta, joinIds(list.deniedAllowances), joinIds(list.deniedKiosks)]);
}

/** An array of three, where a signed object is an array of four. */
const RECORD_HEAD = 0x83;

/** Reads back what {@link TrustBundle.bytes} said, verified from the root again. */
export function* verifyTrustRecord(bytes: Uint8Array, rootPublicKey: Uint8Array): Steps<TrustBundle> {
  if (bytes[0] !== RECORD_HEAD) return yield* verifyTrustBundle(bytes, rootPublicKey);
  const fields = new FieldReader(decodeCbor(bytes, 2 * MAX_TRUST_BUNDLE_BYTES));
  const deltaBytes = fields.bytesUpTo(MAX_TRUST_BUNDLE_BYTES);
  // The last of the three fields that the head announced.
  const list = { deniedAllowances: splitIds(fields.anyBytes()), deniedKiosks: splitIds(fields.anyBytes()) };
  const delta = yield* verifyDenyListDelta(deltaBytes, rootPublicKey);
  if (!equalBytes(yield* denyListHash(list), delta.listHash)) refuse('deny_list_result_differs');
  const { baseVersion: _base, listHash: _hash, change: _change, ...head } = delta;
  return { ...head, bytes, ...list };
}

function splitIds(joined: Uint8Array): ReadonlySet<string> {
  if (joined.length % 16 !== 0 || joined.length > 16 * MAX_DENIED) refuse('field_out_of_range');
  const ids = new Set<string>();
  for (let at = 0; at < joined.length; at += 16) ids.add(toUuid(joined.subarray(at, at + 16)));
  return ids;
}
