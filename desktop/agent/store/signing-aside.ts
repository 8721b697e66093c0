/**
 * Signatures made beside the store's thread, in memory that two threads share: the store lays down what is to be signed and goes on,
 * the signature thread signs it, the store looks when it needs it. Each is begun by one of the two, whichever comes first, and the
 * store waits for nobody: what is not there when it is needed it signs itself, so that a thread which is slow, dead or was never
 * started costs what signing costs. Owns the memory and who has begun what; knows no key and no receipt.
 */
import type { SyncSigner } from '@tikiwallet/protocol';

/** As many as one commit can need. */
const SLOTS = 512;
/** What a receipt signs has some 150 bytes; what is longer is signed in place. */
const MAX_BYTES = 512;
const SIGNATURE_BYTES = 64;
/** The other thread is called for so many at once: to wake it for each costs both as much as a quarter of a signature. */
const CALL_FOR = 12;

const FREE = 0;
const LAID = 1;
/** By the signature thread, which alone says when it is over. */
const BEING_SIGNED = 2;
const SIGNED = 3;

export interface SigningMemory {
  /** How many were ever laid down; it wraps around. */
  readonly laid: Int32Array;
  /** By slot, as everything below. */
  readonly states: Int32Array;
  readonly lengths: Int32Array;
  readonly bytes: Uint8Array;
  readonly signatures: Uint8Array;
}

export function signingMemory(): SigningMemory {
  const integers = (count: number): Int32Array =>
    new Int32Array(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT));
  const bytes = (count: number): Uint8Array => new Uint8Array(new SharedArrayBuffer(count));
  return {
    laid: integers(1),
    states: integers(SLOTS),
    lengths: integers(SLOTS),
    bytes: bytes(SLOTS * MAX_BYTES),
    signatures: bytes(SLOTS * SIGNATURE_BYTES),
  };
}

interface Begun {
  /** Null when it is laid down nowhere. */
  readonly slot: number | null;
  readonly data: Uint8Array;
  signature: Uint8Array | null;
}

export interface OtherSigner {
  readonly memory: SigningMemory;
  /** Tells that thread that something lies there. */
  readonly call: () => void;
}

/** The store's end. */
export class SigningAside {
  readonly #sign: SyncSigner;
  readonly #other: OtherSigner | null;
  /** Oldest first; none when everything that was begun was asked for. */
  #begun: Begun[] = [];
  #missing = 0;
  /** Laid down since the other thread was called. */
  #uncalled = 0;

  /** @param other null: everything is signed here, when it is needed */
  constructor(sign: SyncSigner, other: OtherSigner | null) {
    this.#sign = sign;
    this.#other = other;
  }

  /** @returns what gives the signature, to be asked once. `data` must not change until then. */
  begin(data: Uint8Array): () => Uint8Array {
    const begun: Begun = { slot: this.#lay(data), data, signature: null };
    this.#begun.push(begun);
    this.#missing += 1;
    return () => {
      if (this.#uncalled > 0) this.#call();
      const signature = this.#finish(begun);
      this.#missing -= 1;
      if (this.#missing === 0) this.#begun = [];
      return signature;
    };
  }

  #call(): void {
    this.#uncalled = 0;
    this.#other?.call();
  }

  /** Nobody needs what was begun any more. */
  forget(): void {
    for (const { slot } of this.#begun) this.#takesBack(slot);
    this.#begun = [];
    this.#missing = 0;
  }

  #lay(data: Uint8Array): number | null {
    if (this.#other === null) return null;
    const { laid, states, lengths, bytes } = this.#other.memory;
    const count = laid[0] ?? 0;
    const slot = count & (SLOTS - 1);
    // Still being signed after so many others: nobody is at work there.
    if (data.length > MAX_BYTES || Atomics.load(states, slot) === BEING_SIGNED) return null;
    bytes.set(data, slot * MAX_BYTES);
    lengths[slot] = data.length;
    Atomics.store(states, slot, LAID);
    Atomics.store(laid, 0, (count + 1) | 0);
    this.#uncalled += 1;
    if (this.#uncalled >= CALL_FOR) this.#call();
    return slot;
  }

  /** True when nobody else has begun it, and nobody will. */
  #takesBack(slot: number | null): boolean {
    if (this.#other === null || slot === null) return true;
    return Atomics.compareExchange(this.#other.memory.states, slot, LAID, FREE) === LAID;
  }

  /** What the other thread has signed, when it has. */
  #signed(slot: number | null): Uint8Array | null {
    if (this.#other === null || slot === null) return null;
    const { states, signatures } = this.#other.memory;
    if (Atomics.load(states, slot) !== SIGNED) return null;
    return signatures.slice(slot * SIGNATURE_BYTES, (slot + 1) * SIGNATURE_BYTES);
  }

  #finish(begun: Begun): Uint8Array {
    const { slot, data } = begun;
    for (;;) {
      if (begun.signature !== null) return begun.signature;
      if (this.#takesBack(slot)) return this.#sign(data);
      const signed = this.#signed(slot);
      if (signed !== null) return signed;
      // It is being signed. Meanwhile the newest that nobody has begun; when there is none, waiting costs as much as signing.
      if (!this.#signNewest()) return this.#sign(data);
    }
  }

  #signNewest(): boolean {
    for (;;) {
      const begun = this.#begun.pop();
      if (begun === undefined) return false;
      if (begun.slot === null || !this.#takesBack(begun.slot)) continue;
      begun.signature = this.#sign(begun.data);
      return true;
    }
  }
}

/** The signature thread's end. */
export class SigningWatcher {
  readonly #memory: SigningMemory;
  readonly #sign: SyncSigner;
  readonly #data = new Uint8Array(MAX_BYTES);
  #next = 0;

  constructor(memory: SigningMemory, sign: SyncSigner) {
    this.#memory = memory;
    this.#sign = sign;
  }

  /** Something was laid down that it has not looked at. */
  get hasMore(): boolean {
    return Atomics.load(this.#memory.laid, 0) !== this.#next;
  }

  /** Signs what lies there and nobody has begun, oldest first. */
  work(): void {
    const { laid, states, lengths, bytes, signatures } = this.#memory;
    while (this.hasMore) {
      const count = Atomics.load(laid, 0);
      const behind = (count - this.#next) | 0;
      if (behind < 0 || behind > SLOTS) this.#next = (count - SLOTS) | 0;
      const slot = this.#next & (SLOTS - 1);
      this.#next = (this.#next + 1) | 0;
      if (Atomics.compareExchange(states, slot, LAID, BEING_SIGNED) !== LAID) continue;
      const length = lengths[slot] ?? 0;
      this.#data.set(bytes.subarray(slot * MAX_BYTES, slot * MAX_BYTES + length));
      signatures.set(this.#sign(this.#data.subarray(0, length)), slot * SIGNATURE_BYTES);
      Atomics.store(states, slot, SIGNED);
    }
  }
}
