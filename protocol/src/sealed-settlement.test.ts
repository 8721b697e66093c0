/** What is sealed to the cloud opens for the cloud, whole and for its own kiosk, or not at all (page 15). */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generateKeyPair, loadPrivateKey, settlementOpener } from '../adapters/node-crypto.ts';
import { crypto, NOW, ok } from '../test/world.ts';
import { hpkeOpen, hpkeSeal } from './hpke.ts';
import * as protocol from './index.ts';

const hash = new Uint8Array(32).fill(9);

function newCloudKey() {
  const { publicKey, scalar: privateKey } = loadPrivateKey(generateKeyPair().privateKeyPem);
  const keyId = ok(protocol.runSync(protocol.keyIdOf(publicKey), crypto));
  return { publicKey, keyId, privateKey };
}
const cloud = newCloudKey();
const envelope = protocol.encodeSettlementEnvelope(hash, Uint8Array.of(1), [new Uint8Array(300).fill(5)]);
const unreadable = { ok: false, code: 'sealed_message_unreadable' };

/** Both recipients, which must agree. */
async function open(sealed: Uint8Array, held = [cloud]) {
  const here = settlementOpener(held)(sealed);
  expect(await protocol.openSealedSettlement(sealed, held)).toEqual(here);
  return here;
}

describe('a sealed batch', () => {
  it('opens to the envelope that was sealed, for either of two keys, and shows nothing of it', async () => {
    const former = newCloudKey();
    for (const key of [cloud, former]) {
      const sealed = await protocol.sealSettlement(envelope, key);
      expect(protocol.isSealedSettlement(sealed)).toBe(true);
      expect(sealed.length).toBeLessThanOrEqual(envelope.length + 128);
      expect(Buffer.from(sealed).includes(Buffer.alloc(32, 5))).toBe(false);
      expect(await open(sealed, [cloud, former])).toEqual({ ok: true, value: envelope });
    }
    expect(protocol.isSealedSettlement(envelope)).toBe(false);
    expect(protocol.isSealedSettlement(new Uint8Array(0))).toBe(false);
  });

  it('says of a key that is gone which it is about, and of another key under that id nothing', async () => {
    const sealed = await protocol.sealSettlement(envelope, cloud);
    expect(await open(sealed, [newCloudKey()])).toEqual({ ok: false, code: 'sealing_key_unknown' });
    expect(await open(sealed, [])).toEqual({ ok: false, code: 'sealing_key_unknown' });
    expect(await open(sealed, [{ ...newCloudKey(), keyId: cloud.keyId }])).toEqual(unreadable);
  });

  it('with any byte changed, cut or added is refused with a code, and never opens', async () => {
    const sealed = await protocol.sealSettlement(envelope, cloud);
    const change = fc.record({
      at: fc.nat(sealed.length - 1),
      value: fc.integer({ min: 1, max: 255 }),
      how: fc.constantFrom('flip', 'cut', 'insert'),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, value, how }) => {
        const begin = sealed.subarray(0, at);
        const old = sealed[at] ?? 0;
        const altered =
          how === 'flip'
            ? sealed.with(at, old ^ value)
            : how === 'cut'
              ? begin
              : Uint8Array.of(...begin, value, ...sealed.subarray(at));
        const opened = await open(new Uint8Array(altered));
        expect(opened.ok).toBe(false);
        if (!opened.ok) expect(protocol.REFUSAL_CODES).toContain(opened.code);
      }),
      { numRuns: 300 },
    );
    for (let at = 0; at < sealed.length; at += 1) {
      const altered = sealed.with(at, (sealed[at] ?? 0) ^ 1);
      expect(settlementOpener([cloud])(new Uint8Array(altered)).ok).toBe(false);
    }
  });

  it('never throws on bytes from outside', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (noise) => {
        expect((await open(noise)).ok).toBe(false);
        const message = { keyId: cloud.keyId, kioskCertificateHash: hash, sealed: noise };
        if (noise.length > 0)
          expect(await open(protocol.encodeSealedSettlement(message))).toEqual(unreadable);
      }),
      { numRuns: 60 },
    );
  });

  it('takes what leaves room for its seal, to the byte, and nothing else', async () => {
    const most = protocol.MAX_BATCH_BYTES - 128;
    const full = new Uint8Array(randomBytes(most));
    full.set(envelope.subarray(0, 36));
    const sealed = await protocol.sealSettlement(full, cloud);
    expect(sealed.length).toBe(protocol.MAX_BATCH_BYTES);
    expect(await open(sealed)).toEqual({ ok: true, value: full });
    const more = new Uint8Array(most + 1);
    more.set(full);
    await expect(protocol.sealSettlement(more, cloud)).rejects.toThrow(RangeError);
    await expect(protocol.sealSettlement(Uint8Array.of(1, 2, 3), cloud)).rejects.toThrow(TypeError);
    await expect(protocol.sealSettlement(envelope.subarray(0, 36), cloud)).rejects.toThrow(TypeError);
  });
});

