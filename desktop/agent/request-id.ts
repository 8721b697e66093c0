/** Ids of requests: UUIDv7 (RFC 9562 section 5.7), so that the rows of one day lie side by side in every index. */
import { randomBytes } from 'node:crypto';

/** 16 bytes: 48 bits of the wall clock's milliseconds, then chance. Order is a convenience; nothing is decided by it. */
export function newRequestId(wallMs: number): Uint8Array {
  const id = new Uint8Array(randomBytes(16));
  const view = new DataView(id.buffer);
  const ms = Math.max(0, Math.floor(wallMs));
  view.setUint32(0, Math.floor(ms / 0x10000) % 0x100000000);
  view.setUint16(4, ms % 0x10000);
  view.setUint8(6, 0x70 | (view.getUint8(6) & 0x0f));
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f));
  return id;
}
