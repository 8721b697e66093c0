/** Each call of the cloud that these pages make, by name, with the contract's types. */
import type {
  BankAccountLink,
  BankAccountView,
  InvitedRole,
  CaseVerdict,
  DamageView,
  DeniedView,
  DoubleSpendView,
  KioskView,
  MerchantClaimView,
  MerchantLimitsView,
  MerchantSummary,
  OperatorActView,
  OperatorCaseView,
  OperatorClaimView,
  OperatorOverview,
  OperatorUserView,
  PolicyView,
  PublicConfig,
  QuarantineView,
  ReceivedInvitations,
  ReconciliationView,
  SalesDays,
  SaleView,
  TeamView,
  User,
  WebhookDeliveryView,
  WebhookTestResult,
  WebhookView,
  WebhookWithSecret,
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
  const remove = <T>(path: string) => client.call<T>(path, { method: 'DELETE' });
  const kiosk = (id: string) => `/v1/merchant/kiosks/${encodeURIComponent(id)}`;
  const webhook = (id: string) => `/v1/merchant/webhooks/${encodeURIComponent(id)}`;
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
    suspendKiosk: (id: string) => post<KioskView>(`${kiosk(id)}/suspend`),
    resumeKiosk: (id: string) => post<KioskView>(`${kiosk(id)}/resume`),
    denyKiosk: (id: string) => post<KioskView>(`${kiosk(id)}/deny`),
    team: () => client.call<TeamView>('/v1/merchant/team'),
    invite: (body: { phone: string; role: InvitedRole }) =>
      post<TeamView>('/v1/merchant/team/invitations', body),
    withdrawInvitation: (id: string) =>
      remove<TeamView>(`/v1/merchant/team/invitations/${encodeURIComponent(id)}`),
    setTeamRole: (id: string, role: InvitedRole) =>
      client.call<TeamView>(`/v1/merchant/team/members/${encodeURIComponent(id)}`, {
        method: 'PUT',
        body: { role },
      }),
    removeMember: (id: string) => remove<TeamView>(`/v1/merchant/team/members/${encodeURIComponent(id)}`),
    receivedInvitations: () => client.call<ReceivedInvitations>('/v1/team-invitations'),
    answerInvitation: (id: string, answer: 'accept' | 'decline') =>
      post<User>(`/v1/team-invitations/${encodeURIComponent(id)}/${answer}`),
    limits: () => client.call<MerchantLimitsView>('/v1/merchant/limits'),
    setLimits: (body: { basedOn: number; limits: MerchantLimitsView['limits'] }) =>
      client.call<MerchantLimitsView>('/v1/merchant/limits', { method: 'PUT', body }),

    bankAccount: () => client.call<BankAccountView>('/v1/bank-account'),
    linkBankAccount: () => post<BankAccountLink>('/v1/bank-account/link'),
    payOuts: (cursor: string | null) =>
      client.call<Page<Withdrawal>>(withQuery('/v1/merchant/pay-outs', { limit: '20', cursor })),
    payOut: (id: string) => client.call<Withdrawal>(withdrawal(id)),
    requestPayOut: (order: { amountMinor: string; feeMinor: string }, key: string) =>
      post<Withdrawal>('/v1/withdrawals', order, key),
    confirmPayOut: (id: string, code: string) => post<Withdrawal>(`${withdrawal(id)}/confirm`, { code }),
    resendPayOutCode: (id: string) => post<Withdrawal>(`${withdrawal(id)}/resend`),

    webhooks: () => client.call<{ readonly items: readonly WebhookView[] }>('/v1/merchant/webhooks'),
    createWebhook: (body: { url: string; events: readonly string[] }, key: string) =>
      post<WebhookWithSecret>('/v1/merchant/webhooks', body, key),
    setWebhookTold: (id: string, isTold: boolean) =>
      post<WebhookView>(`${webhook(id)}/${isTold ? 'enable' : 'disable'}`),
    newWebhookSecret: (id: string, key: string) =>
      post<WebhookWithSecret>(`${webhook(id)}/secret`, undefined, key),
    tryWebhook: (id: string) => post<WebhookTestResult>(`${webhook(id)}/test`),
    deleteWebhook: (id: string) => remove<undefined>(webhook(id)),
    webhookDeliveries: (cursor: string | null) =>
      client.call<Page<WebhookDeliveryView>>(
        withQuery('/v1/merchant/webhook-deliveries', { limit: '20', cursor }),
      ),
    replayDelivery: (id: string) =>
      post<WebhookDeliveryView>(`/v1/merchant/webhook-deliveries/${encodeURIComponent(id)}/replay`),

    doubleSpends: (cursor: string | null) =>
      client.call<Page<DoubleSpendView>>(withQuery('/v1/merchant/double-spends', { cursor })),
    claims: (cursor: string | null) =>
      client.call<Page<MerchantClaimView>>(withQuery('/v1/merchant/claims', { cursor })),

    operator: {
      overview: () => client.call<OperatorOverview>('/v1/operator/overview'),
      reconcile: () => post<ReconciliationView>('/v1/operator/reconciliation'),
      damage: (cursor: string | null) =>
        client.call<Page<DamageView>>(withQuery('/v1/operator/damage', { cursor })),
      findUser: (phone: string) => post<OperatorUserView>('/v1/operator/users/find', { phone }),
      actOnUser: (id: string, act: 'suspend' | 'restore' | 'end-sessions', reason: string) =>
        post<OperatorUserView>(`/v1/operator/users/${encodeURIComponent(id)}/${act}`, { reason }),
      quarantines: () =>
        client.call<{ readonly items: readonly QuarantineView[] }>('/v1/operator/quarantines'),
      release: (id: string, reason: string) =>
        post<{ readonly items: readonly QuarantineView[] }>(
          `/v1/operator/quarantines/${encodeURIComponent(id)}/release`,
          { reason },
        ),
      cases: (cursor: string | null) =>
        client.call<Page<OperatorCaseView>>(withQuery('/v1/operator/double-spends', { cursor })),
      judge: (id: string, body: { verdict: CaseVerdict; reason: string }) =>
        post<undefined>(`/v1/operator/double-spends/${encodeURIComponent(id)}/judgement`, body),
      claims: (cursor: string | null) =>
        client.call<Page<OperatorClaimView>>(withQuery('/v1/operator/claims', { cursor })),
      denied: (cursor: string | null) =>
        client.call<Page<DeniedView>>(withQuery('/v1/operator/denied', { cursor })),
      policy: () => client.call<PolicyView>('/v1/operator/policy'),
      acts: (cursor: string | null) =>
        client.call<Page<OperatorActView>>(withQuery('/v1/operator/acts', { cursor })),
    },
  };
}
export type Endpoints = ReturnType<typeof createEndpoints>;
