/**
 * Statements that go to the database one behind the other, with one end behind the last: nothing waits for an answer, and without a
 * `begin` of their own they are one transaction, which ends with them. One that fails takes all with it.
 *
 * Owns: what is sent, and whose answer is whose. Never: connections.
 */
import pg, { type Connection, type FieldDef, type Submittable } from 'pg';
import type { Written } from './words.ts';

export type Row = Readonly<Record<string, unknown>>;

interface Column {
  readonly name: string;
  readonly read: (text: string) => unknown;
}

interface KeptStatement {
  readonly name: string;
  /** Of its answer, once the database has said. */
  columns: readonly Column[] | null;
}

/** What one session of the database has prepared, by its words. */
export class KeptStatements {
  readonly #byText = new Map<string, KeptStatement>();
  #count = 0;

  get(text: string): KeptStatement | undefined {
    return this.#byText.get(text);
  }

  /** Under a name that no other statement had in this session. */
  named(): KeptStatement {
    this.#count += 1;
    return { name: `lane_${this.#count}`, columns: null };
  }

  keep(text: string, statement: KeptStatement): void {
    this.#byText.set(text, statement);
  }
}

/** As `pg` has it when it hands a message on. */
interface Described {
  readonly fields: readonly FieldDef[];
}
interface DataRow {
  readonly fields: readonly (string | null)[];
}

export class Going implements Submittable {
  /**
   * Rows of the last statement, after everything is committed.
   * @throws what the database refused first, or why the connection was lost
   */
  readonly done: Promise<readonly Row[]>;
  readonly #statements: readonly Written[];
  readonly #kept: KeptStatements | null;
  #resolve: (rows: readonly Row[]) => void = () => undefined;
  #reject: (reason: Error) => void = () => undefined;
  /** For each statement. */
  #sent: readonly KeptStatement[] = [];
  /** Which statement is answered now. */
  #answered = 0;
  readonly #rows: Row[] = [];

  /** @param kept null where nothing may be kept in a session */
  constructor(statements: readonly Written[], kept: KeptStatements | null) {
    this.#statements = statements;
    this.#kept = kept;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Called by `pg`. */
  readonly submit = (connection: Connection): void => {
    const unparsed: [string, KeptStatement][] = [];
    connection.stream.cork();
    this.#sent = this.#statements.map(({ text, values }) => {
      const known = this.#kept?.get(text);
      const statement = known ?? this.#kept?.named() ?? { name: '', columns: null };
      const { name } = statement;
      if (known === undefined) {
        connection.parse({ name, text, types: [] }, true);
        unparsed.push([text, statement]);
      }
      if (statement.columns === null) connection.describe({ type: 'S', name }, true);
      connection.bind({ statement: name, values: [...values] }, true);
      connection.execute({}, true);
      return statement;
    });
    connection.sync();
    connection.stream.uncork();
    if (unparsed.length === 0 || this.#kept === null) return;
    // One that failed later is prepared nevertheless.
    const parsed = () => {
      const [text, statement] = unparsed.shift() ?? [];
      if (text !== undefined && statement !== undefined) this.#kept?.keep(text, statement);
    };
    connection.on('parseComplete', parsed);
    const off = () => connection.off('parseComplete', parsed);
    this.done.then(off, off);
  };

  handleRowDescription({ fields }: Described): void {
    const statement = this.#sent[this.#answered];
    if (statement === undefined) return;
    statement.columns = fields.map(({ name, dataTypeID }) => ({
      name,
      read: pg.types.getTypeParser(dataTypeID, 'text'),
    }));
  }

  handleDataRow({ fields }: DataRow): void {
    if (this.#answered < this.#statements.length - 1) return;
    const row: Record<string, unknown> = {};
    for (const [index, { name, read }] of (this.#sent[this.#answered]?.columns ?? []).entries()) {
      const field = fields[index] ?? null;
      row[name] = field === null ? null : read(field);
    }
    this.#rows.push(row);
  }

  handleCommandComplete({ text }: { readonly text?: string } = {}): void {
    // The end of a transaction that failed before is no error to the database.
    if (this.#statements[this.#answered]?.text === 'commit' && text !== 'COMMIT')
      this.#reject(new Error('nothing was committed'));
    const statement = this.#sent[this.#answered];
    // One that answers no rows has no columns.
    if (statement !== undefined) statement.columns ??= [];
    this.#answered += 1;
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete();
  }

  /** The database refused a statement, or their end; or the connection is lost. It is not heard of again. */
  handleError(error: Error): void {
    this.#reject(error);
  }

  /** Only behind a commit: of a refusal `pg` says it by the above alone. */
  handleReadyForQuery(): void {
    if (this.#answered === this.#statements.length) this.#resolve(this.#rows);
    else this.#reject(new Error('the database answered fewer statements than it was given'));
  }

  handlePortalSuspended(): void {
    this.#reject(new Error('the database held rows back'));
  }

  handleCopyInResponse(): void {
    this.#reject(new Error('the database waits for rows to copy'));
  }

  handleCopyData(): void {
    this.#reject(new Error('the database copies rows'));
  }
}
