import * as z from 'zod';
import type { App } from '../http/app.ts';
import { readQuery, type StreamedRoute } from '../http/route.ts';

export interface MetricsTextDeps {
  /** Reads the metrics of the process as Prometheus text; absent when metrics are off. */
  readonly metricsText?: (() => Promise<{ readonly contentType: string; readonly text: string }>) | undefined;
}

/** The declaration for the OpenAPI document. */
export const metricsTextRoute: StreamedRoute = {
  name: 'getMetrics',
  path: '/metrics',
  summary: 'The metrics of this process, as Prometheus text',
  mediaType: 'text/plain',
  answer: 'The metrics',
  errors: ['VALIDATION_FAILED', 'INTERNAL'],
};

/** `GET /metrics`, for hosts that keep their metrics in the process. */
export function addMetricsText(app: App, { metricsText }: MetricsTextDeps): void {
  if (!metricsText) return;
  app.get('/metrics', async (c) => {
    readQuery(z.object({}), c.req.raw);
    const { contentType, text } = await metricsText();
    return c.body(text, 200, { 'Content-Type': contentType });
  });
}
