/** The main process's decisions that need no window: paths, keys, senders, launch, back-off. */
import { join } from 'node:path';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fc, test } from '@fast-check/vitest';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { IpcError, rendererCalls } from '../ipc/index.ts';
import { agentEnvironment, nextBackoff } from './agent-process.ts';
import { contentSecurityPolicy, isAppUrl, policyFor, resolveAppFile, serveApp } from './app-protocol.ts';
import { type LaunchSurroundings, readLaunchOptions } from './launch-options.ts';
import { isBlockedShortcut } from './shortcuts.ts';
import { answerCall, isTrustedSender } from './renderer-calls.ts';

const ROOT = '/srv/app/out/renderer';

describe('the app protocol', () => {
  it('serves files of the build and the page itself', () => {
    expect(resolveAppFile(ROOT, 'app://tikiwallet/')).toBe(join(ROOT, 'index.html'));
    expect(resolveAppFile(ROOT, 'app://tikiwallet/assets/index-q6XJ_fEr.js?x=1#y')).toBe(
      join(ROOT, 'assets/index-q6XJ_fEr.js'),
    );
  });

  it.each([
    'app://tikiwallet/../secret.js',
    'app://tikiwallet/%2e%2e/secret.js',
    'app://tikiwallet/assets/%2e%2e%2f%2e%2e%2fmain/index.js',
    'app://tikiwallet/..%5c..%5cmain.js',
    'app://tikiwallet/a%00.js',
    'app://tikiwallet/%',
    'app://tikiwallet//etc/passwd',
    'app://tikiwallet/.env',
    'app://other/index.html',
    'app://tikiwallet.evil/index.html',
    'app://user@tikiwallet/index.html',
    'file:///etc/passwd',
    'https://tikiwallet/index.html',
    'nonsense',
  ])('serves nothing for %s', (url) => {
    const file = resolveAppFile(ROOT, url);
    // The URL parser folds plain parents away before anybody sees them: what remains is inside.
    expect(file === undefined || file.startsWith(`${ROOT}/`)).toBe(true);
    if (url.includes('%2e') || url.includes('%5c') || url.includes('%00'))
      expect(file === undefined || !file.includes('..')).toBe(true);
  });

  test.prop([fc.webPath({ size: 'large' }), fc.string()])('never leaves its folder', (path, tail) => {
    for (const url of [`app://tikiwallet${path}`, `app://tikiwallet/${tail}`]) {
      const file = resolveAppFile(ROOT, url);
      expect(file === undefined || (file.startsWith(`${ROOT}/`) && !file.split('/').includes('..'))).toBe(
        true,
      );
    }
  });

  it('knows its own pages from those that look like them', () => {
    expect(isAppUrl('app://tikiwallet/index.html')).toBe(true);
    for (const url of [
      'app://tikiwallet.evil/',
      'app://tikiwallet:80/',
      'https://tikiwallet/',
      'about:blank',
      'data:text/html,x',
      '',
    ])
      expect(isAppUrl(url), url).toBe(false);
  });

  it('allows no inline script, no network and no frame', () => {
    const policy = contentSecurityPolicy('abc');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("connect-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect(policy).not.toContain('upgrade-insecure-requests');
  });

  it('lets the decoder compile WebAssembly, and nothing else that is served', () => {
    const decoder = policyFor('app://tikiwallet/assets/decode-worker-B2_x-9.js', 'abc');
    expect(decoder).toContain("script-src 'self' 'wasm-unsafe-eval'");
    expect(decoder).not.toMatch(/'unsafe|https?:|\*/);
    for (const path of [
      '',
      'index.html',
      'assets/index-B2x9.js',
      'decode-worker-a.js',
      'assets/x/decode-worker-a.js',
    ])
      expect(policyFor(`app://tikiwallet/${path}`, 'abc'), path).toBe(contentSecurityPolicy('abc'));
  });
});

describe('the served page', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tiki-pages-'));
    await writeFile(join(folder, 'index.html'), '<meta content="__CSP_NONCE__">');
    await symlink('/etc/hostname', join(folder, 'link'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('carries the nonce of its policy, another one each time', async () => {
    const serve = serveApp(folder);
    const nonces = new Set<string>();
    for (let round = 0; round < 3; round += 1) {
      const answer = await serve(new Request('app://tikiwallet/'));
      const nonce = /content="([^"]+)"/.exec(await answer.text())?.[1] ?? '';
      expect(answer.headers.get('Content-Security-Policy')).toContain(`'nonce-${nonce}'`);
      expect(answer.headers.get('X-Content-Type-Options')).toBe('nosniff');
      nonces.add(nonce);
    }
    expect(nonces.size).toBe(3);
  });

  it('answers 404 for what is not there or has no known type, 405 for writing', async () => {
    const serve = serveApp(folder);
    expect((await serve(new Request('app://tikiwallet/none.js'))).status).toBe(404);
    expect((await serve(new Request('app://tikiwallet/link'))).status).toBe(404);
    expect((await serve(new Request('app://tikiwallet/', { method: 'POST' }))).status).toBe(405);
  });
});

describe('a call from a frame', () => {
  const page = { url: 'app://tikiwallet/', parent: null };
  const relay = vi.fn(async () => ({}));
  const options = {
    agent: { relay },
    windowInfo: () => ({ appVersion: '1', mode: 'kiosk' as const, locale: 'en' }),
  };

  it('is heard from the top frame of the app alone', () => {
    expect(isTrustedSender(page)).toBe(true);
    expect(isTrustedSender(null)).toBe(false);
    expect(isTrustedSender({ url: 'https://evil.example/', parent: null })).toBe(false);
    expect(isTrustedSender({ url: 'app://tikiwallet/', parent: { url: 'app://tikiwallet/' } as never })).toBe(
      false,
    );
  });

  it('reaches the agent when its name and its frame are right', async () => {
    expect(await answerCall(page, 'settlement.now', {}, options)).toEqual({ ok: true, value: {} });
    expect(relay).toHaveBeenCalledWith('settlement.now', {});
  });

  it('never speaks for the main process', async () => {
    relay.mockClear();
    expect(Object.keys(rendererCalls)).not.toContain('agent.hello');
    expect(await answerCall(page, 'agent.hello', { protocolVersion: 1, token: 'x' }, options)).toEqual({
      ok: false,
      code: 'call_invalid',
    });
    expect(relay).not.toHaveBeenCalled();
  });

  it('answers with the code of an error and nothing else of it', async () => {
    const failing = {
      ...options,
      agent: {
        relay: () => Promise.reject(new IpcError('rate_limited', { retryAfterMs: 900, cause: 'secret' })),
      },
    };
    expect(await answerCall(page, 'settlement.now', {}, failing)).toEqual({
      ok: false,
      code: 'rate_limited',
      retryAfterMs: 900,
    });
    const broken = { ...options, agent: { relay: () => Promise.reject(new Error('secret')) } };
    expect(await answerCall(page, 'settlement.now', {}, broken)).toEqual({
      ok: false,
      code: 'internal_error',
    });
  });

  test.prop([fc.anything(), fc.anything()], { numRuns: 2_000 })(
    'of any shape has no effect when it is not one of ours',
    async (name, params) => {
      relay.mockClear();
      const answer = await answerCall(page, name, params, options);
      if (typeof name === 'string' && Object.hasOwn(rendererCalls, name)) return;
      expect(answer.ok).toBe(false);
      expect(relay).not.toHaveBeenCalled();
    },
  );
});

describe('a shortcut', () => {
  const kiosk = { mode: 'kiosk', developerTools: false } as const;
  const keys = (text: string): Parameters<typeof isBlockedShortcut>[0] => {
    const parts = text.split('+');
    const key = parts.at(-1) ?? '';
    return {
      key,
      code: key.length === 1 ? `Key${key.toUpperCase()}` : key,
      control: parts.includes('Ctrl'),
      alt: parts.includes('Alt'),
      meta: parts.includes('Meta'),
      shift: parts.includes('Shift'),
    };
  };

  it.each([
    'Alt+F4',
    'F11',
    'F12',
    'F5',
    'Ctrl+Shift+i',
    'Ctrl+Shift+c',
    'Ctrl+r',
    'Ctrl+p',
    'Ctrl+w',
    'Ctrl+q',
    'Ctrl+Alt+F1',
    'Meta+d',
    'Alt+Tab',
    'Ctrl+-',
    'Ctrl+o',
    'Ctrl+s',
    'BrowserBack',
  ])('%s does nothing on a kiosk', (text) => {
    expect(isBlockedShortcut(keys(text), kiosk)).toBe(true);
  });

  it.each([
    'a',
    '5',
    'Enter',
    'Tab',
    'Shift+Tab',
    'Escape',
    'Ctrl+c',
    'Ctrl+v',
    'Ctrl+a',
    'Backspace',
    'ArrowLeft',
  ])('%s works on a kiosk', (text) => {
    expect(isBlockedShortcut(keys(text), kiosk)).toBe(false);
  });

  it('for the developer tools works only where they are on', () => {
    expect(isBlockedShortcut(keys('F12'), { mode: 'desktop', developerTools: true })).toBe(false);
    expect(isBlockedShortcut(keys('F12'), { mode: 'desktop', developerTools: false })).toBe(true);
  });
});

describe('the launch', () => {
  const around: LaunchSurroundings = {
    env: {},
    isPackaged: false,
    userData: '/home/s/.config/TikiWallet',
    appFolder: '/repo/desktop',
    resourcesFolder: '/opt/t/resources',
    platform: 'linux',
    exists: (path) => path === '/repo/node_modules/.bin/node',
  };

  it('is a window with the workspace’s Node by default', () => {
    expect(readLaunchOptions(around)).toMatchObject({
      mode: 'desktop',
      dataFolder: '/home/s/.config/TikiWallet/kiosk',
      attachTo: undefined,
      agent: { command: '/repo/node_modules/.bin/node', entry: '/repo/desktop/agent/main.ts' },
      size: { width: 1280, height: 800 },
    });
  });

  it('of a packaged app runs only what was packed', () => {
    const env = { TIKI_NODE_BIN: '/tmp/evil', TIKI_AGENT_ENTRY: '/tmp/evil.js', TIKI_DEVTOOLS: '1' };
    expect(readLaunchOptions({ ...around, env, isPackaged: true })).toMatchObject({
      agent: { command: '/opt/t/resources/node/node', entry: '/opt/t/resources/agent/agent.js' },
      developerTools: false,
    });
  });

  it('attaches to a named socket, with its token beside it', () => {
    expect(
      readLaunchOptions({ ...around, env: { TIKI_AGENT_SOCKET: '/run/tiki/agent.sock' } }).attachTo,
    ).toEqual({ socketPath: '/run/tiki/agent.sock', tokenPath: '/run/tiki/agent.token' });
  });

  it('takes a size that a screen can have', () => {
    expect(readLaunchOptions({ ...around, env: { TIKI_WINDOW_SIZE: '800x480' } }).size).toEqual({
      width: 800,
      height: 480,
    });
    expect(readLaunchOptions({ ...around, env: { TIKI_WINDOW_SIZE: '1x1' } }).size).toEqual({
      width: 1280,
      height: 800,
    });
  });
});

describe('the agent’s process', () => {
  it('waits longer each time, to a bound, and forgets after a steady run', () => {
    expect([
      nextBackoff(300, 0),
      nextBackoff(8_000, 0),
      nextBackoff(10_000, 0),
      nextBackoff(10_000, 60_000),
    ]).toEqual([600, 10_000, 10_000, 300]);
  });

  it('inherits nothing that would change what Node runs', () => {
    expect(
      agentEnvironment(
        { PATH: '/bin', NODE_OPTIONS: '--require x', ELECTRON_RUN_AS_NODE: '1', TIKI_API_URL: 'u' },
        '/data',
      ),
    ).toEqual({ PATH: '/bin', TIKI_API_URL: 'u', TIKI_KIOSK_DATA: '/data' });
  });
});
