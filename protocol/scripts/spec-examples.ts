/**
 * The examples in the pages come from the vectors. Between `<!-- vector: file.json "name" field -->` and `<!-- end -->`
 * stands what this writes: the vector's field in hex, and its diagnostic notation.
 */
import type { VectorFile } from './vector.ts';

const EXAMPLE = /<!-- vector: (\S+) "([^"]+)" (\S+) -->\n[\s\S]*?<!-- end -->/g;
const HEX_PER_LINE = 96;

function lines(hex: string): string {
  return hex.match(new RegExp(`.{1,${HEX_PER_LINE}}`, 'g'))?.join('\n') ?? '';
}

/** The page with its examples renewed. @param files Vector files by name, as text. */
export function withExamples(page: string, files: ReadonlyMap<string, string>): string {
  return page.replace(EXAMPLE, (_all, file: string, name: string, field: string) => {
    const text = files.get(file);
    if (text === undefined) throw new Error(`no vector file ${file}`);
    const vector = (JSON.parse(text) as VectorFile).valid.find((candidate) => candidate.name === name);
    const hex = vector?.input[field];
    if (vector === undefined || typeof hex !== 'string')
      throw new Error(`no vector "${name}" with ${field} in ${file}`);
    const notation = vector.diagnostic === undefined ? [] : ['', '```cbor-diag', vector.diagnostic, '```'];
    const block = [`\`\`\`hex`, lines(hex), '```', ...notation].join('\n');
    return `<!-- vector: ${file} "${name}" ${field} -->\n${block}\n<!-- end -->`;
  });
}

/** How many examples a page has. */
export function countExamples(page: string): number {
  return [...page.matchAll(EXAMPLE)].length;
}
