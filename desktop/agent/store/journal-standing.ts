/**
 * Whether this journal may still give out sequence numbers: what was ever signed for the cloud, and whether the file
 * is the one it was. Owns one row; a copy that was played back must not say other things under the same numbers. The
 * cloud's word about it is weighed in settle/batches.ts, and the database itself refuses entries while in doubt.
 */
import { chmodSync, statSync } from 'node:fs';
import type { KioskDatabase } from './open-database.ts';
import { toNumber } from './rows.ts';

/**
 * `unconfirmed`: the file is a copy, and the cloud has not been asked yet. `behind_cloud`: the cloud holds entries
 * that were signed by a newer state of this journal. `differs_from_cloud`: the cloud refuses it as another story.
 */
export type JournalDoubt = 'unconfirmed' | 'behind_cloud' | 'differs_from_cloud';

export interface Standing {
  readonly signedSequence: number;
  readonly doubt: JournalDoubt | null;
  readonly fileBornNs: string | null;
}

interface Row {
  readonly signed_sequence: bigint;
  readonly doubt: JournalDoubt | null;
  readonly file_born_ns: string | null;
}

export class JournalStanding {
  readonly #read;
  readonly #write;

  constructor(db: KioskDatabase) {
    this.#read = db.prepare<[], Row>('SELECT * FROM journal_standing WHERE id = 1');
    this.#write = db.prepare<[number, string | null, string | null]>(
      'UPDATE journal_standing SET signed_sequence = ?, doubt = ?, file_born_ns = ? WHERE id = 1',
    );
  }

  read(): Standing {
    const row = this.#read.get();
    if (row === undefined) throw new Error('the standing of the journal is missing');
    return {
      signedSequence: toNumber(row.signed_sequence),
      doubt: row.doubt,
      fileBornNs: row.file_born_ns,
    };
  }

  write(standing: Standing): void {
    this.#write.run(standing.signedSequence, standing.doubt, standing.fileBornNs);
  }
}

/**
 * When the file at `path` came into being, as text because it is only ever compared; null where the file system does
 * not tell. No copying program can give it to a copy, so another value means another file.
 */
export function bornNs(path: string, known: string | null): string | null {
  // A system that does not tell answers with the time of the last change instead, which this moves away from birth.
  if (known === null) chmodSync(path, 0o600);
  const { birthtimeNs, ctimeNs } = statSync(path, { bigint: true });
  const isTold = birthtimeNs > 0n && (known !== null || birthtimeNs !== ctimeNs);
  return isTold ? birthtimeNs.toString() : null;
}
