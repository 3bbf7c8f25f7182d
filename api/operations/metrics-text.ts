import * as z from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import type { App } from '../http/app.ts';
import { problemResponses } from '../http/openapi.ts';
import { readQuery } from '../http/route.ts';

export interface MetricsTextDeps {
  /** Reads the metrics of the process as Prometheus text; absent when metrics are off. */
  readonly metricsText?: (() => Promise<{ readonly contentType: string; readonly text: string }>) | undefined;
}

/** For the OpenAPI document. */
export const metricsTextPath: ZodOpenApiPathsObject = {
  '/metrics': {
    get: {
      operationId: 'getMetrics',
      tags: ['metrics'],
      summary: 'The metrics of this process, as Prometheus text',
      responses: {
        200: { description: 'The metrics', content: { 'text/plain': { schema: z.string() } } },
        ...problemResponses(['VALIDATION_FAILED', 'INTERNAL']),
      },
    },
  },
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
