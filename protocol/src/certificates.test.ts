/** Certificates: each reason to refuse one has its own code (R27), and every field is under the signature. */
import { describe, expect, it } from 'vitest';
import { changed, fieldsOf, malleated, partsOf, resigned, withFields } from '../scripts/tamper.ts';
import { crypto, id, makeWorld, newKey, NOW, ok } from '../test/world.ts';
import { fromHex } from './bytes.ts';
import type { CborValue } from './cbor.ts';
import {
  attempt,
  checkIssuerNotRevoked,
  checkKioskStanding,
  checkValidity,
  CLOCK_TOLERANCE_SECONDS,
  keyIdOf,
  MAX_AMOUNT_MINOR,
  MAX_VALIDITY_SECONDS,
  runSync,
  EVERY_ISSUER_USE,
  ISSUER_USE,
  signIssuerCertificate,
  verifyAllowanceCertificate,
  verifyIssuerCertificate,
  verifyKioskCertificate,
  type IssuerCertificate,
  type Result,
  toUuid,
} from './index.ts';

const world = makeWorld();
const { issuers } = world.trust;
const refused = (code: string) => ({ ok: false, code });
const allowance = (bytes: Uint8Array, by = issuers) => runSync(verifyAllowanceCertificate(bytes, by), crypto);
const kiosk = (bytes: Uint8Array, by = issuers) => runSync(verifyKioskCertificate(bytes, by), crypto);
/** The certificate with one field replaced, signed again by the genuine issuer. */
const reissued = (bytes: Uint8Array, index: number, value: CborValue) =>
  resigned(bytes, fieldsOf(bytes).with(index, value), world.issuer);

function issuerCertificate(
  changes: { notBefore?: number; notAfter?: number; uses?: number; by?: typeof world.root } = {},
): Uint8Array {
  const dates = { notBefore: changes.notBefore ?? NOW, notAfter: changes.notAfter ?? NOW + 100 };
  const uses = changes.uses ?? EVERY_ISSUER_USE;
  const draft = { publicKey: world.issuer.publicKey, generation: 2, uses, ...dates };
  return ok(runSync(signIssuerCertificate(draft), crypto, (changes.by ?? world.root).sign));
}

describe('an issuer certificate', () => {
  const verify = (bytes: Uint8Array) => runSync(verifyIssuerCertificate(bytes, world.root.publicKey), crypto);

  it('is read as it was signed', () => {
    const bytes = issuerCertificate();
    expect(ok(verify(bytes))).toEqual({
      bytes,
      publicKey: world.issuer.publicKey,
      generation: 2,
      uses: EVERY_ISSUER_USE,
      notBefore: NOW,
      notAfter: NOW + 100,
      keyId: ok(runSync(keyIdOf(world.issuer.publicKey), crypto)),
    });
  });

  it('of another root is refused', () => {
    expect(verify(issuerCertificate({ by: newKey() }))).toEqual(refused('certificate_signature_invalid'));
  });

  it('is refused with any field changed', () => {
    const bytes = issuerCertificate({ uses: ISSUER_USE.certificates });
    fieldsOf(bytes).forEach((value, index, fields) => {
      const code = index === 0 ? 'object_has_wrong_purpose' : 'certificate_signature_invalid';
      expect(verify(withFields(bytes, fields.with(index, changed(value))))).toEqual(refused(code));
    });
  });

  it('has a generation and at least one use that is known', () => {
    const bytes = issuerCertificate();
    const again = (index: number, value: number) =>
      resigned(bytes, fieldsOf(bytes).with(index, value), world.root);
    for (const [index, value] of [
      [2, 0],
      [3, 0],
      [3, EVERY_ISSUER_USE + 1],
    ] as const) {
      expect(verify(again(index, value))).toEqual(refused('field_out_of_range'));
    }
  });

  it('lives at least a second and at most ten years', () => {
    for (const validity of [0, MAX_VALIDITY_SECONDS + 1]) {
      expect(verify(issuerCertificate({ notAfter: NOW + validity }))).toEqual(refused('field_out_of_range'));
    }
    expect(verify(issuerCertificate({ notAfter: NOW + MAX_VALIDITY_SECONDS })).ok).toBe(true);
  });
});

