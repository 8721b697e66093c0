/** Entry of the local stand-ins for Stripe and Twilio: one small process beside the server. Only wires. */
import { join } from 'node:path';
import { type Config, ConfigError, readConfig, wantedStandIns } from './config.ts';
import { listen, PortTaken } from './http/listen.ts';
import { createLogger } from './log.ts';
import { createStripeStandIn } from './money/stand-in/stripe-stand-in.ts';
import { standInWebhookSecret } from './money/stand-in/webhook-secret.ts';
import { createTwilioStandIn } from './notify/stand-in/twilio-stand-in.ts';
import { onStop } from './on-stop.ts';

const STOP_GRACE_MS = 2_000;
const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];

const say = (line: string) => console.log(line);

interface Running {
  /** For the line that says what runs. */
  readonly where: string;
  readonly stop: () => Promise<void>;
}

async function startStripe({ host, standIns, standInDataDir, stripe }: Config): Promise<Running> {
  const standIn = createStripeStandIn({
    stateFile: join(standInDataDir, 'stripe.json'),
    publicOrigin: standIns.stripeOrigin,
    webhook: {
      url: standIns.webhookTarget,
      secret: stripe.webhookSecret ?? standInWebhookSecret(standInDataDir),
    },
    onLine: (line) => say(`stripe stand-in: ${line}`),
  });
  const { fetch } = standIn.app;
  const server = await listen({ fetch, host, port: standIns.stripePort, setting: 'STRIPE_STANDIN_PORT' });
  const stop = () => {
    standIn.close();
    return server.close(STOP_GRACE_MS);
  };
  return { where: `Stripe at http://localhost:${server.port}/`, stop };
}

async function startTwilio({ host, standIns, standInDataDir }: Config): Promise<Running> {
  const { fetch } = createTwilioStandIn({
    stateFile: join(standInDataDir, 'twilio.json'),
    // The whole point of this line is the code: it stands in for the phone's screen.
    onSms: (message) => say(`SMS to ${message.to}: ${message.body}`),
  });
  const server = await listen({ fetch, host, port: standIns.twilioPort, setting: 'TWILIO_STANDIN_PORT' });
  return {
    where: `SMS inbox at http://localhost:${server.port}/`,
    stop: () => server.close(STOP_GRACE_MS),
  };
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const wanted = wantedStandIns(config);
  const running = [
    ...(wanted.stripe ? [await startStripe(config)] : []),
    ...(wanted.twilio ? [await startTwilio(config)] : []),
  ];
  onStop(createLogger({ level: config.logLevel }), async () => {
    await Promise.all(running.map(({ stop }) => stop()));
  });
  say(`Stand-ins are ready: ${running.map(({ where }) => where).join(', ')}.`);
  if (!LOOPBACK.includes(config.host))
    say(`Everybody who reaches ${config.host} can read the codes and pay with made-up cards.`);
}

main().catch((error: unknown) => {
  const known = error instanceof ConfigError || error instanceof PortTaken;
  console.error(known ? error.message : error);
  process.exit(error instanceof PortTaken ? 3 : error instanceof ConfigError ? 2 : 1);
});
