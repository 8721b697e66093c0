// Chooses and checks TCP ports of the loopback address.

import { createServer } from 'node:net';

export type PortName = 'server' | 'stripe' | 'sms' | 'kiosk';

/** The ports of `npm start`, and the variables that change them. */
export const defaultPorts: Readonly<Record<PortName, { readonly variable: string; readonly port: number }>> =
  {
    server: { variable: 'PORT', port: 8080 },
    stripe: { variable: 'STRIPE_STANDIN_PORT', port: 8081 },
    sms: { variable: 'TWILIO_STANDIN_PORT', port: 8082 },
    kiosk: { variable: 'TIKI_LISTEN_PORT', port: 7070 },
  };

export class PortTaken extends Error {
  readonly code = 'port_taken';
  constructor(port: number, variable: string) {
    super(
      `Port ${String(port)} is taken by another program. Stop that program, or choose another port: ` +
        `${variable}=${String(port + 1000)} npm start`,
    );
    this.name = 'PortTaken';
  }
}

export class PortInvalid extends Error {
  readonly code = 'port_invalid';
  constructor(variable: string, value: string) {
    super(`${variable} must be a port number between 1 and 65535, not "${value}".`);
    this.name = 'PortInvalid';
  }
}

/** The ports from the environment, each checked to be free. */
export async function choosePorts(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Record<PortName, number>> {
  const chosen: Record<PortName, number> = { server: 0, stripe: 0, sms: 0, kiosk: 0 };
  for (const name of ['server', 'stripe', 'sms', 'kiosk'] as const) {
    const { variable, port } = defaultPorts[name];
    const text = environment[variable];
    const wanted = text === undefined || text === '' ? port : Number(text);
    if (!Number.isInteger(wanted) || wanted < 1 || wanted > 65_535)
      throw new PortInvalid(variable, text ?? '');
    if (!(await isFree(wanted))) throw new PortTaken(wanted, variable);
    chosen[name] = wanted;
  }
  return chosen;
}

export async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** Free ports for tests: held open together while choosing, so that they differ. */
export async function freePorts(): Promise<Record<PortName, number>> {
  const held = await Promise.all(['server', 'stripe', 'sms', 'kiosk'].map(holdFreePort));
  const [server, stripe, sms, kiosk] = await Promise.all(held.map(async (one) => await one.release()));
  return { server: server ?? 0, stripe: stripe ?? 0, sms: sms ?? 0, kiosk: kiosk ?? 0 };
}

async function holdFreePort(): Promise<{ release: () => Promise<number> }> {
  return await new Promise((resolve, reject) => {
    const holder = createServer();
    holder.once('error', reject);
    holder.listen({ port: 0, host: '127.0.0.1' }, () => {
      const address = holder.address();
      const port = address !== null && typeof address === 'object' ? address.port : 0;
      resolve({ release: async () => await new Promise((done) => holder.close(() => done(port))) });
    });
  });
}
