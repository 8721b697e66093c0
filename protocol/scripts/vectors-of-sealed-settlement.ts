/** Vectors of what is sealed to the cloud: its key as a kiosk takes it, and batches that open or stay closed (page 15). */
import { createHash } from 'node:crypto';
import { encodeCbor, type CborValue } from '../src/cbor.ts';
import { hpkeSeal } from '../src/hpke.ts';
import * as protocol from '../src/index.ts';
import { FIELD_NAMES } from './diagnostic.ts';
import { assemble, everyItemChanged, fieldsOf, itemsOf, malleated, partsOf, resigned } from './tamper.ts';
import { byteStringOf, everyFieldChanged, given, invalid, valid, type DraftFile } from './vector-drafts.ts';
import { NOW, type Actor, type VectorWorld } from './vector-world.ts';
import { makeBatch } from './vectors-of-settlement.ts';

type Input = Readonly<Record<string, unknown>>;
const FOURTEEN_DAYS = 1_209_600;

export async function sealedSettlementVectors(world: VectorWorld): Promise<DraftFile> {
  const keys = keyVectors(world);
  const batches = await batchVectors(world);
  return {
    description: "The cloud's sealing key, as a kiosk takes it, and batches that are sealed to it.",
    page: '15-sealing-to-the-cloud.md',
    context: given({
      rootPublicKey: world.root.publicKey,
      trustBundle: world.trustBundle,
      sealingKeyInForce: null,
      nowSeconds: NOW + 60,
      heldKeys: [heldOf(world, world.cloudSealing), heldOf(world, world.nextCloudSealing)],
    }),
    valid: [...keys.valid, ...batches.valid],
    invalid: [...keys.invalid, ...batches.invalid],
  };
}

const idOf = (world: VectorWorld, key: Actor) => world.run(protocol.keyIdOf(key.publicKey), key);
const heldOf = (world: VectorWorld, key: Actor) => ({ keyId: idOf(world, key), privateKey: key.scalar });

