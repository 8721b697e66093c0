/** The little of jsdom that the hand-off page's tests use: the package ships no types, and the agent knows no DOM. */
declare module 'jsdom' {
  export interface TestElement {
    textContent: string | null;
    hidden: boolean;
    readonly type?: string;
    getAttribute(name: string): string | null;
    getAttributeNames(): string[];
  }
  export interface TestDocument {
    readonly documentElement: { lang: string; dir: string };
    readonly body: { readonly dataset: Record<string, string | undefined> };
    getElementById(id: string): TestElement | null;
    querySelector(selector: string): TestElement | null;
    querySelectorAll(selector: string): Iterable<TestElement> & { readonly length: number };
  }
  export interface TestWindow {
    readonly document: TestDocument;
    readonly location: { readonly hash: string; readonly href: string };
    readonly history: { replaceState(state: null, unused: string, url: string): void };
  }
  export class JSDOM {
    readonly window: TestWindow;
    constructor(html: string, options?: { readonly url?: string });
  }
}
