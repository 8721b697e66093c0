/** Stripe's form encoding: `line_items[0][price_data][currency]=sgd`. Pure. */

export type FormValue = string | { [name: string]: FormValue };

/** Nested records; array indexes are kept as names. Unsafe names are dropped. */
export function parseFormBody(body: string): Record<string, FormValue> {
  const root: Record<string, FormValue> = Object.create(null);
  for (const [path, value] of new URLSearchParams(body)) {
    const names = path.split(/\[|\]\[|\]/).filter((name) => name !== '');
    if (names.length === 0 || names.length > 8 || names.includes('__proto__')) continue;
    let at = root;
    for (const name of names.slice(0, -1)) {
      const next = at[name];
      const branch: Record<string, FormValue> = typeof next === 'object' ? next : Object.create(null);
      at[name] = branch;
      at = branch;
    }
    at[names.at(-1) ?? ''] = value;
  }
  return root;
}