function keyVectors(world: VectorWorld) {
  const { issuer, nextIssuer, signBundle } = world;
  const draft = {
    publicKey: world.cloudSealing.publicKey,
    generation: 29_666_667,
    issuedAt: NOW + 30,
    notAfter: NOW + 30 + FOURTEEN_DAYS,
  };
  const sign = (by: Actor, changes: Partial<protocol.CloudSealingKeyDraft> = {}) =>
    world.run(protocol.signCloudSealingKey({ ...draft, ...changes }, idOf(world, by)), by);
  const key = sign(issuer);
  const take = (sealingKey: Uint8Array, more: Input = {}) => ({ sealingKey, ...more });
  const known = (generation: number, issuedAt: number, signerGeneration = 1) => ({
    sealingKeyInForce: { generation, issuedAt, signerGeneration },
  });
  const good = (name: string, input: Input, shown?: Uint8Array) =>
    valid(`key: ${name}`, 'takeSealingKey', input, shown);
  const bad = (name: string, code: protocol.RefusalCode, input: Input) =>
    invalid(`key: ${name}`, 'takeSealingKey', code, input);
  const again = (index: number, value: CborValue) =>
    take(resigned(key, fieldsOf(key).with(index, value), issuer));
  const { generation, issuedAt } = draft;
  const next = { publicKey: world.nextCloudSealing.publicKey, generation: generation + 1 };
  const certificatesOnly = signBundle({
    issuerCertificates: [
      world.certifyIssuer({
        publicKey: issuer.publicKey,
        generation: 1,
        uses: protocol.EVERY_ISSUER_USE,
        notBefore: NOW - 2_592_000,
        notAfter: NOW + 1,
      }),
      world.certifyIssuer({
        publicKey: issuer.publicKey,
        generation: 1,
        uses: protocol.ISSUER_USE.certificates,
        notBefore: NOW + 2,
        notAfter: NOW + 50_000_000,
      }),
    ],
    issuedAt: NOW,
  });
  return {
    valid: [
      good('of the cloud', take(key), key),
      good('the same again', take(key, known(generation, issuedAt))),
      good('the same key, signed later', take(key, known(generation, issuedAt - 600))),
      good('the next generation', take(sign(issuer, next), known(generation, issuedAt + 600))),
      good('by a newer issuer, whatever its generation', take(sign(nextIssuer), known(90_000_000, issuedAt))),
      good('for thirty days', take(sign(issuer, { notAfter: issuedAt + protocol.MAX_SEALING_KEY_SECONDS }))),
      good('over at once', take(sign(issuer, { notAfter: issuedAt + 1 }), known(generation, issuedAt - 600))),
      good('with a malleated signature', take(malleated(key))),
    ],
    invalid: [
      ...everyFieldChanged(key, FIELD_NAMES.get(28) ?? [], (name, bytes, index) =>
        bad(
          name,
          // The last bit of this point's x changed gives no point, or another one under the old signature.
          index === 0 ? 'object_has_wrong_purpose' : codeOfChanged(name, bytes),
          take(bytes),
        ),
      ),
      bad('a byte above its bound', 'message_too_large', take(byteStringOf(protocol.MAX_OBJECT_BYTES + 1))),
      bad('a point that is none', 'field_out_of_range', again(1, pointThatIsNone())),
      bad('a point of 32 bytes', 'field_out_of_range', again(1, key.slice(0, 32))),
      bad('generation zero', 'field_out_of_range', again(2, 0)),
      bad('generation 2^31', 'field_out_of_range', again(2, 2_147_483_648)),
      bad('a time after 2106', 'field_out_of_range', again(3, 4_294_967_296)),
      bad('for no time', 'field_out_of_range', again(4, 0)),
      bad('for a second more than thirty days', 'field_out_of_range', again(4, 2_592_001)),
      bad('a field too few', 'message_malformed', take(resigned(key, fieldsOf(key).slice(0, -1), issuer))),
      bad('a field too many', 'message_malformed', take(resigned(key, [...fieldsOf(key), 0], issuer))),
      bad('a trust bundle', 'object_has_wrong_purpose', take(world.trustBundle)),
      bad(
        'without a key id',
        'issuer_unknown',
        take(assemble({ ...partsOf(key), protectedHeader: Uint8Array.of(0xa1, 1, 0x26) })),
      ),
      bad('signed by the kiosk', 'issuer_unknown', take(sign(world.kioskKey))),
      bad(
        "signed by another key under the issuer's key id",
        'certificate_signature_invalid',
        take(
          resigned(key, fieldsOf(key), {
            ...world.stranger,
            protectedHeader: partsOf(key).protectedHeader,
          }),
        ),
      ),
      bad(
        "signed before its issuer's time",
        'issuer_unknown',
        take(sign(issuer, { issuedAt: NOW - 2_592_301, notAfter: NOW - 1_000 })),
      ),
      bad('signed by a key for certificates only', 'issuer_key_not_for_this_use', {
        ...take(key),
        trustBundle: certificatesOnly,
      }),
      bad('after the time of the key that signed', 'certificate_expired', {
        ...take(key),
        nowSeconds: NOW + 40_000_000,
      }),
      bad('by a key that a newer generation replaced', 'issuer_key_superseded', {
        ...take(key),
        trustBundle: world.signBundleAs(nextIssuer, { version: 8 }),
      }),
      bad('by a revoked generation', 'issuer_key_revoked', {
        ...take(key),
        trustBundle: signBundle({ revokedIssuers: [{ generation: 1, honouredUntil: NOW + 60 }] }),
      }),
      bad('of a lower generation', 'sealing_key_older_than_known', take(key, known(generation + 1, 0))),
      bad('signed earlier', 'sealing_key_older_than_known', take(key, known(generation, issuedAt + 1))),
      bad(
        'by an older issuer',
        'sealing_key_older_than_known',
        take(key, known(generation - 1, issuedAt, 2)),
      ),
    ],
  };
}

