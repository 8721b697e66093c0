// Streams of settlement (page 08): items in the order of the bytes, each judged by its head before its content is looked at.

import { fromHex, type Hex, toHex } from './fields.ts';
import { limits } from './limits.ts';
import { demand, Refusal, type RefusalCode, refuse } from './refusal.ts';

export type Direction = 'batches' | 'acknowledgements';
type Stream = { readonly objects: Hex[]; problem: string | null; code: RefusalCode | null };

const major = { bytes: 2, text: 3 } as const;
/** How many bytes of length follow a head with this in its low five bits, and the least that needs so many. */
const widths: Readonly<Record<number, readonly [width: number, least: number]>> = {
  24: [1, 24],
  25: [2, 256],
  26: [4, 65_536],
};

export function readBatchStream(message: Hex): readonly Hex[] {
  return whole(followStream(message, 'batches')).objects;
}

export function readAcknowledgementStream(message: Hex) {
  const { objects, problem } = whole(followStream(message, 'acknowledgements'));
  return { objects, problem };
}

function whole(stream: Stream): Stream {
  return stream.code === null ? stream : refuse(stream.code);
}

/** What stood before a refusal holds. */
export function followStream(message: Hex, direction: Direction): Stream {
  const stream: Stream = { objects: [], problem: null, code: null };
  try {
    readItems(fromHex(message), direction, stream);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    stream.code = error.code;
  }
  return stream;
}

function readItems(bytes: Uint8Array, direction: Direction, stream: Stream): void {
  for (let at = 0; at < bytes.length; ) {
    demand(stream.problem === null, 'message_malformed');
    const head = readHead(bytes, at, direction);
    const end = head.start + head.length;
    demand(end <= bytes.length, 'message_malformed');
    const content = bytes.subarray(head.start, end);
    if (head.isProblem) stream.problem = readText(content);
    else stream.objects.push(toHex(content));
    at = end;
  }
}

function readHead(bytes: Uint8Array, at: number, direction: Direction) {
  const first = bytes[at] ?? 0;
  const [type, info] = [first >> 5, first & 31];
  const isProblem = type === major.text && direction === 'acknowledgements';
  demand(type === major.bytes || isProblem, 'message_malformed');
  demand(info !== 27, 'message_too_large');
  const [width, least] = info < 24 ? [0, 0] : (widths[info] ?? refuse('message_malformed'));
  const start = at + 1 + width;
  demand(start <= bytes.length, 'message_malformed');
  const length = width === 0 ? info : Number(`0x${toHex(bytes.subarray(at + 1, start))}`);
  demand(length >= least && length > 0, 'message_malformed');
  const ofObjects = direction === 'batches' ? limits.MAX_BATCH_BYTES : limits.MAX_ACKNOWLEDGEMENT_BYTES;
  demand(length <= (isProblem ? limits.MAX_STREAM_PROBLEM_BYTES : ofObjects), 'message_too_large');
  return { start, length, isProblem };
}

function readText(content: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
    demand(!text.startsWith('\uFEFF'), 'object_not_canonical');
    return text;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    return refuse('object_not_canonical');
  }
}
