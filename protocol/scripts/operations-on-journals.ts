/** A kiosk's journal, and its way to the cloud and back. */
import { decodeCbor } from '../src/cbor.ts';
import type { Steps } from '../src/crypto.ts';
import { refuse } from '../src/errors.ts';
import * as protocol from '../src/index.ts';
import { allowanceOf, kioskOf, trustOf } from './operations-on-certificates.ts';
import { plain, type Input, type Operations } from './vector.ts';

function bodyOf(input: Input, kind: protocol.JournalKind): readonly unknown[] {
  const entry = protocol.decodeJournalEntry(input.bytes('entry'));
  if (entry.kind !== kind) refuse('message_malformed');
  return entry.body;
}

function* journalEntry(input: Input): Steps<unknown> {
  const bytes = input.bytes('entry');
  const entry = protocol.decodeJournalEntry(bytes);
  const hash = yield* protocol.journalHash(bytes);
  return { ...entry, body: entry.kind === 'sale' ? protocol.decodeSaleBody(entry.body) : entry.body, hash };
}

function* journalFile(input: Input): Steps<unknown> {
  const records = protocol.decodeJournalFile(input.bytes('file'));
  const { kiosk, ...report } = yield* protocol.checkJournal(records, input.bytes('rootPublicKey'));
  return { ...report, kioskId: kiosk?.kioskId ?? null };
}

function* refundEntry(input: Input): Steps<unknown> {
  const bytes = input.bytes('entry');
  const entry = protocol.decodeJournalEntry(bytes);
  if (entry.kind !== 'void' && entry.kind !== 'refund') refuse('message_malformed');
  return {
    ...entry,
    body: protocol.decodeRefundBody(entry.body),
    hash: yield* protocol.journalHash(bytes),
  };
}

function* settlementBatch(input: Input): Steps<unknown> {
  const envelope = protocol.decodeSettlementEnvelope(input.bytes('envelope'));
  const { batch, entries } = yield* protocol.verifySettlementBatch(envelope, yield* kioskOf(input));
  return { batch, entryHashes: entries.map((entry) => entry.hash) };
}

function* sale(input: Input): Steps<unknown> {
  const body = protocol.decodeSaleBody(bodyOf(input, 'sale'));
  const facts = { kiosk: yield* kioskOf(input), allowance: yield* allowanceOf(input) };
  const { request, payment } = yield* protocol.verifySale(body, facts);
  return { requestHash: request.hash, paymentHash: payment.hash, amountMinor: payment.amountMinor };
}

function* acknowledgement(input: Input): Steps<unknown> {
  const expected = { kioskId: input.text('kioskId'), batchHash: input.bytes('batchHash') };
  return yield* protocol.verifySettlementAcknowledgement(input.bytes('acknowledgement'), {
    trust: yield* trustOf(input),
    nowSeconds: input.number('nowSeconds'),
    expected,
  });
}

const BATCH_STREAM = { maxObjectBytes: protocol.MAX_BATCH_BYTES, maxProblemBytes: 0 };
const ACKNOWLEDGEMENT_STREAM = {
  maxObjectBytes: protocol.MAX_ACKNOWLEDGEMENT_BYTES,
  maxProblemBytes: protocol.MAX_STREAM_PROBLEM_BYTES,
};

/** What a stream holds up to its end, or to what is refused in it: byte by byte, as the slowest line brings it. */
function readStream(stream: Uint8Array, limits: protocol.FrameLimits) {
  const objects: Uint8Array[] = [];
  let problem: string | null = null;
  const end = protocol.attempt(() => {
    const reader = new protocol.StreamReader(limits);
    for (let at = 0; at < stream.length; at += 1) {
      reader.give(stream.subarray(at, at + 1));
      const frame = reader.next();
      if (frame?.kind === 'object') objects.push(frame.content);
      if (frame?.kind === 'problem') {
        const text = decodeCbor(protocol.encodeStreamProblem(frame.content), protocol.MAX_ENVELOPE_BYTES + 3);
        problem = String(text);
      }
    }
    if (!reader.isBetweenFrames) refuse('message_malformed');
  });
  return { objects, problem, code: end.ok ? null : end.code };
}

function wholeStream(stream: Uint8Array, limits: protocol.FrameLimits) {
  const { code, ...held } = readStream(stream, limits);
  return code === null ? held : refuse(code);
}

export const JOURNALS: Operations = {
  readOverrideEntry: plain((input) => protocol.decodeOverrideBody(bodyOf(input, 'override'))),
  readPolicyChangeEntry: plain((input) => protocol.decodePolicyChangeBody(bodyOf(input, 'policyChange'))),
  readJournalEntry: journalEntry,
  verifyJournalFile: journalFile,
  readRefundEntry: refundEntry,
  verifySettlementBatch: settlementBatch,
  verifySale: sale,
  readBatchStream: plain((input) => wholeStream(input.bytes('stream'), BATCH_STREAM).objects),
  readAcknowledgementStream: plain((input) => wholeStream(input.bytes('stream'), ACKNOWLEDGEMENT_STREAM)),
  followAcknowledgementStream: plain((input) => readStream(input.bytes('stream'), ACKNOWLEDGEMENT_STREAM)),
  verifySettlementAcknowledgement: acknowledgement,
};