it('HPKE under a published ephemeral key is the same bytes again, as the vectors need it, and never otherwise', async () => {
  const to = { publicKey: cloud.publicKey, info: Uint8Array.of(1) };
  const ephemeral = new Uint8Array(32).fill(3);
  const [one, again, other, fresh] = await Promise.all([
    hpkeSeal(envelope, { ...to, ephemeral }),
    hpkeSeal(envelope, { ...to, ephemeral }),
    hpkeSeal(envelope, { ...to, ephemeral: ephemeral.with(0, 4) }),
    hpkeSeal(envelope, to),
  ]);
  expect(again).toEqual(one);
  expect(other).not.toEqual(one);
  expect(fresh).not.toEqual(one);
  for (const sealed of [one, other, fresh])
    expect(await hpkeOpen(sealed, { ...to, privateKey: cloud.privateKey })).toEqual(envelope);
});

describe("the cloud's key", () => {
  it.each([
    ['before any later word', 100, 0, 200, false],
    ['a second before a later word comes to its end', 100, 199, 200, false],
    ['when a later word comes to its end', 100, 200, 200, true],
    ['after it', 100, 4_000_000_000, 200, true],
    ['of one second, at once', 100, 100, 101, true],
    ['of two seconds, with no later word', 100, 100, 102, false],
  ])(
    '%s: signed at %i, later word at %i, until %i, has ended is %s',
    (_, issuedAt, signed, notAfter, ended) => {
      expect(protocol.sealingKeyHasEnded({ issuedAt, notAfter }, signed)).toBe(ended);
    },
  );

  it('is read again from where it was stored as it was verified', () => {
    const issuer = loadPrivateKey(generateKeyPair().privateKeyPem);
    const draft = { publicKey: cloud.publicKey, generation: 3, issuedAt: NOW, notAfter: NOW + 60 };
    const issuerKeyId = ok(protocol.runSync(protocol.keyIdOf(issuer.publicKey), crypto));
    const signing = protocol.signCloudSealingKey(draft, issuerKeyId);
    const bytes = ok(protocol.runSync(signing, crypto, issuer.sign));
    const stored = ok(protocol.runSync(protocol.readStoredCloudSealingKey(bytes), crypto));
    expect(stored).toEqual({ ...draft, keyId: cloud.keyId, bytes });
    const issuers = [
      {
        bytes,
        publicKey: issuer.publicKey,
        keyId: issuerKeyId,
        generation: 1,
        uses: protocol.EVERY_ISSUER_USE,
        notBefore: NOW,
        notAfter: NOW + 60,
      },
    ];
    const { signer } = ok(protocol.runSync(protocol.verifyCloudSealingKey(bytes, issuers), crypto));
    expect(signer.keyId).toEqual(issuerKeyId);
    const cut = protocol.runSync(protocol.readStoredCloudSealingKey(bytes.subarray(1)), crypto);
    expect(cut).toEqual({ ok: false, code: 'message_malformed' });
  });
});
