/** Streams of batches and of acknowledgements: their framing, item by item (page 08). What the items hold stays unread. */
import * as protocol from '../src/index.ts';
import { invalid, valid, type DraftFile } from './vector-drafts.ts';
import type { VectorWorld } from './vector-world.ts';
import { makeAcknowledgement, makeBatch } from './vectors-of-settlement.ts';

const join = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const utf8 = (text: string) => new TextEncoder().encode(text);
const problemOf = (text: string) => protocol.encodeStreamProblem(utf8(text));
const PROBLEM = problemOf('{"status":409,"code":"batch_gap","highestSequence":2}');

/** Its head alone, with a length of `width` bytes: what follows is to be refused before it comes. */
function head(major: 0x40 | 0x60, length: number, width: 1 | 2 | 4 | 8): Uint8Array {
  const bytes = Uint8Array.from({ length: width }, (_, at) =>
    Number((BigInt(length) >> BigInt(8 * (width - 1 - at))) & 255n),
  );
  return join(Uint8Array.of(major | (24 + Math.log2(width))), bytes);
}

export function settlementStreamVectors(world: VectorWorld): DraftFile {
  const batch = protocol.encodeStreamFrame(makeBatch(world).envelope);
  const acknowledgement = protocol.encodeStreamFrame(makeAcknowledgement(world));
  const sent = (name: string, ...parts: readonly Uint8Array[]) =>
    valid(`batches: ${name}`, 'readBatchStream', { stream: join(...parts) });
  const answered = (name: string, ...parts: readonly Uint8Array[]) =>
    valid(`acknowledgements: ${name}`, 'readAcknowledgementStream', { stream: join(...parts) });
  const followed = (name: string, ...parts: readonly Uint8Array[]) =>
    valid(`on its way: ${name}`, 'followAcknowledgementStream', { stream: join(...parts) });
  const badSent = (name: string, code: protocol.RefusalCode, ...parts: readonly Uint8Array[]) =>
    invalid(`batches: ${name}`, 'readBatchStream', code, { stream: join(...parts) });
  const badAnswer = (name: string, code: protocol.RefusalCode, ...parts: readonly Uint8Array[]) =>
    invalid(`acknowledgements: ${name}`, 'readAcknowledgementStream', code, { stream: join(...parts) });
  const bytes = (...values: readonly number[]) => Uint8Array.from(values);
  const filled = (length: number) => protocol.encodeStreamFrame(new Uint8Array(length).fill(7));
  const mark = bytes(0xef, 0xbb, 0xbf);
  return {
    description: 'Framing of settlement streams: items of any content, in the order of the bytes.',
    page: '08-settlement.md',
    context: {},
    valid: [
      sent('none'),
      sent('one', batch),
      sent('three', batch, filled(1), batch),
      ...[1, 23, 24, 255, 256].map((length) => sent(`an item of ${length} bytes`, filled(length))),
      answered('none'),
      answered('two', acknowledgement, acknowledgement),
      answered('one, then a problem', acknowledgement, PROBLEM),
      answered('a problem alone', PROBLEM),
      answered('a problem in another script', problemOf('{"title":"Để sau"}')),
      answered('a problem of the largest size', problemOf('x'.repeat(protocol.MAX_STREAM_PROBLEM_BYTES))),
      followed('one, then the line was cut inside the next', acknowledgement, acknowledgement.slice(0, 40)),
      followed(
        'one, then a length above the limit',
        acknowledgement,
        head(0x40, protocol.MAX_ACKNOWLEDGEMENT_BYTES + 1, 4),
      ),
      followed('two, then a number', acknowledgement, acknowledgement, bytes(1)),
      followed('one and a problem, then another', acknowledgement, PROBLEM, acknowledgement),
      followed('whole', acknowledgement, PROBLEM),
    ],
    invalid: [
      badSent('an item without bytes', 'message_malformed', batch, bytes(0x40)),
      badSent('a text', 'message_malformed', batch, PROBLEM),
      badSent('a number', 'message_malformed', bytes(0)),
      badSent('a negative number', 'message_malformed', bytes(0x20)),
      badSent('an array of items', 'message_malformed', bytes(0x81), filled(3)),
      badSent('a map', 'message_malformed', bytes(0xa0)),
      badSent('a tag before the item', 'message_malformed', bytes(0xc2), filled(3)),
      badSent('null', 'message_malformed', bytes(0xf6)),
      badSent('an item in pieces', 'message_malformed', bytes(0x5f), filled(3), bytes(0xff)),
      ...[28, 29, 30].map((form) =>
        badSent(`a length of the reserved form ${form}`, 'message_malformed', bytes(0x40 | form)),
      ),
      badSent(
        'a length of one byte that fits in none',
        'message_malformed',
        head(0x40, 23, 1),
        filled(23).slice(1),
      ),
      badSent(
        'a length of two bytes that fits in one',
        'message_malformed',
        head(0x40, 255, 2),
        filled(255).slice(2),
      ),
      badSent('a length of four bytes that fits in two', 'message_malformed', head(0x40, 65_535, 4)),
      badSent('a length of zero in one byte', 'message_malformed', head(0x40, 0, 1)),
      badSent('one byte above the limit', 'message_too_large', head(0x40, protocol.MAX_BATCH_BYTES + 1, 4)),
      badSent('the longest length of four bytes', 'message_too_large', head(0x40, 0xffff_ffff, 4)),
      badSent('a length of eight bytes', 'message_too_large', head(0x40, 2 ** 40, 8)),
      badSent(
        'the end inside an item at the limit',
        'message_malformed',
        head(0x40, protocol.MAX_BATCH_BYTES, 4),
      ),
      badSent('the end inside a length', 'message_malformed', batch, bytes(0x5a, 0, 7)),
      badSent('the end inside the second item', 'message_malformed', batch, batch.slice(0, -1)),
      badSent('bytes between two items', 'message_malformed', batch, bytes(0), batch),
      badAnswer(
        'an item above the limit',
        'message_too_large',
        head(0x40, protocol.MAX_ACKNOWLEDGEMENT_BYTES + 1, 4),
      ),
      badAnswer(
        'a problem above its limit',
        'message_too_large',
        head(0x60, protocol.MAX_STREAM_PROBLEM_BYTES + 1, 2),
      ),
      badAnswer('a problem with a length of eight bytes', 'message_too_large', head(0x60, 2 ** 40, 8)),
      badAnswer('a problem without bytes', 'message_malformed', acknowledgement, bytes(0x60)),
      badAnswer('a problem in pieces', 'message_malformed', bytes(0x7f), problemOf('{}'), bytes(0xff)),
      badAnswer('a problem whose length fits in less', 'message_malformed', head(0x60, 2, 1), utf8('{}')),
      badAnswer('an acknowledgement after the problem', 'message_malformed', PROBLEM, acknowledgement),
      badAnswer('two problems', 'message_malformed', PROBLEM, PROBLEM),
      badAnswer('a problem that is no UTF-8', 'object_not_canonical', bytes(0x62, 0x7b, 0xff)),
      badAnswer(
        'a problem that writes a letter in two bytes',
        'object_not_canonical',
        bytes(0x62, 0xc1, 0xbb),
      ),
      badAnswer('a problem behind a byte order mark', 'object_not_canonical', bytes(0x65), mark, utf8('{}')),
      badAnswer('the end inside a problem', 'message_malformed', acknowledgement, PROBLEM.slice(0, -1)),
    ],
  };
}
