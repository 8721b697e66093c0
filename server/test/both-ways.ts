/** One story on two servers, with a transfer for all of a batch and with one for each payment: people see the same. */
import { expect } from 'vitest';
import { HistoryItem, pageOf } from '../contract/index.ts';
import type { SettlementTransfers } from '../src/settlement/post-payments.ts';
import type { Person, TestServer } from './test-server.ts';

export interface BothWays<Story> {
  readonly together: Story;
  readonly apart: Story;
  readonly close: () => Promise<void>;
}

export async function tellBothWays<Story extends { readonly server: TestServer }>(
  tell: (transfers: SettlementTransfers) => Promise<Story>,
): Promise<BothWays<Story>> {
  const together = await tell('batch');
  const apart = await tell('each');
  return {
    together,
    apart,
    close: async () => {
      await together.server.close();
      await apart.server.close();
    },
  };
}

/** All of a person's history, by pages of `limit`, each of which is full but for the last. */
export async function walkHistory(
  server: TestServer,
  { token }: Pick<Person, 'token'>,
  limit: number,
): Promise<readonly HistoryItem[]> {
  const items: HistoryItem[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const path = `/v1/history?limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const page: { items: HistoryItem[]; nextCursor: string | null } = await server.expect(
      pageOf(HistoryItem),
      path,
      { token },
    );
    expect(page.items.length).toBeLessThanOrEqual(limit);
    if (page.nextCursor !== null) expect(page.items).toHaveLength(limit);
    items.push(...page.items);
    cursor = page.nextCursor;
  }
  return items;
}
