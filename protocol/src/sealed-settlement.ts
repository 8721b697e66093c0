/**
 * A settlement batch that only the cloud reads, whoever carries it: its envelope, sealed to the cloud's key. Sealing hides and proves
 * nothing: who signed the batch is asked after it was opened, as of any other.
 */
import { equalBytes } from './bytes.ts';
import { decodeCborAsViews, encodeCbor, FieldReader } from './cbor.ts';
import { attempt, refuse, type Result } from './errors.ts';
import { hpkeOpen, hpkeSeal, type HpkeBinding } from './hpke.ts';
import { MAX_BATCH_BYTES } from './limits.ts';
import { PURPOSE } from './purposes.ts';

const KEY_ID_BYTES = 4;
const HASH_BYTES = 32;
/** Heads of an array of four and of the one-byte number behind it. */
const BEGINS_AS_SEALED = Uint8Array.of(0x84, 0x18, PURPOSE.sealedSettlement);
const BEGINS_AS_ENVELOPE = Uint8Array.of(0x84, PURPOSE.settlementEnvelope, 0x58, HASH_BYTES);

export interface SealedSettlement {
  /** Of the key that it is sealed to. */
  readonly keyId: Uint8Array;
  readonly kioskCertificateHash: Uint8Array;
  /** Encapsulated key, ciphertext and tag. */
  readonly sealed: Uint8Array;
}

/** Tells the two forms apart in which a batch may come; proves nothing. */
export function isSealedSettlement(bytes: Uint8Array): boolean {
  return equalBytes(bytes.subarray(0, BEGINS_AS_SEALED.length), BEGINS_AS_SEALED);
}

/** What it holds are views of `bytes`. @throws Refusal */
export function decodeSealedSettlement(bytes: Uint8Array): SealedSettlement {
  const fields = new FieldReader(decodeCborAsViews(bytes, MAX_BATCH_BYTES));
  fields.purpose(PURPOSE.sealedSettlement);
  const keyId = fields.bytes(KEY_ID_BYTES);
  const kioskCertificateHash = fields.bytes(HASH_BYTES);
  const sealed = fields.bytesUpTo(MAX_BATCH_BYTES);
  fields.end();
  return { keyId, kioskCertificateHash, sealed };
}

/** Purpose, and as associated data all that stands in clear: what is bound cannot be exchanged for another kiosk's or key's. */
export function settlementBinding(head: Omit<SealedSettlement, 'sealed'>): Required<HpkeBinding> {
  return {
    info: encodeCbor(['tiki-settlement']),
    aad: encodeCbor([PURPOSE.sealedSettlement, head.keyId, head.kioskCertificateHash]),
  };
}

/**
 * Seals an envelope as `encodeSettlementEnvelope` wrote it. Never the same bytes twice: what makes a repeat a repeat is inside.
 * @throws TypeError for anything that is no envelope, RangeError for one that leaves no room for its seal
 */
export async function sealSettlement(
  envelope: Uint8Array,
  key: { readonly publicKey: Uint8Array; readonly keyId: Uint8Array },
): Promise<Uint8Array> {
  const kioskCertificateHash = certificateHashIn(envelope);
  if (kioskCertificateHash === null) throw new TypeError('no settlement envelope');
  const head = { keyId: key.keyId, kioskCertificateHash };
  const sealed = await hpkeSeal(envelope, { publicKey: key.publicKey, ...settlementBinding(head) });
  const bytes = encodeSealedSettlement({ ...head, sealed });
  if (bytes.length > MAX_BATCH_BYTES) throw new RangeError('the batch leaves no room for its seal');
  return bytes;
}

export function encodeSealedSettlement({
  keyId,
  kioskCertificateHash,
  sealed,
}: SealedSettlement): Uint8Array {
  return encodeCbor([PURPOSE.sealedSettlement, keyId, kioskCertificateHash, sealed]);
}

/** One of the cloud's keys, as the recipient has it. */
export interface HeldSealingKey {
  readonly keyId: Uint8Array;
  /** The raw 32-byte scalar. */
  readonly privateKey: Uint8Array;
}

/** The cloud's side, on WebCrypto. The envelope comes out as it was; what it says is verified like one that came unsealed. */
export async function openSealedSettlement(
  bytes: Uint8Array,
  held: readonly HeldSealingKey[],
): Promise<Result<Uint8Array>> {
  const named = attempt(() => selectSealingKey(decodeSealedSettlement(bytes), held));
  if (!named.ok) return named;
  const { key, message } = named.value;
  const binding = settlementBinding(message);
  return requireEnvelope(await hpkeOpen(message.sealed, { privateKey: key.privateKey, ...binding }), message);
}

/** @throws Refusal `sealing_key_unknown` */
export function selectSealingKey<K extends Pick<HeldSealingKey, 'keyId'>>(
  message: SealedSettlement,
  held: readonly K[],
): { readonly key: K; readonly message: SealedSettlement } {
  const key = held.find(({ keyId }) => equalBytes(keyId, message.keyId));
  return key === undefined ? refuse('sealing_key_unknown') : { key, message };
}

/** What was opened must be a batch's envelope under the certificate that stands outside. @param opened null: it did not open */
export function requireEnvelope(
  opened: Uint8Array | null,
  { kioskCertificateHash }: Pick<SealedSettlement, 'kioskCertificateHash'>,
): Result<Uint8Array> {
  const inside = opened === null ? null : certificateHashIn(opened);
  return opened === null || inside === null || !equalBytes(inside, kioskCertificateHash)
    ? { ok: false, code: 'sealed_message_unreadable' }
    : { ok: true, value: opened };
}

/** Of an envelope, without reading on: there is one way to write its first two fields. Null where they are others. */
function certificateHashIn(envelope: Uint8Array): Uint8Array | null {
  const begin = BEGINS_AS_ENVELOPE.length;
  const isOne =
    envelope.length > begin + HASH_BYTES && equalBytes(envelope.subarray(0, begin), BEGINS_AS_ENVELOPE);
  return isOne ? envelope.subarray(begin, begin + HASH_BYTES) : null;
}
