/** Whole columns as single parameters, for set-based statements with `unnest`. */

/** A literal of a one-dimensional PostgreSQL array; always sent as a parameter, never put into a statement. */
export function pgArray(values: readonly (string | null)[]): string {
  const items = values.map((value) => (value === null ? 'NULL' : `"${value.replace(/["\\]/g, '\\$&')}"`));
  return `{${items.join(',')}}`;
}

/** The same for values that need no quoting: numbers, booleans, UUIDs, ISO times, our own closed words. */
export function pgPlainArray(values: readonly (string | number | bigint | boolean | null)[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`;
}

/** The same for `bytea`: bytes as hex, which needs no quoting beyond its backslash. */
export function pgByteaArray(values: readonly (Uint8Array | null)[]): string {
  const items = values.map((value) =>
    value === null
      ? 'NULL'
      : `"\\\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}"`,
  );
  return `{${items.join(',')}}`;
}
