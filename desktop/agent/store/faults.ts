/**
 * What a failing disk or a damaged file is called here. Owns the reading of SQLite's codes; decides nothing about
 * what happens next.
 */

/**
 * `full`: nothing was written and reading still works. `broken`: the outcome of a write is unknown, the process must
 * end and read everything again. `damaged`: the file is not what this program wrote. `refused`: the system does not
 * let us write.
 */
export type StorageFault = 'full' | 'broken' | 'damaged' | 'refused';

/** Null for anything that is not the storage's fault (a broken rule of the schema is ours). */
export function storageFaultOf(error: unknown): StorageFault | null {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT') return 'full';
  if (code.startsWith('SQLITE_IOERR') || code === 'EIO') return 'broken';
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') return 'damaged';
  if (code.startsWith('SQLITE_READONLY') || code.startsWith('SQLITE_CANTOPEN') || code === 'SQLITE_PERM')
    return 'refused';
  // Another program holds the file: nothing was written, and nobody is to blame for it here.
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) return 'refused';
  return null;
}

/** Why a database is set aside instead of used; each is said loudly and kept as it is. */
export type QuarantineReason =
  | 'database_damaged'
  | 'database_missing'
  | 'database_unreadable'
  | 'database_from_the_future'
  | 'journal_chain_broken'
  | 'payments_differ_from_journal'
  | 'keys_do_not_match_certificate'
  | 'trust_record_invalid';

/** Thrown while opening: the store must not be written to, and never be made anew. */
export class Quarantined extends Error {
  override readonly name = 'Quarantined';
  readonly reason: QuarantineReason;
  constructor(reason: QuarantineReason, detail: string, cause?: unknown) {
    super(`${reason}: ${detail}`, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}
