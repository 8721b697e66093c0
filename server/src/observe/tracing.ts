/**
 * OpenTelemetry traces, off unless `OTEL_EXPORTER_OTLP_ENDPOINT` (or `..._TRACES_ENDPOINT`) says where to.
 *
 * Owns: which spans there are and every attribute that they carry: route templates, methods, statuses, SQLSTATEs.
 * Never: a path with its ids, a query, a header, an address or a message of an error: traces leave the house.
 */
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Context, MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import { ConfigError } from '../config-error.ts';
import type { AppEnv } from '../http/router.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const tracer = () => trace.getTracer('tikiwallet');
/** Off, a span costs nothing, not even its making. */
let isOn = false;

export const isTracing = (): boolean => isOn;

/**
 * Starts exporting when the environment asks for it; endpoint, headers, time-out and compression are read by the
 * exporter itself from OpenTelemetry's own variables.
 * @returns ends it, after sending what is left.
 * @throws ConfigError
 */
export function startTracing(environment: Environment): () => Promise<void> {
  const endpoint =
    environment['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? environment['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? '';
  if (endpoint === '' || environment['OTEL_SDK_DISABLED'] === 'true') return () => Promise.resolve();
  const ratio = Number(environment['OTEL_TRACES_SAMPLER_ARG'] ?? '1');
  if (!(ratio >= 0 && ratio <= 1))
    throw new ConfigError('OTEL_TRACES_SAMPLER_ARG is a share between 0 and 1.');
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': environment['OTEL_SERVICE_NAME'] ?? 'tikiwallet-server',
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  isOn = true;
  return () => provider.shutdown();
}

/**
 * A span for each request, named by its route's template. Does nothing while tracing is off. Our own proxies may say which trace it
 * belongs to, and that it is recorded; of anybody else that is kept as a link, and our own share decides.
 */
export const traceRequests =
  (isFromProxy: (c: Context) => boolean): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    if (!isOn) return next();
    const told = propagation.extract(ROOT_CONTEXT, c.req.raw.headers, {
      get: (headers, key) => headers.get(key) ?? undefined,
      keys: (headers) => [...headers.keys()],
    });
    const caller = trace.getSpanContext(told);
    const isBelieved = isFromProxy(c);
    const links = isBelieved || caller === undefined ? [] : [{ context: caller }];
    const options = { kind: SpanKind.SERVER, links };
    await tracer().startActiveSpan('request', options, isBelieved ? told : ROOT_CONTEXT, async (span) => {
      try {
        await next();
      } finally {
        const route = routePath(c);
        span.updateName(`${c.req.method} ${route}`);
        span.setAttributes({
          'http.request.method': c.req.method,
          'http.route': route,
          'http.response.status_code': c.res.status,
          'tikiwallet.request_id': c.get('requestId'),
        });
        if (c.res.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      }
    });
  };

/** A span around one piece of work; what it throws is marked, never described. */
export function traced<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (!isOn) return work();
  return tracer().startActiveSpan(name, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}
