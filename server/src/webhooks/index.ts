/** Webhooks: what merchants' programs are told. */
export { deliver, handOver, listDeliveries, markDead, replay, tryEndpoint } from './deliver.ts';
export {
  changeSecret,
  createEndpoint,
  deleteEndpoint,
  disableEndpoint,
  enableEndpoint,
  listEndpoints,
  type WebhookNeeds,
  withSecret,
} from './endpoints.ts';