describe.each([
  ['allowance', world.allowance.bytes, allowance],
  ['kiosk', world.kiosk.bytes, kiosk],
] as const)('an %s certificate', (_name, bytes, verifyOne) => {
  const verify: (
    bytes: Uint8Array,
    by?: readonly IssuerCertificate[],
  ) => Result<{ readonly hash: Uint8Array }> = verifyOne;

  it('is refused with any field changed', () => {
    fieldsOf(bytes).forEach((value, index, fields) => {
      const answer = verify(withFields(bytes, fields.with(index, changed(value))));
      const code = index === 0 ? 'object_has_wrong_purpose' : 'certificate_signature_invalid';
      expect([code, 'field_out_of_range', 'message_malformed']).toContain(
        answer.ok ? 'accepted' : answer.code,
      );
    });
  });

  it('is refused with a field too many or too few, however well signed', () => {
    const fields = fieldsOf(bytes);
    expect(verify(resigned(bytes, [...fields, 0], world.issuer))).toEqual(refused('message_malformed'));
    expect(verify(resigned(bytes, fields.slice(0, -1), world.issuer))).toEqual(refused('message_malformed'));
  });

  it('of an issuer that nobody knows is refused (R27)', () => {
    expect(verify(bytes, [])).toEqual(refused('issuer_unknown'));
    const stranger = makeWorld();
    expect(verify(bytes, stranger.trust.issuers)).toEqual(refused('issuer_unknown'));
  });

  it('without a key id is refused: nobody is asked to guess the issuer', () => {
    const plain = resigned(bytes, fieldsOf(bytes), { ...world.issuer, protectedHeader: fromHex('a10126') });
    expect(verify(plain)).toEqual(refused('issuer_unknown'));
  });

  it("signed by another key under the issuer's key id is refused (R27)", () => {
    const protectedHeader = partsOf(bytes).protectedHeader;
    const forged = resigned(bytes, fieldsOf(bytes), { ...newKey(), protectedHeader });
    expect(verify(forged)).toEqual(refused('certificate_signature_invalid'));
  });

  it("signed before or after its issuer's own time is refused", () => {
    const [genuine] = issuers;
    if (genuine === undefined) throw new TypeError('the world has an issuer');
    const issuerOf = (dates: Partial<IssuerCertificate>) => [{ ...genuine, ...dates }];
    expect(verify(bytes, issuerOf({ notAfter: NOW }))).toEqual(refused('issuer_unknown'));
    expect(verify(bytes, issuerOf({ notAfter: NOW + 1 })).ok).toBe(true);
    const late = NOW + CLOCK_TOLERANCE_SECONDS;
    expect(verify(bytes, issuerOf({ notBefore: late + 1 }))).toEqual(refused('issuer_unknown'));
    expect(verify(bytes, issuerOf({ notBefore: late })).ok).toBe(true);
  });

  it('by a key that may sign other things only is refused (R27)', () => {
    const mayNot = issuers.map((issuer) => ({
      ...issuer,
      uses: ISSUER_USE.trustBundles | ISSUER_USE.acknowledgements,
    }));
    expect(verify(bytes, mayNot)).toEqual(refused('issuer_key_not_for_this_use'));
    expect(
      verify(
        bytes,
        issuers.map((issuer) => ({ ...issuer, uses: ISSUER_USE.certificates })),
      ).ok,
    ).toBe(true);
  });

  it('stays good when its issuer key is certified again', () => {
    const renewed = issuers.map((issuer) => ({ ...issuer, notBefore: NOW + 10_000, notAfter: NOW + 90_000 }));
    expect(verify(bytes, [...renewed, ...issuers]).ok).toBe(true);
  });

  it('of the older of two generations stays good until its own end', () => {
    const young = ok(runSync(verifyIssuerCertificate(issuerCertificate(), world.root.publicKey), crypto));
    expect(verify(bytes, [{ ...young, keyId: id(9).subarray(0, 4) }, ...issuers]).ok).toBe(true);
  });

  it('keeps its identity when its signature is malleated (R23)', () => {
    expect(ok(verify(malleated(bytes))).hash).toEqual(ok(verify(bytes)).hash);
  });
});

