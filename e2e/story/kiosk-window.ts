// The kiosk's window in a real Electron, driven as a cashier drives it: by what is on
// the screen. Knows test ids, nothing of the agent.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ElectronApplication, Locator, Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { type Display, withDisplay } from '../../scripts/display.ts';
import { findElectron, sandboxFlags } from '../../scripts/electron-runtime.ts';
import { repositoryRoot } from '../../scripts/run-command.ts';
import type { CloudClient, Person } from '../../scripts/stack/cloud-client.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import { writeCameraVideo } from './camera.ts';
import { definedEnvironment, launchElectron } from './launch-electron.ts';

export class KioskWindow {
  readonly page: Page;
  readonly #app: ElectronApplication;
  readonly #display: Display;
  readonly #folder: string;

  private constructor(app: ElectronApplication, page: Page, display: Display, folder: string) {
    this.#app = app;
    this.page = page;
    this.#display = display;
    this.#folder = folder;
  }

  /** Opens the window over a stack's running agent. */
  static async open(stack: Stack): Promise<KioskWindow> {
    const folder = await mkdtemp(join(tmpdir(), 'tiki-camera-'));
    await writeCameraVideo(PNG.sync.write(new PNG({ width: 1280, height: 720 })), cameraIn(folder));
    const display = await withDisplay({ say: () => undefined });
    try {
      const electron = await findElectron({ say: () => undefined });
      const app = await launchElectron({
        executablePath: electron.executablePath,
        args: [
          join(repositoryRoot, 'desktop'),
          ...sandboxFlags(),
          '--lang=en-US',
          '--use-fake-device-for-media-stream',
          `--use-file-for-fake-video-capture=${cameraIn(folder)}`,
          '--force-device-scale-factor=1',
        ],
        env: {
          ...definedEnvironment(),
          ...stack.windowEnvironment,
          ...display.env,
          TIKI_WINDOW_SIZE: '1280x800',
        },
      });
      const page = await app.firstWindow();
      return new KioskWindow(app, page, display, folder);
    } catch (error) {
      await display.stop();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  at(testId: string): Locator {
    return this.page.getByTestId(testId);
  }

  /** Registers the merchant with the code from the inbox, creates a kiosk and enrols this device. */
  async setUp(person: Person, cloud: CloudClient): Promise<void> {
    await this.at('choose-register').click();
    await this.at('register-business-name').fill(person.businessName ?? person.username);
    await this.at('register-phone').fill(person.phone);
    await this.at('register-username').fill(person.username);
    await this.at('register-password').fill(person.password);
    await this.at('register-submit').click();
    await this.at('otp-0').waitFor();
    await this.typeOtp(await cloud.codeSentTo(person.phone));
    await this.at('kiosk-name').fill('Counter');
    await this.at('create-kiosk').click();
    await this.at('use-here').click();
    await this.at('screen-sell').waitFor();
  }

  /** The last digit submits, as a person expects. */
  async typeOtp(code: string): Promise<void> {
    await this.at('otp-0').click();
    await this.page.keyboard.type(code, { delay: 20 });
    const submit = this.at('otp-submit');
    if (await submit.isVisible().catch(() => false))
      await submit.click({ timeout: 2_000 }).catch(() => undefined);
  }

  /** Types minor units on the keypad and presses Charge; resolves when the code is on the screen. */
  async charge(amountMinor: bigint): Promise<void> {
    for (const digit of amountMinor.toString()) await this.at(`key-${digit}`).click();
    await this.at('charge').click();
    await this.at('qr').waitFor();
  }

  /** Points the till's camera at the picture and opens it, as for a customer without a network. */
  async scanCustomer(png: Buffer): Promise<void> {
    await writeCameraVideo(png, cameraIn(this.#folder));
    await this.at('scan-customer').click();
  }

  async newSale(): Promise<void> {
    await this.at('new-sale').click();
    await this.at('screen-sell').waitFor();
  }

  /** What a camera in front of the screen sees. */
  async screenshot(file?: string): Promise<Buffer> {
    const png = await this.page.screenshot({ animations: 'disabled' });
    if (file !== undefined) await writeFile(file, png);
    return png;
  }

  async close(): Promise<void> {
    await this.#app.close();
    await this.#display.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function cameraIn(folder: string): string {
  return join(folder, 'camera.y4m');
}
