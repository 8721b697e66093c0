// How a screen in a browser is looked at: what moved by itself, what a finger misses, what a reader of screens trips over.

import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';

const leastTargetPx = 48;

/** The wallet on a phone, or another of the server's pages in a browser. */
type Screen = { readonly page: Page };

/** Runs in the page, before anything of it: what moved without a finger having caused it. */
export function watchShifts(): void {
  type Shift = PerformanceEntry & {
    readonly value: number;
    readonly hadRecentInput: boolean;
    readonly sources: readonly {
      readonly node: Node | null;
      readonly previousRect: DOMRectReadOnly;
      readonly currentRect: DOMRectReadOnly;
    }[];
  };
  const seen: string[] = [];
  const place = ({ x, y, width, height }: DOMRectReadOnly): string =>
    [x, y, width, height].map((length) => length.toFixed(1)).join(' ');
  const name = (node: Node | null): string =>
    node instanceof Element ? node.outerHTML.slice(0, 100) : `"${node?.textContent ?? 'nothing'}"`;
  Object.assign(globalThis, { tikiShifts: seen });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as Shift[]) {
      if (entry.hadRecentInput) continue;
      const nodes = entry.sources.map(
        ({ node, previousRect, currentRect }) =>
          `${name(node)} from ${place(previousRect)} to ${place(currentRect)}`,
      );
      seen.push(`${entry.value.toFixed(4)} ${nodes.join(', ')}`);
    }
  }).observe({ type: 'layout-shift', buffered: true });
}

export async function shifts(phone: Screen): Promise<readonly string[]> {
  return await phone.page.evaluate(() => {
    const seen: unknown = Reflect.get(globalThis, 'tikiShifts');
    return Array.isArray(seen) ? seen.splice(0).map(String) : ['nothing was watched'];
  });
}

/**
 * What would happen in half a second or later waits: a step that lasts for two seconds can be looked at for as long as a busy
 * machine needs. Only this page stands still, not the browser.
 * @returns what lets time go on.
 */
export async function holdTime(phone: Screen): Promise<() => Promise<void>> {
  await phone.page.evaluate(() => {
    const later = globalThis.setTimeout;
    const held: (() => void)[] = [];
    const hold = (work: () => void, ms = 0): unknown => {
      if (ms < 500) return later(work, ms);
      held.push(() => later(work, ms));
      return 0;
    };
    const letGo = (): void => {
      Object.assign(globalThis, { setTimeout: later });
      for (const start of held) start();
    };
    Object.assign(globalThis, { setTimeout: hold, tikiLetGo: letGo });
  });
  return async () =>
    await phone.page.evaluate(() => {
      const letGo: unknown = Reflect.get(globalThis, 'tikiLetGo');
      if (typeof letGo === 'function') letGo();
    });
}

export async function comeToRest(phone: Screen): Promise<void> {
  await phone.page.evaluate(async () => {
    const moving = document
      .getAnimations()
      .filter(({ effect }) => effect?.getComputedTiming().iterations !== Number.POSITIVE_INFINITY);
    await Promise.allSettled(moving.map(({ finished }) => finished));
  });
}

/** What axe judges by colours; everything else is the same by night. */
export const rulesOfColour = ['color-contrast', 'link-in-text-block'];

export async function seriousFindings(phone: Screen, rules?: string[]): Promise<string[]> {
  // The older way gathers its results in the page itself: there are no frames here for which a second page was needed.
  const axe = new AxeBuilder({ page: phone.page }).setLegacyMode(true);
  const { violations } = await (rules === undefined ? axe : axe.withRules(rules)).analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary ?? ''}`),
    );
}

/** Links inside sentences are exempt; everything that stands for itself is as large as a finger. */
export function smallTargets(phone: Screen): Promise<string[]> {
  return phone.page.evaluate((least) => {
    const small: string[] = [];
    for (const target of document.querySelectorAll<HTMLElement>('button, a[href], input, select, summary')) {
      if (!target.checkVisibility({ visibilityProperty: true }) || target.classList.contains('skip'))
        continue;
      const labels = target instanceof HTMLInputElement ? [...(target.labels ?? [])] : [];
      const boxes = [target, ...labels].map((element) => element.getBoundingClientRect());
      const fits = boxes.some(({ width, height }) => Math.min(width, height) >= least - 0.5);
      if (!fits) small.push(`${target.outerHTML.slice(0, 140)} ${JSON.stringify(boxes[0])}`);
    }
    return small;
  }, leastTargetPx);
}

/** Against the screen itself: a phone's browser zooms out until what is too wide fits, and `innerWidth` grows with it. */
export async function widerThanScreen(phone: Screen): Promise<boolean> {
  const screenWidth = phone.page.viewportSize()?.width ?? 0;
  return await phone.page.evaluate((width) => document.documentElement.scrollWidth > width, screenWidth);
}