function codeOfChanged(name: string, bytes: Uint8Array): protocol.RefusalCode {
  const point = fieldsOf(bytes)[1];
  const isPoint = point instanceof Uint8Array && protocol.attempt(() => protocol.decompressPoint(point)).ok;
  return name === 'public-key changed' && !isPoint ? 'field_out_of_range' : 'certificate_signature_invalid';
}

/** Of the least x that has no y on this curve. */
function pointThatIsNone(): Uint8Array {
  for (let x = 1; ; x += 1) {
    const point = Uint8Array.of(2, ...new Uint8Array(31), x);
    if (!protocol.attempt(() => protocol.decompressPoint(point)).ok) return point;
  }
}

async function batchVectors(world: VectorWorld) {
  const { nextCloudSealing, kiosk } = world;
  const { envelope } = makeBatch(world);
  const [, certificateHash, head] = itemsOf(envelope);
  if (!(certificateHash instanceof Uint8Array) || !(head instanceof Uint8Array))
    throw new TypeError('a batch');
  const open = (sealedSettlement: Uint8Array) => ({ sealedSettlement });
  const seal = async (name: string, plaintext: Uint8Array, given: Partial<Sealed> = {}) =>
    open(await sealAs(world, name, { plaintext, ...given }));
  const good = (name: string, input: Input, shown?: Uint8Array) =>
    valid(`batch: ${name}`, 'openSealedSettlement', input, shown);
  const bad = (name: string, code: protocol.RefusalCode, input: Input) =>
    invalid(`batch: ${name}`, 'openSealedSettlement', code, input);
  const unreadable = async (name: string, plaintext: Uint8Array, given: Partial<Sealed> = {}) =>
    bad(name, 'sealed_message_unreadable', await seal(name, plaintext, given));
  const whole = await sealAs(world, 'a batch of three entries', { plaintext: envelope });
  const items = itemsOf(whole);
  const [, keyId, , sealed] = items;
  if (!(sealed instanceof Uint8Array) || !(keyId instanceof Uint8Array))
    throw new TypeError('a sealed batch');
  const withItem = (index: number, value: CborValue) => open(encodeCbor(items.with(index, value)));
  const anotherHash = new Uint8Array(32).fill(0x77);
  const noEnvelope = new TextEncoder().encode('nothing of this kind');
  return {
    valid: [
      good('of three entries', open(whole), whole),
      good('to the other key of two', await seal('other key', envelope, { to: nextCloudSealing })),
      good('of no entries', await seal('heartbeat', protocol.encodeSettlementEnvelope(kiosk.hash, head, []))),
    ],
    invalid: [
      ...everyItemChanged(whole, FIELD_NAMES.get(29) ?? []).map(({ name, bytes }) =>
        bad(`${name} changed`, CODE_OF_CHANGED[name] ?? 'sealed_message_unreadable', open(bytes)),
      ),
      bad('the first byte of the encapsulated key changed', 'sealed_message_unreadable', {
        ...withItem(3, sealed.with(0, 2)),
      }),
      bad('the encapsulated key no point', 'sealed_message_unreadable', {
        ...withItem(3, sealed.with(64, (sealed[64] ?? 0) ^ 1)),
      }),
      bad('the ciphertext changed', 'sealed_message_unreadable', {
        ...withItem(3, sealed.with(65, (sealed[65] ?? 0) ^ 1)),
      }),
      bad('cut by a byte', 'sealed_message_unreadable', withItem(3, sealed.slice(0, -1))),
      bad('a byte longer', 'sealed_message_unreadable', withItem(3, Uint8Array.of(...sealed, 0))),
      bad('no room for a seal', 'sealed_message_unreadable', withItem(3, sealed.slice(0, 80))),
      bad('only a seal', 'sealed_message_unreadable', withItem(3, sealed.slice(0, 81))),
      bad('nothing sealed', 'field_out_of_range', withItem(3, new Uint8Array(0))),
      bad(
        'to a key that nobody has',
        'sealing_key_unknown',
        await seal('lost', envelope, { to: world.stranger }),
      ),
      await unreadable('to another key under this id', envelope, {
        to: world.stranger,
        keyId,
      }),
      await unreadable('for another purpose', envelope, { info: ['tiki-delivery', kiosk.hash] }),
      await unreadable('without purpose', envelope, { info: null }),
      await unreadable('without associated data', envelope, { aad: null }),
      await unreadable('bound to another kiosk', envelope, { aad: [29, keyId, anotherHash] }),
      await unreadable('bound to another key id', envelope, {
        aad: [29, Uint8Array.of(1, 2, 3, 4), kiosk.hash],
      }),
      await unreadable('with another certificate outside than inside', envelope, { outside: anotherHash }),
      await unreadable('what is inside is no envelope', noEnvelope),
      await unreadable('nothing is inside', new Uint8Array(0)),
      await unreadable('a sealed batch is inside', whole),
      await unreadable('a signed batch without its envelope is inside', head),
      bad('a key id of three bytes', 'field_out_of_range', withItem(1, keyId.slice(0, 3))),
      bad('a certificate hash of 31 bytes', 'field_out_of_range', withItem(2, kiosk.hash.slice(0, 31))),
      bad('a text where the seal should be', 'message_malformed', withItem(3, 'sealed')),
      bad('a field too few', 'message_malformed', open(encodeCbor(items.slice(0, 3)))),
      bad('a field too many', 'message_malformed', open(encodeCbor([...items, 0]))),
      bad('no array', 'message_malformed', open(encodeCbor(sealed))),
      bad('an unsealed batch', 'object_has_wrong_purpose', open(envelope)),
      bad('a byte behind it', 'message_malformed', open(Uint8Array.of(...whole, 0))),
      bad('a purpose in a byte more than it needs', 'message_malformed', {
        sealedSettlement: Uint8Array.of(0x84, 0x19, 0, 29, ...whole.subarray(3)),
      }),
      bad('a byte above its bound', 'message_too_large', open(byteStringOf(protocol.MAX_BATCH_BYTES + 1))),
    ],
  };
}

