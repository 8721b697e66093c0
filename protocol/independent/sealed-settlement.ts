// What is sealed to the cloud (page 15): whether its key may take the place of another, and batches that only it opens.

import { encode } from 'cbor2';
import { readCbor } from './cbor.ts';
import { openHpke } from './channel.ts';
import { decompressPoint, demandSignature, openSigned, sha256 } from './cose.ts';
import * as f from './fields.ts';
import { limits } from './limits.ts';
import * as objects from './objects.ts';
import { demand, refuse } from './refusal.ts';
import { checkIssuerNotRevoked, type TrustBundle } from './trust.ts';

const sealingKey = f.object(28, {
  publicKey: f.point,
  generation: f.count,
  issuedAt: f.time,
  validity: f.uint(1, limits.MAX_SEALING_KEY_SECONDS),
});

type KeyInForce = {
  readonly generation: number;
  readonly issuedAt: number;
  readonly signerGeneration: number;
};

/** Believed, and then held against what is in force. */
export function takeSealingKey(
  message: f.Hex,
  inForce: { readonly trustBundle: TrustBundle; readonly known: KeyInForce | null },
  clockSeconds: number,
) {
  const { trustBundle, known } = inForce;
  const signed = openSigned(message, { payload: sealingKey, header: 'keyed' });
  const { validity, ...fields } = signed.fields;
  decompressPoint(fields.publicKey);
  const signing = { at: fields.issuedAt, use: objects.use.trustBundles };
  const signer = objects.findIssuer(signed.keyId, signing, trustBundle.issuers) ?? refuse('issuer_unknown');
  demandSignature(signed, signer.publicKey, 'certificate_signature_invalid');
  const nowSeconds = Math.max(clockSeconds, trustBundle.issuedAt);
  demand(nowSeconds < signer.notAfter, 'certificate_expired');
  demand(signer.generation >= trustBundle.signer.generation, 'issuer_key_superseded');
  checkIssuerNotRevoked(signed.keyId, trustBundle, nowSeconds);
  if (known !== null) {
    const ranks = [
      [signer.generation, known.signerGeneration],
      [fields.generation, known.generation],
      [fields.issuedAt, known.issuedAt],
    ] as const;
    const [theirs, ours] = ranks.find(([one, other]) => one !== other) ?? [0, 0];
    demand(theirs >= ours, 'sealing_key_older_than_known');
  }
  const keyId = sha256(f.fromHex(fields.publicKey)).slice(0, 8);
  return { ...fields, keyId, notAfter: fields.issuedAt + validity };
}

const sealedSettlement = f.object(29, {
  keyId: f.bytes(4),
  kioskCertificateHash: f.hash,
  sealed: f.blob(limits.MAX_BATCH_BYTES),
});

export type HeldKey = { readonly keyId: f.Hex; readonly privateKey: f.Hex };

export function openSealedSettlement(message: f.Hex, held: readonly HeldKey[]): f.Hex {
  const fields = sealedSettlement(readCbor(f.fromHex(message), limits.MAX_BATCH_BYTES));
  const key = held.find(({ keyId }) => keyId === fields.keyId) ?? refuse('sealing_key_unknown');
  const inClear = [29, f.fromHex(fields.keyId), f.fromHex(fields.kioskCertificateHash)];
  const binding = { info: Buffer.from(encode(['tiki-settlement'])), aad: Buffer.from(encode(inClear)) };
  const envelope = openHpke(Buffer.from(fields.sealed, 'hex'), key.privateKey, binding);
  // An array of four, its purpose 15, and the hash as a byte string of 32.
  demand(envelope.startsWith(`840f5820${fields.kioskCertificateHash}`), 'sealed_message_unreadable');
  return envelope;
}
