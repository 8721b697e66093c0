// What the guest tells the host: one line of JSON for each case.

export type Figure = { readonly what: string; readonly ms: number };

export type CaseResult = {
  readonly name: string;
  readonly durationMs: number;
  readonly figures: readonly Figure[];
  /** Undefined when it passed. */
  readonly failure: CaseFailure | undefined;
};

export type CaseFailure = {
  /** What was being done. */
  readonly step: string;
  readonly error: string;
  /** What the programs said meanwhile that tells something, newest last. */
  readonly logs: readonly { readonly of: string; readonly lines: readonly string[] }[];
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
  const lines = results.flatMap(({ name, durationMs, failure, figures }) => [
    { name, ms: durationMs, verdict: failure === undefined ? 'ok' : 'FAILED' },
    ...figures.map(({ what, ms }) => ({ name: `    ${what}`, ms, verdict: '' })),
  ]);
  const width = Math.max(0, ...lines.map(({ name }) => name.length));
  return lines
    .map(({ name, ms, verdict }) => `${name.padEnd(width)}  ${inSeconds(ms).padStart(7)} s  ${verdict}`)
    .map((line) => line.trimEnd())
    .join('\n');
}

export function formatFailure({ name, failure }: CaseResult): string {
  if (failure === undefined) return '';
  const logs = failure.logs.map(
    ({ of, lines }) => `  ${of}:\n${lines.map((line) => `    ${line}`).join('\n')}`,
  );
  const error = failure.error.replaceAll('\n', '\n  ');
  return [`FAILED: ${name}`, `  step: ${failure.step}`, `  ${error}`, ...logs].join('\n');
}

/** Passphrases and keys are worth nothing in here; still nobody should get used to seeing them in a log. */
export function withoutSecrets(line: string): string {
  return line.replace(/((?:passphrase|psk|pin|key)=)("[^"]*"|\S+)/gi, '$1…');
}

function inSeconds(ms: number): string {
  return (ms / 1000).toFixed(ms < 1_000 ? 2 : 1);
}