const CODE_OF_CHANGED: Readonly<Record<string, protocol.RefusalCode>> = {
  purpose: 'object_has_wrong_purpose',
  'key-id': 'sealing_key_unknown',
};

interface Sealed {
  readonly plaintext: Uint8Array;
  readonly to: Actor;
  readonly keyId: Uint8Array;
  /** The certificate's hash that stands in clear. */
  readonly outside: Uint8Array;
  /** Null: empty, where a value belongs. */
  readonly info: CborValue;
  readonly aad: CborValue;
}

/** By hand, so that each part can be wrong. The ephemeral key is made of a published name: a run without a change leaves no diff. */
async function sealAs(
  world: VectorWorld,
  name: string,
  given: Partial<Sealed> & Pick<Sealed, 'plaintext'>,
): Promise<Uint8Array> {
  const { to = world.cloudSealing, outside = world.kiosk.hash } = given;
  const keyId = given.keyId ?? idOf(world, to);
  const right = protocol.settlementBinding({ keyId, kioskCertificateHash: outside });
  const bytesOf = (value: CborValue | undefined, otherwise: Uint8Array) =>
    value === undefined ? otherwise : value === null ? new Uint8Array(0) : encodeCbor(value);
  const sealed = await hpkeSeal(given.plaintext, {
    publicKey: to.publicKey,
    info: bytesOf(given.info, right.info),
    aad: bytesOf(given.aad, right.aad),
    ephemeral: createHash('sha256').update(`tikiwallet vector ephemeral: ${name}`).digest(),
  });
  return protocol.encodeSealedSettlement({ keyId, kioskCertificateHash: outside, sealed });
}
