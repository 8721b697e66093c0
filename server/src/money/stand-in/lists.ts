/** Lists and their queries as Stripe reads and answers them. */
import type { Context } from 'hono';
import { listDocument } from './bank-documents.ts';
import { type FormValue, parseFormBody } from './form-body.ts';

const LONGEST_PAGE = 100;

interface ListQuery {
  value(name: string): string | null;
  values(name: string): string[];
  /** `created[gte]`, in seconds; zero without one. */
  since(name: string): number;
}

export function queryOf(c: Context): ListQuery {
  const query = parseFormBody(new URL(c.req.url).search.slice(1));
  const plain = (value: FormValue | undefined) => (typeof value === 'string' ? value : null);
  return {
    value: (name) => plain(query[name]),
    values: (name) => {
      const value = query[name];
      return typeof value === 'object' ? Object.values(value).flatMap((one) => plain(one) ?? []) : [];
    },
    since: (name) => {
      const range = query[name];
      return typeof range === 'object' ? Number(plain(range['gte']) ?? 0) : 0;
    },
  };
}

interface Listed {
  readonly id: string;
  readonly document: () => unknown;
}

/** Newest first, a page at a time after `starting_after`. `oldestFirst` is how things are kept. */
export function pageOfList(c: Context, oldestFirst: readonly Listed[]) {
  const query = queryOf(c);
  const limit = Math.min(Number(query.value('limit') ?? 10) || 10, LONGEST_PAGE);
  const newest = oldestFirst.toReversed();
  const after = query.value('starting_after');
  const from = after === null ? 0 : newest.findIndex(({ id }) => id === after) + 1;
  const shown = newest.slice(from, from + limit).map(({ document }) => document());
  return listDocument(shown, c.req.path, newest.length > from + limit);
}
