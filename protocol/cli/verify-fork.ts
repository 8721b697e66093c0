/**
 * `verify-fork FILE --root KEY`: does this file prove a double spend? Reads the file and the key, asks the protocol,
 * and shows the two objects side by side. Trusts nothing else, and nobody who handed the file over.
 */
import {
  attempt,
  decodeDoubleSpendProof,
  MAX_PROOF_BYTES,
  runSync,
  shownMask,
  toHex,
  verifyDoubleSpendProof,
  type DoubleSpendProof,
  type Payment,
  type RefusalCode,
} from '../src/index.ts';
import { nodeCrypto } from '../adapters/node-crypto.ts';
import { hintFor, readArguments, readInput, readRootKey, type Command, type Outcome } from './command.ts';
import { moment, money, table } from './words.ts';

export const verifyFork: Command = {
  synopsis: 'verify-fork FILE --root KEY',
  purpose: 'Is this a proof that a phone spent twice? Exit code 0 proven, 1 not a proof, 2 unreadable.',
  run(args) {
    const given = readArguments(args);
    if (given === null) return unreadable(`usage: npx tikiwallet ${this.synopsis}`);
    if (given.root === undefined)
      return unreadable(`--root KEY is missing: without it nobody's signature means anything.`);
    const root = readRootKey(given.root);
    if (!root.ok) return unreadable(root.why);
    const file = readInput(given.file, MAX_PROOF_BYTES);
    if (!file.ok) return unreadable(file.why);
    const parts = attempt(() => decodeDoubleSpendProof(file.value));
    if (!parts.ok)
      return unreadable(`${given.file} is not a proof file (${parts.code}).${hintFor(file.value)}`);
    const proof = runSync(verifyDoubleSpendProof(parts.value, root.value), nodeCrypto());
    return proof.ok
      ? { exitCode: 0, text: describeProof(proof.value) }
      : { exitCode: 1, text: `NOT A PROOF: ${reasonOf(proof.code)} (${proof.code})` };
  },
};

function unreadable(text: string): Outcome {
  return { exitCode: 2, text };
}

/** Why not, in words; every other code speaks of a part that is not what it claims to be. */
function reasonOf(code: RefusalCode): string {
  switch (code) {
    case 'payments_do_not_contradict':
      return 'both objects are signed by the phone, and an honest phone could have signed them both.';
    case 'payment_signature_invalid':
      return 'the phone of this allowance did not sign one of the payments under this certificate.';
    case 'statement_signature_invalid':
      return 'the phone of this allowance did not sign the closing statement.';
    case 'certificate_signature_invalid':
      return 'a certificate is not signed by the root that was given, or by the issuer in the file.';
    case 'issuer_unknown':
      return 'the issuer in the file is not the one that issued this allowance.';
    default:
      return 'a part of the file is not what it must be.';
  }
}

function describeProof(proof: DoubleSpendProof): string {
  return [
    `PROVEN: the phone of allowance ${proof.allowance.allowanceId} spent twice. ${sentenceOf(proof)}`,
    '',
    sideBySide(proof),
    '',
    table([
      ['allowance', proof.allowance.allowanceId],
      ['holder', `${shownMask(proof.allowance.maskedPhone)} (the issuer knows who that is)`],
      ['cap', money(proof.allowance.capMinor, proof.allowance.currency)],
      ['valid', `${moment(proof.allowance.notBefore)} to ${moment(proof.allowance.notAfter)}`],
      ['device key', toHex(proof.allowance.devicePublicKey)],
      ['issuer key', toHex(proof.issuer.publicKey)],
    ]),
  ].join('\n');
}

function sentenceOf(proof: DoubleSpendProof): string {
  const { second } = proof;
  const { currency } = proof.allowance;
  switch (proof.rule) {
    case 'same_counter':
      return `It signed two different payments as its number ${second.counter}; an honest phone counts up and signs once.`;
    case 'cumulative_sum': {
      const [earlier, later] =
        proof.first.counter < second.counter ? [proof.first, second] : [second, proof.first];
      const least = money(earlier.cumulativeMinor + later.amountMinor, currency);
      return `Its payment ${later.counter} claims ${money(later.cumulativeMinor, currency)} spent in all; after payment ${earlier.counter} it was at least ${least}.`;
    }
    case 'closing_statement':
      return `It signed that payment ${proof.first.lastCounter} was its last, with ${money(proof.first.cumulativeMinor, currency)} spent in all, and signed a payment beyond that.`;
  }
}

function sideBySide(proof: DoubleSpendProof): string {
  const { currency } = proof.allowance;
  const right = paymentColumn(proof.second, currency);
  const left =
    proof.rule === 'closing_statement'
      ? [
          'closing statement',
          `${proof.first.lastCounter} (the last)`,
          '-',
          money(proof.first.cumulativeMinor, currency),
          '-',
          '-',
          moment(proof.first.signedAt),
          '-',
        ]
      : paymentColumn(proof.first, currency);
  const labels = ['', 'counter', 'amount', 'spent in all', 'request', 'follows', 'signed at', 'hash'];
  return table(labels.map((label, row) => [label, left[row] ?? '', right[row] ?? '']));
}

function paymentColumn(payment: Payment, currency: string): readonly string[] {
  return [
    'payment',
    String(payment.counter),
    money(payment.amountMinor, currency),
    money(payment.cumulativeMinor, currency),
    toHex(payment.requestHash).slice(0, 32),
    toHex(payment.previousLink),
    moment(payment.signedAt),
    toHex(payment.hash).slice(0, 32),
  ];
}
