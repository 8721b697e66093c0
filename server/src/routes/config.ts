/** `GET /v1/config`: what a client must know before it signs in. */
import { createRoute } from '@hono/zod-openapi';
import { PublicConfig } from '../../contract/index.ts';
import type { Config } from '../config.ts';
import type { RegisterRoutes } from '../context.ts';
import { answers, refusals } from '../http/router.ts';

const route = createRoute({
  method: 'get',
  path: '/v1/config',
  tags: ['public'],
  summary: 'Currency, limits and addresses',
  responses: { 200: answers(PublicConfig, 'The configuration'), ...refusals },
});

function publicConfig(config: Config): PublicConfig {
  const { limits, stripe, twilio } = config;
  return {
    currency: config.currency,
    region: config.region,
    walletOrigin: config.publicOrigin,
    kioskOrigins: [...config.kioskOrigins],
    supportContact: config.supportContact,
    limits: {
      topUpMinMinor: limits.topUpMinMinor.toString(),
      topUpMaxMinor: limits.topUpMaxMinor.toString(),
      allowanceMaxMinor: limits.allowanceMaxMinor.toString(),
      perPaymentMaxMinor: limits.perPaymentMaxMinor.toString(),
    },
    standIns: { stripe: stripe.isStandIn, twilio: twilio.isStandIn, smsInboxUrl: twilio.inboxUrl },
  };
}

export const registerConfig: RegisterRoutes = (router, { config }) => {
  const body = publicConfig(config);
  router.openapi(route, (c) => c.json(body, 200));
};
