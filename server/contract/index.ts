/**
 * The public door of the cloud API: the shapes of every JSON body, and nothing that runs.
 *
 * The server derives its routes and its OpenAPI document from these schemas; the agent validates what it
 * receives with them; the wallet imports their types only. Money is a decimal string of minor units
 * (`"1250"` is 12.50 of a two-decimal currency) beside its ISO 4217 code; binary values are base64url
 * without padding; times are ISO 8601 in UTC unless a name ends in `Seconds` or `Ms`.
 */
export * from './primitives.ts';
export * from './problems.ts';
export * from './accounts.ts';
export * from './wallet.ts';
export * from './merchant.ts';
export * from './team.ts';
export * from './kiosk.ts';
export * from './operator.ts';
export * from './double-spends.ts';
export * from './claims.ts';
export * from './refunds.ts';
export * from './withdrawals.ts';
export * from './webhooks.ts';
export * from './api.ts';
