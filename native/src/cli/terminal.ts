// What the commands say: a line for people, or with --json an object a line for programs.

export type Saying = { readonly type: string; readonly [key: string]: unknown };

export class Terminal {
  readonly #write: (text: string) => void;
  readonly #isJson: boolean;

  constructor(write: (text: string) => void, isJson: boolean) {
    this.#write = write;
    this.#isJson = isJson;
  }

  /** `text` is what people read instead of the object; without it they read nothing. */
  say(saying: Saying, text?: string): void {
    if (this.#isJson) this.#write(`${JSON.stringify(saying)}\n`);
    else if (text !== undefined) this.#write(`${text}\n`);
  }

  /** For people only. */
  note(text: string): void {
    if (!this.#isJson) this.#write(`${text}\n`);
  }
}
