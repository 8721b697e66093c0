// `npm start`: the whole product on this machine. Stand-ins for Stripe and the SMS
// unless there are keys, the cloud on its own PostgreSQL, a kiosk's agent and its
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
import { ManagedProcess } from './stack/managed-process.ts';
import { choosePorts } from './stack/ports.ts';
import { defaultDataFolder, Stack } from './stack/stack.ts';
import { ensureSystemPackages } from './system-packages.ts';

const usesStandIns =
  (process.env['STRIPE_SECRET_KEY'] ?? '') === '' && (process.env['TWILIO_ACCOUNT_SID'] ?? '') === '';
const wantsWindow = process.env['TIKI_NO_WINDOW'] !== '1';

/** Runs one step with its name on the terminal, so that nothing takes long without a word. */
async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  process.stdout.write(`  ${name} ...`);
  try {
    const value = await work();
    process.stdout.write(` ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
    return value;
  } catch (error) {
    process.stdout.write(' failed\n');
    throw error;
  }
}

async function build(): Promise<void> {
  const result = await runCommand('node', ['scripts/build.ts']);
  if (result.code !== 0) throw new Error(`building the wallet and the window failed:\n${result.output}`);
}

type OpenWindow = { readonly said: readonly string[]; readonly stop: () => Promise<void> };

async function openWindow(stack: Stack): Promise<OpenWindow> {
  // What these two say belongs on lines of its own, not behind the name of the step.
  const said: string[] = [];
  const say = (line: string): void => void said.push(line);
  const display = await withDisplay({ say });
  const electron = await findElectron({ say: (line) => console.log(`\n    ${line}`) });
  const window = await ManagedProcess.start({
    name: 'kiosk window',
    command: electron.executablePath,
    args: [join(repositoryRoot, 'desktop'), ...sandboxFlags()],
    env: { ...stack.windowEnvironment, ...display.env },
    logFile: join(stack.options.dataFolder, 'logs', 'window.log'),
    // A window that cannot open ends within a second; one that is still there has opened.
    isReady: async () => await delay(1_500, true),
  });
  void window.exited.then(() => {
    if (!window.wasStopped)
      console.log('\nThe kiosk window was closed. The kiosk itself goes on; Ctrl-C stops everything.');
  });
  return {
    said,
    stop: async () => {
      await window.stop();
      await display.stop();
    },
  };
}

function sayWhatNext(stack: Stack): void {
  const { walletUrl, smsInboxUrl, kioskUrl } = stack;
  console.log(`
TikiWallet is running.

  Wallet (the customer's phone)   ${walletUrl}
  Kiosk (the shop)                the window; phones reach it at ${kioskUrl}
  ${usesStandIns ? `SMS inbox (stand-in)            ${smsInboxUrl}` : 'SMS and cards go through your own Twilio and Stripe accounts.'}

  Demo customer                   ${demoCustomer.phone}   ${demoCustomer.password}
  Demo merchant                   ${demoMerchant.phone}   ${demoMerchant.password}

What to do next:
  1. Open the wallet in a browser, log in as the demo customer (or register: the code arrives in the SMS inbox).
  2. Move some money to the offline wallet.
  3. On the kiosk, type an amount and press Charge.
  4. In the wallet choose Pay, scan the code on the kiosk and confirm. Both screens say paid.
  To see it without internet: type  offline  here and press Enter; the cloud stops. Pay; both screens say paid.
  Then type  online : the kiosk settles by itself.

Data and logs: ${stack.options.dataFolder}     Ctrl-C stops everything.
`);
}

/** The internet's switch: `offline` stops the cloud, `online` starts it again. */
function listenForWords(stack: Stack): void {
  const lines = createInterface({ input: process.stdin });
  let busy = false;
  const turn = async (name: string, work: () => Promise<void>): Promise<void> => {
    if (busy) return;
    busy = true;
    try {
      await step(name, work);
    } catch (error) {
      console.error(error instanceof Error ? error.message : String(error));
    } finally {
      busy = false;
    }
  };
  lines.on('line', (line) => {
    const word = line.trim().toLowerCase();
    if (word === 'offline')
      void turn('the internet goes: stopping the cloud', async () => await stack.stopServer());
    else if (word === 'online' && stack.server === undefined) {
      void turn('the internet returns: starting the cloud', async () => await stack.startServer());
    } else if (word !== '') console.log('  Words understood here: offline, online. Ctrl-C stops everything.');
  });
}

/** Stops the parts in order, once, however often it is asked. */
function onInterrupt(stop: () => Promise<void>): void {
  leaveSignalsToCaller();
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
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

async function main(): Promise<void> {
  const ports = await choosePorts(process.env);
  const stack = new Stack({ dataFolder: defaultDataFolder(), ports });
  const windows: { stop: () => Promise<void> }[] = [];
  const stopAll = async (): Promise<void> => {
    for (const window of windows) await window.stop();
    await stack.stop();
  };
  onInterrupt(stopAll);
  try {
    if (wantsWindow) await ensureSystemPackages(['desktop']);
    await step('building wallet and kiosk window', build);
    if (usesStandIns) await step('stand-ins for Stripe and SMS', async () => await stack.startStandIns());
    await step('cloud, with its PostgreSQL', async () => await stack.startServer());
    await step('kiosk agent', async () => await stack.startAgent());
    if (usesStandIns) {
      await step('demo customer', async () => await ensureDemoCustomer(stack));
      await step('demo merchant and kiosk', async () => await ensureDemoKiosk(stack));
    }
    if (wantsWindow) {
      const window = await step('kiosk window', async () => await openWindow(stack));
      windows.push(window);
      for (const line of window.said) console.log(`    ${line}`);
    }
  } catch (error) {
    await stopAll();
    throw error;
  }
  sayWhatNext(stack);
  listenForWords(stack);
}

try {
  await main();
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
