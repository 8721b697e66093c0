/** Vectors of the proof file: pairs that convict a phone, and files that look like it and convict nobody. */
import { encodeCbor } from '../src/cbor.ts';
import * as protocol from '../src/index.ts';
import { everyItemChanged, fieldsOf, itemsOf, malleated, resigned } from './tamper.ts';
import { given, invalid, valid, type DraftFile } from './vector-drafts.ts';
import { id, NOW, type VectorWorld } from './vector-world.ts';
import { makeRequest } from './vectors-of-objects.ts';
import { makePayment } from './vectors-of-payments.ts';

function makePairs(world: VectorWorld) {
  const [one, two] = [makeRequest(world, 0x44), makeRequest(world, 0x60)];
  const first = makePayment(world, one);
  const twin = makePayment(world, two);
  const forgetful = makePayment(world, two, { counter: 2, previousLink: id(2) });
  const honest = makePayment(world, two, {
    counter: 2,
    cumulativeMinor: 2_500n,
    previousLink: protocol.linkOf(first.hash),
  });
  const statement = world.run(
    protocol.signClosingStatement(
      { lastCounter: 1, cumulativeMinor: 1_250n, signedAt: NOW + 60 },
      world.allowance.hash,
    ),
    world.phone,
  );
  const dear = makePayment(world, two, { cumulativeMinor: 2_000n });
  return { first, twin, forgetful, honest, statement, dear };
}

/** A payment of the same phone under another certificate of its key. */
function elsewhere(world: VectorWorld): Uint8Array {
  const request = makeRequest(world, 0x60);
  const draft = {
    counter: 1,
    amountMinor: request.amountMinor,
    cumulativeMinor: request.amountMinor,
    previousLink: protocol.linkOf(world.lockedAllowance.hash),
    requestHash: request.hash,
    signedAt: NOW + 20,
  };
  return world.run(protocol.signPayment(draft, world.lockedAllowance.hash), world.phone);
}

export function doubleSpendProofVectors(world: VectorWorld): DraftFile {
  const { first, twin, forgetful, honest, statement, dear } = makePairs(world);
  const [issuerCertificate = new Uint8Array(0), otherIssuer = new Uint8Array(0)] = world.issuerCertificates;
  const parts = {
    issuerCertificate,
    allowanceCertificate: world.allowance.bytes,
    first: first.bytes,
    second: twin.bytes,
  };
  const proof = (changes: Partial<protocol.DoubleSpendProofParts> = {}) =>
    protocol.encodeDoubleSpendProof({ ...parts, ...changes });
  const operation = 'verifyDoubleSpendProof';
  const good = (name: string, changes: Partial<protocol.DoubleSpendProofParts>) =>
    valid(name, operation, { proof: proof(changes) });
  const bad = (name: string, code: protocol.RefusalCode, bytes: Uint8Array) =>
    invalid(name, operation, code, { proof: bytes });
  const forged = resigned(twin.bytes, fieldsOf(twin.bytes), {
    ...world.stranger,
    externalAad: world.allowance.hash,
  });
  return {
    description: 'Proof files of double spends, checked with the public key of the root alone.',
    page: '10-double-spend.md',
    context: given({ rootPublicKey: world.root.publicKey }),
    valid: [
      valid('one counter for two requests', operation, { proof: proof() }, proof()),
      good('a later counter that forgot the first', { second: forgetful.bytes }),
      good('the later counter standing first', { first: forgetful.bytes, second: first.bytes }),
      good('a payment beyond the closing statement', { first: statement, second: honest.bytes }),
      good('beyond it by the counter alone', { first: statement, second: forgetful.bytes }),
      good('beyond it by the sum alone', { first: statement, second: dear.bytes }),
      good('malleated signatures prove the same', {
        first: malleated(first.bytes),
        second: malleated(twin.bytes),
      }),
    ],
    invalid: [
      bad('one payment twice', 'payments_do_not_contradict', proof({ second: first.bytes })),
      bad(
        'one payment twice, once with the other signature',
        'payments_do_not_contradict',
        proof({ second: malleated(first.bytes) }),
      ),
      bad('an honest pair', 'payments_do_not_contradict', proof({ second: honest.bytes })),
      bad(
        'a payment within the closing statement',
        'payments_do_not_contradict',
        proof({ first: statement, second: first.bytes }),
      ),
      bad(
        'payments of two allowances of one phone',
        'payment_signature_invalid',
        proof({ second: elsewhere(world) }),
      ),
      bad('a payment that the phone did not sign', 'payment_signature_invalid', proof({ second: forged })),
      bad('the same, standing first', 'payment_signature_invalid', proof({ first: forged })),
      bad(
        'a closing statement in the place of the second payment',
        'object_has_wrong_purpose',
        proof({ second: statement }),
      ),
      bad(
        'another allowance',
        'payment_signature_invalid',
        proof({ allowanceCertificate: world.lockedAllowance.bytes }),
      ),
      bad('the certificate of another issuer', 'issuer_unknown', proof({ issuerCertificate: otherIssuer })),
      bad(
        'an issuer that the root did not certify',
        'certificate_signature_invalid',
        proof({
          issuerCertificate: resigned(issuerCertificate, fieldsOf(issuerCertificate), world.stranger),
        }),
      ),
      ...everyItemChanged(proof(), [
        'purpose',
        'issuer-certificate',
        'allowance-certificate',
        'first',
        'second',
      ]).map(({ name, bytes }) =>
        bad(
          `${name} changed`,
          name === 'purpose'
            ? 'object_has_wrong_purpose'
            : name.endsWith('certificate')
              ? 'certificate_signature_invalid'
              : 'payment_signature_invalid',
          bytes,
        ),
      ),
      bad('an item too many', 'message_malformed', encodeCbor([...itemsOf(proof()), 0])),
      bad('only one payment', 'message_malformed', encodeCbor(itemsOf(proof()).slice(0, 4))),
    ],
  };
}
