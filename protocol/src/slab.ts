/**
 * Memory for bytes that live as long as one decision: what is hashed, verified or signed. Each byte string of its own costs
 * its engine more than the few hundred bytes that it holds; so many share one piece, and nobody is ever given the same bytes
 * twice. Never for what is kept, sent or stored: it would keep the whole piece, and a structured clone would take it along.
 */

const SLAB_BYTES = 16_384;
/** What is larger gets memory of its own. */
const MAX_SHARED = 2_048;

let slab = new Uint8Array(0);
let used = 0;

/** Zeros, `length` of them. */
export function shortLived(length: number): Uint8Array {
  if (length > MAX_SHARED) return new Uint8Array(length);
  if (used + length > slab.length) {
    slab = new Uint8Array(SLAB_BYTES);
    used = 0;
  }
  const room = slab.subarray(used, used + length);
  used += length;
  return room;
}
