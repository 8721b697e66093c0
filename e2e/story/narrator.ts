// Tells a run in the terminal, step by step with its time. A claim that does not hold
// ends the story.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export class ClaimBroken extends Error {
  readonly code = 'claim_broken';
}

export class Narrator {
  readonly #pictures: string;
  readonly #startedAt = performance.now();
  #claims = 0;

  constructor(pictures: string) {
    this.#pictures = pictures;
  }

  readonly chapter = (title: string): void => {
    console.log(`\n${this.#clock()}  ${title}`);
  };

  readonly say = (line: string): void => {
    console.log(`         ${line}`);
  };

  readonly check = (holds: boolean, claim: string): void => {
    if (!holds) throw new ClaimBroken(`this does not hold: ${claim}`);
    this.#claims += 1;
    console.log(`       ✓ ${claim}`);
  };

  /** Waits for something that happens by itself. */
  async until(claim: string, holds: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!(await holds())) {
      if (performance.now() > deadline) throw new ClaimBroken(`this did not happen: ${claim}`);
      await delay(200);
    }
    this.check(true, claim);
  }

  async picture(name: string, png: Buffer): Promise<void> {
    await writeFile(join(this.#pictures, `${name}.png`), png);
  }

  end(): void {
    console.log(`\n${this.#clock()}  ${String(this.#claims)} claims held. Screenshots: ${this.#pictures}\n`);
  }

  #clock(): string {
    return `${((performance.now() - this.#startedAt) / 1000).toFixed(1).padStart(5)} s`;
  }
}
