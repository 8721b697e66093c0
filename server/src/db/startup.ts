/**
 * The bytes with which the driver begins a connection.
 *
 * Owns: that they go out, and nothing before them. Never: what they ask for.
 */

/** So many bytes at once the driver sends without waiting for its next turn. */
const AT_ONCE = 1024;
const NAME = 'tikiwallet_padding';

/**
 * When a connection is lost in the turn in which a statement was written to it, the driver forgets that nobody will send what it
 * keeps, and keeps it: what it writes next, the beginning of the next connection, stays behind, until the connect times out, and so
 * does that of each one after it. A beginning that is long enough goes out in any case. {@link withoutPadding} takes it off again.
 */
export const PADDING: Readonly<Record<string, string>> = { [NAME]: 'x'.repeat(AT_ONCE) };

const PADDING_BYTES = Buffer.from(`${NAME}\0${PADDING[NAME]}\0`);
/** The protocol's version, 3.0, and the first thing that the driver says. */
const BEGINNING = Buffer.from('\0\x03\0\0user\0', 'latin1');
const LENGTH_BYTES = 4;

/** Whether a connection begins with these, and not with the question to cancel a statement. */
export function isStartup(written: Buffer): boolean {
  return written.includes(PADDING_BYTES);
}

/** What may be sent of the first bytes for a connection: nothing that was written for the one before it, and no padding. */
export function withoutPadding(written: Buffer): Buffer {
  const padding = written.lastIndexOf(PADDING_BYTES);
  const start = written.lastIndexOf(BEGINNING) - LENGTH_BYTES;
  // As the question to cancel a statement.
  if (padding < 0 || start < 0) return written;
  const startup = Buffer.concat([
    written.subarray(start, padding),
    written.subarray(padding + PADDING_BYTES.length),
  ]);
  startup.writeInt32BE(startup.length, 0);
  return startup;
}

/** That the database is ready for a first statement is the last thing that it says before one. */
const READY = Buffer.from('Z\0\0\0\x05I', 'latin1');

/** @param said everything since the connection began */
export function isReady(said: Buffer): boolean {
  return said.subarray(-READY.length).equals(READY);
}
