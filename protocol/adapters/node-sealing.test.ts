/** What the phone seals opens, by this recipient exactly as by the protocol's own; everything else is one refusal. */
import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { openSealed, sealToKiosk, type KioskCertificate } from '../src/index.ts';
import { generateKeyPair, loadPrivateKey } from './node-crypto.ts';
import { sealOpener } from './node-sealing.ts';

const unreadable = { ok: false, code: 'sealed_message_unreadable' };

function kioskKey() {
  const pem = generateKeyPair().privateKeyPem;
  const { publicKey, scalar } = loadPrivateKey(pem);
  const certificate = { hash: new Uint8Array(randomBytes(32)), sealingPublicKey: publicKey };
  return { open: sealOpener(pem), scalar, certificate: certificate as KioskCertificate };
}

it.each([1, 2, 15, 16, 17, 300, 4_096])('%i bytes open to what was sealed', async (length) => {
  const { open, scalar, certificate } = kioskKey();
  const plaintext = new Uint8Array(randomBytes(length));
  const sealed = await sealToKiosk(plaintext, certificate);
  expect(open(sealed, [certificate.hash])).toEqual({ ok: true, value: plaintext });
  const theirs = await openSealed(sealed, { privateKey: scalar, kioskCertificateHash: certificate.hash });
  expect(theirs).toEqual({ ok: true, value: plaintext });
});

it('opens under any of the certificates that a phone may have seen, and under no other', async () => {
  const { open, certificate } = kioskKey();
  const other = new Uint8Array(randomBytes(32));
  const sealed = await sealToKiosk(Uint8Array.of(1, 2, 3), certificate);
  expect(open(sealed, [other, certificate.hash])).toEqual({ ok: true, value: Uint8Array.of(1, 2, 3) });
  expect(open(sealed, [other])).toEqual(unreadable);
  expect(open(sealed, [])).toEqual(unreadable);
  expect(kioskKey().open(sealed, [certificate.hash])).toEqual(unreadable);
});

it('a sealed message with any byte changed does not open, here as there', async () => {
  const { open, scalar, certificate } = kioskKey();
  const sealed = await sealToKiosk(new Uint8Array(20), certificate);
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = new Uint8Array(sealed);
    changed[at] = (changed[at] ?? 0) ^ 0x01;
    expect(open(changed, [certificate.hash])).toEqual(unreadable);
    const theirs = await openSealed(changed, { privateKey: scalar, kioskCertificateHash: certificate.hash });
    expect(theirs).toEqual(unreadable);
  }
});

it('what is too short, too long or empty is refused with the protocol’s codes', async () => {
  const { open, scalar, certificate } = kioskKey();
  for (const length of [0, 1, 64, 65, 66, 81, 82, 4_096 + 81, 4_096 + 82, 9_000]) {
    const noise = new Uint8Array(randomBytes(length));
    const theirs = await openSealed(noise, { privateKey: scalar, kioskCertificateHash: certificate.hash });
    expect(open(noise, [certificate.hash])).toEqual(theirs);
  }
});

it.each(['02', '03', '06', '07', '00'])(
  'an encapsulated key that begins with %s is refused',
  async (prefix) => {
    const { open, certificate } = kioskKey();
    const sealed = await sealToKiosk(new Uint8Array(20), certificate);
    sealed[0] = Number.parseInt(prefix, 16);
    expect(open(sealed, [certificate.hash])).toEqual(unreadable);
  },
);
