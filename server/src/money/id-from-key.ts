/** A UUID that is the same for the same key: a repeat after a crash finds what the first attempt made. */
import { createHash } from 'node:crypto';

export function idFromKey(purpose: 'top-up' | 'withdrawal', key: string): string {
  const bytes = createHash('sha256').update(`${purpose}\n${key}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
