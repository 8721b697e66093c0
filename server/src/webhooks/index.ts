/** Webhooks: what merchants' programs are told. */
export { deliver, handOver, listDeliveries, markDead, replay } from './deliver.ts';
export {
  changeSecret,
  createEndpoint,
  disableEndpoint,
  listEndpoints,
  type WebhookNeeds,
  withSecret,
} from './endpoints.ts';
