/**
 * Frames of a settlement stream (page 08): a CBOR sequence of byte strings, of which the last may be a text string. Each
 * says its length before it comes, so that a reader holds one frame and refuses what is too large before it has it. Owns the
 * framing only: what a frame holds is settlement.ts.
 */
import { byteStringSize, decodeCbor, putByteString } from './cbor.ts';
import { refuse } from './errors.ts';

/** `problem`: the text that ends a stream of acknowledgements. */
export interface StreamFrame {
  readonly kind: 'object' | 'problem';
  readonly content: Uint8Array;
}

export interface FrameLimits {
  /** Of one object. */
  readonly maxObjectBytes: number;
  /** Of the text at the end; 0 where there is none. */
  readonly maxProblemBytes: number;
}

/** An object as it stands in a stream. */
export function encodeStreamFrame(object: Uint8Array): Uint8Array {
  const frame = new Uint8Array(byteStringSize(object));
  putByteString(frame, 0, object);
  return frame;
}

/** The text that ends a stream; UTF-8. */
export function encodeStreamProblem(text: Uint8Array): Uint8Array {
  const frame = encodeStreamFrame(text);
  frame[0] = (frame[0] ?? 0) | TEXT_BIT;
  return frame;
}

/** Byte strings have major type 2, text strings 3. */
const TEXT_BIT = 0x20;
const BYTE_STRING = 0x40;

/**
 * Reads what comes in pieces of any size. A piece is given when {@link next} has nothing more, so what is held is never
 * more than one piece and one frame.
 */
export class StreamReader {
  readonly #limits: FrameLimits;
  #piece: Uint8Array = new Uint8Array(0);
  #at = 0;
  #head: number[] = [];
  #frame: { readonly kind: StreamFrame['kind']; readonly content: Uint8Array } | null = null;
  #filled = 0;
  #hasEnded = false;

  constructor(limits: FrameLimits) {
    this.#limits = limits;
  }

  /** What is kept in memory now, in bytes. */
  get heldBytes(): number {
    return this.#piece.length - this.#at + (this.#frame?.content.length ?? 0);
  }

  /** Nothing has begun that has not ended. */
  get isBetweenFrames(): boolean {
    return this.#frame === null && this.#head.length === 0 && this.#at === this.#piece.length;
  }

  /** Only when {@link next} gave null: whoever gives more before has not waited. */
  give(piece: Uint8Array): void {
    if (this.#at < this.#piece.length) throw new Error('the piece before is not read yet');
    this.#piece = piece;
    this.#at = 0;
  }

  /**
   * The next whole frame; null when more must come first.
   * @throws Refusal `message_too_large`, `message_malformed` or `object_not_canonical`; the stream is of no use then
   */
  next(): StreamFrame | null {
    while (this.#frame === null) {
      const byte = this.#piece[this.#at];
      if (byte === undefined) return null;
      if (this.#hasEnded) refuse('message_malformed');
      this.#at += 1;
      this.#head.push(byte);
      this.#frame = this.#begin();
    }
    const { kind, content } = this.#frame;
    const part = this.#piece.subarray(this.#at, this.#at + content.length - this.#filled);
    content.set(part, this.#filled);
    this.#at += part.length;
    this.#filled += part.length;
    if (this.#filled < content.length) return null;
    this.#frame = null;
    this.#head = [];
    this.#filled = 0;
    this.#hasEnded = kind === 'problem';
    // Refuses what is no text by the rules of page 01.
    if (this.#hasEnded) decodeCbor(encodeStreamProblem(content), Number.POSITIVE_INFINITY);
    return { kind, content };
  }

  /** Null while its head is not whole. The length is judged before there is memory for it. */
  #begin() {
    const [first = 0, ...rest] = this.#head;
    const kind = (first & TEXT_BIT) === 0 ? 'object' : 'problem';
    const { maxObjectBytes, maxProblemBytes } = this.#limits;
    const max = kind === 'object' ? maxObjectBytes : maxProblemBytes;
    const form = (first & ~TEXT_BIT) - BYTE_STRING;
    // 0 to 23 stand for themselves; 24, 25 and 26 say that one, two or four bytes follow; 27 that eight do.
    if (form < 0 || form > 27 || max === 0) refuse('message_malformed');
    if (form === 27) refuse('message_too_large');
    if (rest.length < (form < 24 ? 0 : 1 << (form - 24))) return null;
    const length = form < 24 ? form : rest.reduce((sum, byte) => sum * 256 + byte, 0);
    if (length > max) refuse('message_too_large');
    if (length === 0) refuse('message_malformed');
    const least = [24, 0x100, 0x10000][form - 24] ?? 0;
    if (length < least) refuse('message_malformed');
    return { kind, content: new Uint8Array(length) } as const;
  }
}
