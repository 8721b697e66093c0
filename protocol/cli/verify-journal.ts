/** `verify-journal FILE [--root KEY]`: is an exported journal whole, and if not, which entry is the first that is not? */
import {
  attempt,
  checkJournal,
  decodeJournalFile,
  runSync,
  toHex,
  type JournalFault,
  type JournalReport,
} from '../src/index.ts';
import { nodeCrypto } from '../adapters/node-crypto.ts';
import { hintFor, readArguments, readInput, readRootKey, type Command, type Outcome } from './command.ts';
import { moment, money, table } from './words.ts';

/** A million entries; a shop writes fewer in ten years. */
const MAX_FILE_BYTES = 1_073_741_824;

export const verifyJournal: Command = {
  synopsis: 'verify-journal FILE [--root KEY]',
  purpose:
    'Is this journal whole? Exit code 0 whole, 1 broken, 2 unreadable. Without KEY no signature is checked.',
  run(args) {
    const given = readArguments(args);
    if (given === null) return unreadable(`usage: npx tikiwallet ${this.synopsis}`);
    const root = given.root === undefined ? null : readRootKey(given.root);
    if (root !== null && !root.ok) return unreadable(root.why);
    const file = readInput(given.file, MAX_FILE_BYTES);
    if (!file.ok) return unreadable(file.why);
    const records = attempt(() => decodeJournalFile(file.value));
    if (!records.ok)
      return unreadable(`${given.file} is not a journal file (${records.code}).${hintFor(file.value)}`);
    const report = runSync(checkJournal(records.value, root?.value ?? null), nodeCrypto());
    if (!report.ok) return unreadable(`${given.file} could not be checked (${report.code}).`);
    return describe(report.value, root !== null);
  },
};

function unreadable(text: string): Outcome {
  return { exitCode: 2, text };
}

const WHAT: Readonly<Record<JournalFault, string>> = {
  entry_unreadable: 'it cannot be read',
  sequence_not_continuous: 'it does not carry the next number',
  chain_broken: 'it does not hold the hash of the entry before it',
  sale_unreadable: 'its sale cannot be read',
  sale_repeated: 'its payment stands in an earlier sale already',
  kiosk_not_certified: 'its kiosk has no certificate that leads to the root',
  sale_invalid: 'its request or its payment does not hold',
  refund_unreadable: 'its refund cannot be read',
  refund_invalid: 'its refund does not hold, or gives back more than its sale has left',
  receipt_invalid: 'its receipt does not hold',
  receipt_names_another_entry: 'a receipt with its number was given for another entry',
  batch_invalid: 'a batch that ends here signed another history',
  batch_sum_differs: 'a batch that ends here names another number or sum of sales',
  override_unreadable: 'the override in it cannot be read',
  override_without_its_sale: 'the override before it is about another payment',
  sale_at_risk_without_override: 'it is at risk, and nobody answers for that in the entry before it',
  entry_missing: 'it is not in the file, and the kiosk has signed for it or begun it',
};

function describe(report: JournalReport, withSignatures: boolean): Outcome {
  const { broken } = report;
  const verdict =
    broken === null
      ? `WHOLE: ${report.entries} entries, every one continues the one before.`
      : `BROKEN at entry ${broken.sequence}: ${WHAT[broken.fault]} (${broken.fault}${broken.code === null ? '' : `, ${broken.code}`}). Entries before it: ${report.entries}.`;
  const currency = report.kiosk?.currency;
  const words = (minor: bigint) => (currency === undefined ? `${minor} minor units` : money(minor, currency));
  const rows = [
    ...(report.kiosk === null
      ? []
      : [['kiosk', `${report.kiosk.kioskId} of ${report.kiosk.merchantName}`] as const]),
    ['sales', `${report.sales}, ${words(report.saleSumMinor)}`],
    ['given back', `${report.refunds}, ${words(report.refundSumMinor)}`],
    ['from', report.firstAt === null ? '-' : moment(report.firstAt)],
    ['to', report.lastAt === null ? '-' : moment(report.lastAt)],
    ['head', toHex(report.headHash)],
    [
      'signatures',
      withSignatures
        ? `${report.checkedPayments} payments, ${report.checkedRefunds} refunds, ${report.checkedReceipts} receipts, ${report.checkedBatches} batches checked`
        : 'NOT CHECKED: name the key of the root with --root',
    ],
  ] as const;
  return { exitCode: broken === null ? 0 : 1, text: `${verdict}\n\n${table(rows)}` };
}