describe('a revoked generation', () => {
  const { bytes } = world.kiosk;
  const [genuine] = issuers;
  if (genuine === undefined) throw new TypeError('the world has an issuer');
  const ask = (
    generations: readonly number[],
    known: readonly IssuerCertificate[] = issuers,
    at = NOW + 5,
  ) => {
    const revokedIssuers = generations.map((generation) => ({ generation, honouredUntil: NOW + 5 }));
    return attempt(() => checkIssuerNotRevoked(bytes, { issuers: known, revokedIssuers }, at));
  };
  const own = genuine.generation;

  it('certifies nothing from its moment on, and everything until then', () => {
    expect(ask([own], issuers, NOW + 4).ok).toBe(true);
    expect(ask([own])).toEqual(refused('issuer_key_revoked'));
    expect(ask([own + 1]).ok).toBe(true);
    expect(ask([own + 1, own, own + 2])).toEqual(refused('issuer_key_revoked'));
  });

  it('is found behind any certificate of its key', () => {
    const renewed = [{ ...genuine, generation: own + 7 }, genuine];
    for (const known of [renewed, renewed.toReversed()])
      for (const generation of [own, own + 7])
        expect(ask([generation], known)).toEqual(refused('issuer_key_revoked'));
  });

  it('cannot be asked for where the bundle has no certificate of the key: nothing of it is accepted', () => {
    const other = { ...genuine, keyId: id(9).subarray(0, 4) };
    for (const generations of [[], [own], [own + 1]])
      for (const known of [[], [other]]) expect(ask(generations, known)).toEqual(refused('issuer_unknown'));
    expect(
      attempt(() => checkIssuerNotRevoked({ keyId: null }, { issuers, revokedIssuers: [] }, NOW)),
    ).toEqual(refused('issuer_unknown'));
  });
});

describe('a kiosk that asks for money', () => {
  const denied = { ...world.trust, deniedKiosks: new Set([world.kiosk.kioskId]) };
  const [genuine] = issuers;
  const revoked = {
    ...world.trust,
    revokedIssuers: [{ generation: genuine?.generation ?? 0, honouredUntil: NOW }],
  };
  const ask = (trust: typeof world.trust, at = NOW) =>
    attempt(() => checkKioskStanding(world.kiosk, trust, at));

  it('is asked for its dates, its issuer and the deny list, in this order', () => {
    expect(ask(world.trust).ok).toBe(true);
    expect(ask(denied)).toEqual(refused('kiosk_denied'));
    expect(ask({ ...denied, ...revoked, deniedKiosks: denied.deniedKiosks })).toEqual(
      refused('issuer_key_revoked'),
    );
    expect(ask(revoked, world.kiosk.notAfter)).toEqual(refused('certificate_expired'));
    expect(ask({ ...world.trust, deniedKiosks: new Set([toUuid(id(1))]) }).ok).toBe(true);
  });
});

