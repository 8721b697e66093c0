// A customer's phone: the built wallet in a real Chromium with storage of its own and
// a camera that sees what it is pointed at. Driven by what is on the screen.

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { sandboxFlags } from '../../scripts/electron-runtime.ts';
import { findProgram } from '../../scripts/system-packages.ts';
import type { CloudClient, Person } from '../../scripts/stack/cloud-client.ts';
import { writeCameraVideo } from './camera.ts';

const browserFlags = [
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
];

/** For what comes for certain, on a machine that others use as well. */
const PATIENCE_MS = 60_000;

export type PhoneOptions = {
  /** Where the wallet is served. */
  readonly url: string;
  readonly locale?: string;
  readonly colorScheme?: 'light' | 'dark';
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Another program than the machine's Chromium, for a phone in a network of its own. */
  readonly executablePath?: string;
  /** Further switches of the browser. */
  readonly flags?: readonly string[];
};

export class Phone {
  /** What its owner chooses and types. */
  readonly pin = '482915';
  /** Everything that the browser keeps: what a copied phone has. */
  readonly profile: string;
  readonly #folder: string;
  readonly #options: PhoneOptions;
  #on: { readonly context: BrowserContext; readonly page: Page } | undefined;

  private constructor(folder: string, options: PhoneOptions) {
    this.#folder = folder;
    this.profile = join(folder, 'profile');
    this.#options = options;
  }

  /** Switches the phone on and opens the wallet, waiting until it is installed for use without network. */
  static async open(options: PhoneOptions): Promise<Phone> {
    const folder = await mkdtemp(join(tmpdir(), 'tiki-phone-'));
    await mkdir(join(folder, 'profile'));
    await writeCameraVideo(PNG.sync.write(new PNG({ width: 1280, height: 720 })), join(folder, 'camera.y4m'));
    const phone = new Phone(folder, options);
    await phone.switchOn();
    await phone.waitUntilInstalled();
    return phone;
  }

  get page(): Page {
    if (this.#on === undefined) throw new Error('the phone is off');
    return this.#on.page;
  }

  get #url(): string {
    return this.#options.url;
  }

