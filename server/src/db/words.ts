/**
 * Statements for a lane (`lane-connection.ts`), put together from pieces, with their values beside them.
 *
 * Owns: numbering the values. Never: puts a value into a statement, or a statement on the way.
 */

export type Value = string | number | bigint | boolean | null;

/** A statement, or a piece of one. */
export class Words {
  readonly #strings: readonly string[];
  readonly #parts: readonly (Value | Words)[];

  constructor(strings: readonly string[], parts: readonly (Value | Words)[]) {
    this.#strings = strings;
    this.#parts = parts;
  }

  write(to: { text: string; readonly values: (string | null)[] } = { text: '', values: [] }): Written {
    for (const [index, string] of this.#strings.entries()) {
      to.text += string;
      const part = this.#parts[index];
      if (part instanceof Words) part.write(to);
      else if (part !== undefined) {
        to.values.push(part === null ? null : String(part));
        to.text += `$${to.values.length}`;
      }
    }
    return to;
  }
}

export interface Written {
  /** With $1 for the first value. */
  readonly text: string;
  /** As PostgreSQL reads them from text. */
  readonly values: readonly (string | null)[];
}

/** A piece may hold pieces; everything else is a value, which the database takes for the type that the words around it say. */
export const sql = (strings: TemplateStringsArray, ...parts: readonly (Value | Words)[]): Words =>
  new Words(strings, parts);
