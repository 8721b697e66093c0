// What the guest tells the host: one line of JSON for each case.

export type CaseResult = {
  readonly name: string;
  readonly durationMs: number;
  /** Undefined when it passed. */
  readonly failure: string | undefined;
};

export const RESULT_MARK = '@case ';

/** Lines that are results; everything else that the guest printed is for people. */
export function readResults(output: string): readonly CaseResult[] {
  return output.split('\n').flatMap((line) => {
    if (!line.startsWith(RESULT_MARK)) return [];
    // Written by our own program, in the machine that was just made.
    const result: CaseResult = JSON.parse(line.slice(RESULT_MARK.length));
    return [result];
  });
}

export function formatTable(results: readonly CaseResult[]): string {
  const width = Math.max(0, ...results.map(({ name }) => name.length));
  return results
    .map(({ name, durationMs, failure }) => {
      const verdict = failure === undefined ? 'ok' : 'FAILED';
      return `${name.padEnd(width)}  ${(durationMs / 1000).toFixed(1).padStart(6)} s  ${verdict}`;
    })
    .join('\n');
}
