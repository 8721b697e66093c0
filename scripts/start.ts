// `npm start`: the whole product on this machine. Stand-ins for Stripe and the SMS
// unless there are keys, the cloud on its own PostgreSQL, a till's agent and its
// window; demo people to begin with. Ctrl-C stops everything; a second start finds
// everything where it was.

import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { withDisplay } from './display.ts';
import { findElectron, sandboxFlags } from './electron-runtime.ts';
import { leaveSignalsToCaller, repositoryRoot, runCommand } from './run-command.ts';
import { demoCustomer, demoMerchant, ensureDemoCustomer, ensureDemoKiosk } from './stack/demo-data.ts';
import { keepRunning } from './stack/keep-running.ts';
import { ManagedProcess } from './stack/managed-process.ts';
import { choosePorts } from './stack/ports.ts';
import { defaultDataFolder, Stack } from './stack/stack.ts';
import { ensureSystemPackages } from './system-packages.ts';

const usesStandIns =
  (process.env['STRIPE_SECRET_KEY'] ?? '') === '' && (process.env['TWILIO_ACCOUNT_SID'] ?? '') === '';
let isStopping = false;
const wantsWindow = process.env['TIKI_NO_WINDOW'] !== '1';

/** Runs one step with its name on the terminal, so that nothing takes long without a word. */
async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  // What begins after Ctrl-C would be left behind.
  if (isStopping) throw new Error('Stopping.');
  const startedAt = performance.now();
  process.stdout.write(`  ${name} ...`);
  try {
    const value = await work();
    process.stdout.write(` ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
    return value;
  } catch (error) {
    process.stdout.write(isStopping ? '' : ' failed\n');
    throw error;
  }
}

async function build(): Promise<void> {
  const result = await runCommand('node', ['scripts/build.ts']);
  if (result.code !== 0)
    throw new Error(`building the wallet, the pages and the window failed:\n${result.output}`);
}

type Stops = (() => Promise<void>)[];

/** @param stops gains what stops the window and its display, as soon as there is something to stop. */
async function openWindow(stack: Stack, stops: Stops): Promise<readonly string[]> {
  // What these two say belongs on lines of its own, not behind the name of the step.
  const said: string[] = [];
  const say = (line: string): void => void said.push(line);
  const display = await withDisplay({ say });
  stops.unshift(display.stop);
  const electron = await findElectron({ say: (line) => console.log(`\n    ${line}`) });
  const window = ManagedProcess.spawn({
    name: 'till window',
    command: electron.executablePath,
    args: [join(repositoryRoot, 'desktop'), ...sandboxFlags()],
    env: { ...stack.windowEnvironment, ...display.env },
    logFile: join(stack.options.dataFolder, 'logs', 'window.log'),
    // A window that cannot open ends within a second; one that is still there has opened.
    isReady: async () => await delay(1_500, true),
  });
  stops.unshift(async () => await window.stop());
  await window.whenReady();
  void window.exited.then(() => {
    if (!window.wasStopped)
      console.log(
        '\nThe till window was closed. The till itself goes on.  window  opens it again; Ctrl-C stops everything.',
      );
  });
  return said;
}

function sayWhatNext(stack: Stack): void {
  const { walletUrl, smsInboxUrl, kioskUrl } = stack;
  console.log(`
TikiWallet is running.

  Wallet (the customer's phone)   ${walletUrl}
  Merchant's pages                ${walletUrl}/merchant   (log in as the demo merchant)
  Operator's pages                ${walletUrl}/operator   (register somebody new in the wallet, who never topped up, then, in another terminal:
                                  npm run operator -- appoint-operator +65...)
  Till (the shop)                 ${wantsWindow ? 'the window; the' : 'no window; the'} wallet reaches it at ${kioskUrl}
  ${usesStandIns ? `SMS inbox (stand-in)            ${smsInboxUrl}` : 'SMS and cards go through your own Twilio and Stripe accounts.'}

  Demo customer                   ${demoCustomer.phone}   ${demoCustomer.password}
  Demo merchant                   ${demoMerchant.phone}   ${demoMerchant.password}

What to do next:
  1. Open the wallet in a browser, log in as the demo customer (or register: the code arrives in the SMS inbox).
  2. Move some money to the offline wallet.
  3. On the till, type an amount and press Charge.
  4. In the wallet choose Pay, then scan the code on the till; without a camera, "Find the shop on this network".
     Confirm: both screens say paid.
  To see it without internet: type  offline  here and press Enter; the cloud stops. Pay; both screens say paid.
  Then type  online : the till settles by itself.

Data and logs: ${stack.options.dataFolder}     Ctrl-C stops everything.
`);
}

/** The internet's switch: `offline` stops the cloud, `online` starts it again. `window` opens the till's window. */
function listenForWords(stack: Stack, reopenWindow: () => Promise<void>): void {
  const lines = createInterface({ input: process.stdin });
  let busy = false;
  const turn = async (name: string, work: () => Promise<void>): Promise<void> => {
    if (busy) return console.log('  One moment: the last word is still being done.');
    busy = true;
    try {
      await step(name, work);
    } catch (error) {
      if (!isStopping) console.error(error instanceof Error ? error.message : String(error));
    } finally {
      busy = false;
    }
  };
  const understand = async (word: string): Promise<void> => {
    const isOnline = stack.server?.isRunning ?? false;
    switch (word) {
      case '':
        return;
      case 'offline':
        if (!isOnline) return console.log('  The cloud is stopped already.  online  starts it.');
        return await turn('the internet goes: stopping the cloud', async () => await stack.stopServer());
      case 'online':
        if (isOnline) return console.log('  The cloud is running already.  offline  stops it.');
        return await turn('the internet returns: starting the cloud', async () => {
          await stack.startServer();
          sayWhenCloudEnds(stack);
        });
      case 'window':
        return await reopenWindow().catch((error: unknown) =>
          console.error(error instanceof Error ? error.message : String(error)),
        );
      default:
        console.log('  Words understood here: offline, online, window. Ctrl-C stops everything.');
    }
  };
  lines.on('line', (line) => void understand(line.trim().toLowerCase()));
}

/** The cloud does not come back by itself here: its absence is what this terminal is there to show. */
function sayWhenCloudEnds(stack: Stack): void {
  const { server } = stack;
  void server?.exited.then(() => {
    if (!server.wasStopped)
      console.log('\nThe cloud ended by itself; its log says why.  online  starts it again.');
  });
}

/** Stops the parts in order, once, however often it is asked. */
function onInterrupt(stop: () => Promise<void>): void {
  leaveSignalsToCaller();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (isStopping) return;
      isStopping = true;
      console.log('\nStopping ...');
      void stop().then(
        () => {
          console.log('Everything is stopped.');
          process.exit(0);
        },
        (error: unknown) => {
          console.error(error);
          process.exit(1);
        },
      );
    });
  }
}

/** The kiosk comes back after a crash as it does in a shop, and so do the stand-ins. */
function keepParts(stack: Stack): void {
  const say = (line: string): void => console.log(`\n${line}`);
  const agent = { name: 'till agent', current: () => stack.agent, start: () => stack.startAgent() };
  void keepRunning(agent, { say });
  if (usesStandIns) {
    const standIns = { name: 'stand-ins', current: () => stack.standIns, start: () => stack.startStandIns() };
    void keepRunning(standIns, { say });
  }
  sayWhenCloudEnds(stack);
}

async function main(): Promise<void> {
  const ports = await choosePorts(process.env);
  const stack = new Stack({ dataFolder: defaultDataFolder(), ports });
  const windowStops: Stops = [];
  const stopWindow = async (): Promise<void> => {
    for (const stop of windowStops.splice(0)) await stop();
  };
  const stopAll = async (): Promise<void> => {
    await stopWindow();
    await stack.stop();
  };
  const showWindow = async (): Promise<void> => {
    await stopWindow();
    await ensureSystemPackages(['desktop']);
    const said = await step('till window', async () => await openWindow(stack, windowStops));
    for (const line of said) console.log(`    ${line}`);
  };
  onInterrupt(stopAll);
  try {
    if (wantsWindow) await ensureSystemPackages(['desktop']);
    await step('building wallet, pages and till window', build);
    if (usesStandIns) await step('stand-ins for Stripe and SMS', async () => await stack.startStandIns());
    await step('cloud, with its PostgreSQL', async () => await stack.startServer());
    await step('till agent', async () => await stack.startAgent());
    if (usesStandIns) {
      await step('demo customer', async () => await ensureDemoCustomer(stack));
      await step('demo merchant and till', async () => await ensureDemoKiosk(stack));
    }
    if (wantsWindow) await showWindow();
  } catch (error) {
    // Ctrl-C in the middle of a step: what it interrupted is no failure, and the stopping has begun already.
    if (isStopping) return;
    await stopAll();
    throw error;
  }
  if (isStopping) return;
  keepParts(stack);
  sayWhatNext(stack);
  listenForWords(stack, showWindow);
}

try {
  await main();
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
