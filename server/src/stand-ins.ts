/** Entry of the local stand-ins for Stripe and Twilio: one small process beside the server. Only wires. */
import { join } from 'node:path';
import { ConfigError, readConfig } from './config.ts';
import { listen, PortTaken } from './http/listen.ts';
import { createLogger } from './log.ts';
import { createStripeStandIn } from './money/stand-in/stripe-stand-in.ts';
import { standInWebhookSecret } from './money/stand-in/webhook-secret.ts';
import { createTwilioStandIn } from './notify/stand-in/twilio-stand-in.ts';
import { onStop } from './on-stop.ts';

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger({ level: config.logLevel });
  const { host, standInDataDir, standIns } = config;
  const say = (line: string) => console.log(line);

  const stripe = createStripeStandIn({
    stateFile: join(standInDataDir, 'stripe.json'),
    publicOrigin: standIns.stripeOrigin,
    webhook: {
      url: standIns.webhookTarget,
      secret: config.stripe.webhookSecret ?? standInWebhookSecret(standInDataDir),
    },
    onLine: (line) => say(`stripe stand-in: ${line}`),
  });
  const twilio = createTwilioStandIn({
    stateFile: join(standInDataDir, 'twilio.json'),
    // The whole point of this line is the code: it stands in for the phone's screen.
    onSms: (message) => say(`SMS to ${message.to}: ${message.body}`),
  });
  const stripeServer = await listen({
    fetch: stripe.app.fetch,
    host,
    port: standIns.stripePort,
    setting: 'STRIPE_STANDIN_PORT',
  });
  const twilioServer = await listen({
    fetch: twilio.fetch,
    host,
    port: standIns.twilioPort,
    setting: 'TWILIO_STANDIN_PORT',
  });
  onStop(log, async () => {
    stripe.close();
    await Promise.all([stripeServer.close(2_000), twilioServer.close(2_000)]);
  });
  say(
    `Stand-ins are ready: Stripe at http://localhost:${stripeServer.port}/, SMS inbox at http://localhost:${twilioServer.port}/.`,
  );
}

main().catch((error: unknown) => {
  const known = error instanceof ConfigError || error instanceof PortTaken;
  console.error(known ? error.message : error);
  process.exit(error instanceof PortTaken ? 3 : error instanceof ConfigError ? 2 : 1);
});
