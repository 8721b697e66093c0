/** Each call of the cloud that these pages make, by name, with the contract's types. */
import type {
  BankAccountLink,
  BankAccountView,
  DoubleSpendView,
  KioskView,
  MerchantClaimView,
  MerchantLimitsView,
  MerchantSummary,
  PublicConfig,
  SalesDays,
  SaleView,
  Withdrawal,
} from '@tikiwallet/server/contract';
import type { ApiClient } from '@tikiwallet/wallet/look';

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

type Query = Readonly<Record<string, string | null>>;

/** What is null or empty is not asked for. */
export function withQuery(path: string, query: Query): string {
  const present = Object.entries(query).filter(
    (entry): entry is [string, string] => entry[1] !== null && entry[1] !== '',
  );
  return present.length === 0 ? path : `${path}?${new URLSearchParams(present).toString()}`;
}

export function createEndpoints(client: ApiClient) {
  const post = <T>(path: string, body?: unknown, key?: string) =>
    client.call<T>(path, {
      method: 'POST',
      ...(body === undefined ? {} : { body }),
      ...(key === undefined ? {} : { idempotencyKey: key }),
    });
  const kiosk = (id: string) => `/v1/merchant/kiosks/${encodeURIComponent(id)}`;
  const withdrawal = (id: string) => `/v1/withdrawals/${encodeURIComponent(id)}`;
  return {
    config: () => client.call<PublicConfig>('/v1/config', { anonymous: true }),

    summary: () => client.call<MerchantSummary>('/v1/merchant/summary'),
    salesDays: (days: number) => client.call<SalesDays>(`/v1/merchant/sales/days?days=${String(days)}`),
    sales: (query: { cursor: string | null; search: string }) =>
      client.call<Page<SaleView>>(withQuery('/v1/merchant/sales', { limit: '30', ...query })),

    kiosks: () => client.call<{ readonly items: readonly KioskView[] }>('/v1/merchant/kiosks'),
    createKiosk: (name: string, key: string) => post<KioskView>('/v1/merchant/kiosks', { name }, key),
    kioskCode: (id: string) => post<KioskView>(`${kiosk(id)}/code`),
    denyKiosk: (id: string) => post<KioskView>(`${kiosk(id)}/deny`),
    limits: () => client.call<MerchantLimitsView>('/v1/merchant/limits'),
    setLimits: (body: { basedOn: number; limits: MerchantLimitsView['limits'] }) =>
      client.call<MerchantLimitsView>('/v1/merchant/limits', { method: 'PUT', body }),

    bankAccount: () => client.call<BankAccountView>('/v1/bank-account'),
    linkBankAccount: () => post<BankAccountLink>('/v1/bank-account/link'),
    payOuts: (cursor: string | null) =>
      client.call<Page<Withdrawal>>(withQuery('/v1/withdrawals', { limit: '20', cursor })),
    payOut: (id: string) => client.call<Withdrawal>(withdrawal(id)),
    requestPayOut: (order: { amountMinor: string; feeMinor: string }, key: string) =>
      post<Withdrawal>('/v1/withdrawals', order, key),
    confirmPayOut: (id: string, code: string) => post<Withdrawal>(`${withdrawal(id)}/confirm`, { code }),
    resendPayOutCode: (id: string) => post<Withdrawal>(`${withdrawal(id)}/resend`),

    doubleSpends: (cursor: string | null) =>
      client.call<Page<DoubleSpendView>>(withQuery('/v1/merchant/double-spends', { cursor })),
    claims: (cursor: string | null) =>
      client.call<Page<MerchantClaimView>>(withQuery('/v1/merchant/claims', { cursor })),
  };
}
export type Endpoints = ReturnType<typeof createEndpoints>;