  get context(): BrowserContext {
    if (this.#on === undefined) throw new Error('the phone is off');
    return this.#on.context;
  }

  /** Starts the browser on what it kept, and opens the wallet. */
  async switchOn(changes: Pick<PhoneOptions, 'flags'> = {}): Promise<void> {
    const context = await launch(this.#folder, { ...this.#options, ...changes });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = context.pages()[0] ?? (await context.newPage());
    this.#on = { context, page };
    await page.goto(this.#url);
  }

  /** The battery is pulled out: the browser gets no chance to write anything more. */
  async kill(): Promise<void> {
    const { context } = this.#on ?? {};
    if (context === undefined) return;
    const ended = new Promise((resolve) => context.once('close', resolve));
    for (const pid of await browserProcesses(this.profile)) process.kill(pid, 'SIGKILL');
    await ended;
    this.#on = undefined;
    await rm(join(this.profile, 'SingletonLock'), { force: true });
  }

  /** Put down in an orderly way. */
  async switchOff(): Promise<void> {
    await this.#on?.context.close();
    this.#on = undefined;
  }

  /** The browser ends in the middle of whatever it does, and is opened again with what it had on its disk. */
  async restart(changes: Pick<PhoneOptions, 'flags'> = {}): Promise<void> {
    await this.switchOff();
    await this.switchOn(changes);
  }

  at(testId: string): Locator {
    return this.page.getByTestId(testId);
  }

  /** The service worker controls the page: from here on the wallet opens without network. */
  async waitUntilInstalled(): Promise<void> {
    await this.page.evaluate(async () => {
      await navigator.serviceWorker.ready;
    });
  }

  async register(person: Person, cloud: CloudClient): Promise<void> {
    await this.at('welcome-register').click();
    await this.at('register-phone').fill(person.phone);
    await this.at('register-username').fill(person.username);
    await this.at('register-password').fill(person.password);
    await this.at('register-submit').click();
    await this.at('otp-code').waitFor();
    await this.enterCode(await cloud.codeSentTo(person.phone));
    await this.at('home').waitFor();
  }

  async enterCode(code: string): Promise<void> {
    await this.at('otp-code').fill(code);
    await this.at('otp-submit').click();
  }

  /** Through the provider's checkout page and back. @param amount as typed, e.g. `50`. */
  async topUp(amount: string): Promise<void> {
    await this.at('topup-link').click();
    await this.at('topup-amount').fill(amount);
    await this.at('topup-submit').click();
    await this.page.locator('input[name=number]').fill('4242 4242 4242 4242');
    await this.page.locator('input[name=expiry]').fill('12 / 34');
    await this.page.locator('input[name=cvc]').fill('123');
    await this.page.locator('button[type=submit]').click();
    await this.page.locator('[data-testid=topup-state][data-state=succeeded]').waitFor();
    await this.at('topup-done').click();
    await this.at('home').waitFor();
  }

  async loadOffline(amount: string): Promise<void> {
    await this.at('load-link').click();
    await this.at('load-amount').fill(amount);
    await this.at('load-submit').click();
    await this.answerPin('home');
  }

  /** Types the PIN on the wallet's own keys as often as it is asked for, until `next` is on the screen. */
  async answerPin(next: string): Promise<void> {
    const pad = this.at('pin-pad');
    for (;;) {
      await this.page
        .locator(`[data-testid=pin-pad][aria-busy=false], [data-testid=${next}]`)
        .first()
        .waitFor();
      if (!(await pad.isVisible())) return;
      await this.typePin();
    }
  }

  /** Resolves when the digits were taken: another step, or the same one with empty dots. */
  async typePin(pin = this.pin): Promise<void> {
    for (const digit of pin) await this.at(`pin-${digit}`).click();
    await this.page.locator('[data-testid=pin-pad][data-entered="6"]').waitFor({ state: 'detached' });
  }

  /** What the camera sees from now on. Read when the camera is opened. */
  async pointCameraAt(png: Buffer): Promise<void> {
    await writeCameraVideo(png, join(this.#folder, 'camera.y4m'));
  }

  /** Points the camera at the picture, opens Pay and waits for the request to be understood. */
  async scan(png: Buffer): Promise<void> {
    await this.pointCameraAt(png);
    await this.page.goto(`${this.#options.url}/#/`);
    await this.at('pay-button').click();
    await this.payState().waitFor();
  }

  /** The text of the code, for those whose camera is broken. */
  async paste(text: string): Promise<void> {
    await this.at('pay-button').click();
    await this.at('scan-text-toggle').click();
    await this.at('scan-paste').fill(text);
    await this.at('scan-submit').click();
    await this.payState().waitFor();
  }

  /** Pays, with the PIN where the wallet asks for it. */
  async confirm(): Promise<void> {
    await this.at('confirm-pay').click();
    const under = '[data-testid=pay-state]:not([data-state=confirm])';
    await this.page.locator(`[data-testid=pin-pad], ${under}`).first().waitFor();
    if (await this.at('pin-pad').isVisible()) await this.typePin();
  }

  /** The picture that another camera gets when the phone is held in front of it. */
  async codeForShop(): Promise<Buffer> {
    await this.at('payment-code').waitFor();
    return await this.at('payment-code').screenshot({ animations: 'disabled' });
  }

  /** Points the camera at the kiosk's receipt. */
  async scanReceipt(png: Buffer): Promise<void> {
    await this.pointCameraAt(png);
    await this.at('scan-receipt').click();
  }

  payState(): Locator {
    return this.at('pay-state');
  }

  async waitForPayState(state: string): Promise<void> {
    await this.page.locator(`[data-testid=pay-state][data-state=${state}]`).waitFor();
  }

  /** Closed and opened again, as after the battery died. */
  async reopen(): Promise<void> {
    await this.page.goto('about:blank');
    await this.page.goto(this.#options.url);
    await this.at('home').waitFor();
  }

  async goHome(): Promise<void> {
    await this.page.goto(`${this.#options.url}/#/`);
    await this.at('home').waitFor();
  }

  async screenshot(file?: string): Promise<Buffer> {
    const png = await this.page.screenshot({ animations: 'disabled' });
    if (file !== undefined) await writeFile(file, png);
    return png;
  }

  async close(): Promise<void> {
    await this.switchOff();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The browser's own processes of this phone, and of no other: they name its profile. */
async function browserProcesses(profile: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    // A process may end while it is looked at.
    const command = await readFile(join('/proc', name, 'cmdline'), 'utf8').catch(() => '');
    if (command.split('\0').includes(`--user-data-dir=${profile}`)) found.push(Number(name));
  }
  return found;
}

async function launch(folder: string, options: PhoneOptions): Promise<BrowserContext> {
  return await chromium.launchPersistentContext(join(folder, 'profile'), {
    executablePath: options.executablePath ?? findProgram('chromium') ?? 'chromium',
    args: [
      ...browserFlags,
      ...sandboxFlags(),
      ...(options.flags ?? []),
      `--use-file-for-fake-video-capture=${join(folder, 'camera.y4m')}`,
    ],
    viewport: options.viewport ?? { width: 412, height: 915 },
    deviceScaleFactor: 2,
    hasTouch: true,
    isMobile: true,
    locale: options.locale ?? 'en-SG',
    colorScheme: options.colorScheme ?? 'light',
  });
}
