// A merchant or an operator at a desk: the server's own pages in a real Chromium with nothing in it.

import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import { sandboxFlags } from '../../scripts/electron-runtime.ts';
import { findProgram } from '../../scripts/system-packages.ts';

export type DeskOptions = {
  readonly url: string;
  readonly locale?: string;
  readonly colorScheme?: 'light' | 'dark';
  readonly viewport?: { readonly width: number; readonly height: number };
};

export class Desk {
  static async browser(): Promise<Browser> {
    return await chromium.launch({
      executablePath: findProgram('chromium') ?? 'chromium',
      args: ['--disable-gpu', '--disable-quic', '--disable-background-networking', ...sandboxFlags()],
    });
  }

  /** Opens a page, in a context of its own. */
  static async open(browser: Browser, options: DeskOptions): Promise<Desk> {
    const context = await browser.newContext({
      locale: options.locale ?? 'en-SG',
      colorScheme: options.colorScheme ?? 'light',
      viewport: options.viewport ?? { width: 1280, height: 900 },
      acceptDownloads: true,
    });
    const page = await context.newPage();
    const desk = new Desk(context, page);
    page.on('console', (message) => {
      // What the providers' pages complain of is theirs.
      if (message.type() === 'error' && message.location().url.startsWith(new URL(options.url).origin))
        desk.complaints.push(message.text());
    });
    page.on('pageerror', (error) => desk.complaints.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith('blob:')) desk.origins.add(new URL(request.url()).origin);
    });
    await page.goto(options.url);
    return desk;
  }

  readonly page: Page;
  /** What the browser complained of: also whatever the content security policy stopped. */
  readonly complaints: string[] = [];
  /** Everybody that the page spoke to. */
  readonly origins = new Set<string>();
  readonly #context: BrowserContext;

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
  }

  at(testId: string): Locator {
    return this.page.getByTestId(testId);
  }

  /** @param codeOf asked where a code by SMS stands beside the password: for operators. */
  async signIn(
    person: { readonly phone: string; readonly password: string },
    codeOf?: (phone: string) => Promise<string>,
  ): Promise<void> {
    await this.at('sign-in-phone').fill(person.phone);
    await this.at('sign-in-password').fill(person.password);
    await this.at('sign-in-submit').click();
    if (codeOf !== undefined) {
      await this.at('otp-code').waitFor();
      await this.at('otp-code').fill(await codeOf(person.phone));
      await this.at('code-submit').click();
    }
    await this.page.locator('.office').waitFor();
  }

  async close(): Promise<void> {
    await this.#context.close();
  }
}