describe('an allowance certificate', () => {
  it.each([
    ['an id of 15 bytes', 1, new Uint8Array(15), 'field_out_of_range'],
    ['an id of 17 bytes', 1, new Uint8Array(17), 'field_out_of_range'],
    ['an uncompressed key', 2, new Uint8Array(65), 'field_out_of_range'],
    ['a currency in lower case', 3, 'sgd', 'field_out_of_range'],
    ['a cap of zero', 4, 0, 'field_out_of_range'],
    ['a cap beyond every amount', 4, MAX_AMOUNT_MINOR + 1n, 'field_out_of_range'],
    ['a cap beyond 2^53', 4, 2n ** 53n, 'field_out_of_range'],
    ['a payment limit of zero', 5, 0, 'field_out_of_range'],
    ['a first counter of zero', 6, 0, 'field_out_of_range'],
    ['a counter limit of zero', 8, 0, 'field_out_of_range'],
    ['a time as text', 9, '2026-01-01', 'message_malformed'],
    ['no validity', 10, 0, 'field_out_of_range'],
    ['more than ten years', 10, MAX_VALIDITY_SECONDS + 1, 'field_out_of_range'],
    ['a phone of 17 bytes', 13, '+12345678901234567', 'field_out_of_range'],
    ['a commitment of 32 bytes', 14, new Uint8Array(32), 'field_out_of_range'],
    ['a payee lock that is an id', 15, id(0x11), 'message_malformed'],
    ['a payee lock of 15 bytes', 15, [new Uint8Array(15), null], 'field_out_of_range'],
    ['a payee lock on no merchant', 15, [null, id(0x22)], 'message_malformed'],
    ['a payee lock of one id', 15, [id(0x11)], 'message_malformed'],
    ['a payee lock of three ids', 15, [id(0x11), id(0x22), id(0x23)], 'message_malformed'],
    ['a payee lock of text', 15, 'shop', 'message_malformed'],
  ])('with %s is refused though the issuer signed', (_what, index, value, code) => {
    expect(allowance(reissued(world.allowance.bytes, index, value))).toEqual(refused(code));
  });

  it.each([
    ['the one shop', null],
    ['the one kiosk', toUuid(id(0x22))],
  ])('names %s of a payee lock', (_what, kioskId) => {
    const payeeLock = { merchantId: toUuid(id(0x11)), kioskId };
    expect(makeWorld({ payeeLock }).allowance.payeeLock).toEqual(payeeLock);
  });
});

describe('a kiosk certificate', () => {
  it.each([
    ['a name of 97 bytes', 2, 'x'.repeat(97), 'field_out_of_range'],
    ['a name of 33 wide characters', 2, '漢'.repeat(33), 'field_out_of_range'],
    ['a name of bytes', 2, new Uint8Array(4), 'message_malformed'],
    ['a phone of 17 bytes', 3, '+1234567890123456', 'field_out_of_range'],
    ['an uncompressed sealing key', 7, new Uint8Array(65), 'field_out_of_range'],
    ['a payment limit of zero', 8, 0, 'field_out_of_range'],
  ])('with %s is refused though the issuer signed', (_what, index, value, code) => {
    expect(kiosk(reissued(world.kiosk.bytes, index, value))).toEqual(refused(code));
  });

  it('has room for 32 characters of any script', () => {
    expect(kiosk(reissued(world.kiosk.bytes, 2, '漢'.repeat(32))).ok).toBe(true);
  });

  it('under the wrong purpose is refused (R27)', () => {
    expect(kiosk(world.allowance.bytes)).toEqual(refused('object_has_wrong_purpose'));
    expect(allowance(world.kiosk.bytes)).toEqual(refused('object_has_wrong_purpose'));
    // An object of the issuer has its key's header, which the root's objects must not have.
    expect(runSync(verifyIssuerCertificate(world.kiosk.bytes, world.issuer.publicKey), crypto)).toEqual(
      refused('algorithm_not_allowed'),
    );
  });
});

describe('dates against trusted time (R27)', () => {
  const validity = { notBefore: NOW, notAfter: NOW + 1_000 };
  it.each([
    [NOW - CLOCK_TOLERANCE_SECONDS - 1, 'certificate_not_yet_valid'],
    [NOW - CLOCK_TOLERANCE_SECONDS, 'good'],
    [NOW, 'good'],
    [NOW + 999, 'good'],
    [NOW + 1_000, 'certificate_expired'],
    [NOW + 1_001, 'certificate_expired'],
  ])('at %i: %s', (now, expected) => {
    const answer = attempt(() => checkValidity(validity, now));
    expect(answer.ok ? 'good' : answer.code).toBe(expected);
  });
});
