import { listCursor, listViews } from '../api/views/lists.ts';
import { readView } from '../api/views/read-view.ts';
import { readSharedView } from '../api/views/shared-views.ts';
import type { Annals } from '../application/define-annals.ts';
import { consoleLogger } from '../bin/serve/console-logger.ts';
import { listen } from '../bin/serve/server.ts';
import { openService } from '../bin/serve/service.ts';
import { parseUrl } from '../bin/serve/trace-endpoint.ts';
import { parse } from '../core/base/validation.ts';
import { EventStream } from '../core/log/event-stream.ts';
import type { OpenAnnals, OpenOptions } from './open-application.ts';
import { streamsOf } from './streams.ts';

/** Views of a page when the caller names no number. */
const PAGE = 100;

const RECORDED = { clock: 'recorded' } as const;

/** Opens an application and starts it; see `openAnnals`. */
export function open(annals: Annals, { dataDir, logger = consoleLogger, traces }: OpenOptions): OpenAnnals {
  const traceEndpoint = traces && {
    url: parseUrl('the URL of traces', traces.url),
    headers: new Headers(traces.headers),
    serviceName: traces.serviceName ?? 'annals',
  };
  const service = openService({ annals, dataDir, logger, traceEndpoint });
  const { engine, past, tracer } = service;
  service.start();
  const streams = streamsOf(annals, engine);
  const traced = <Result>(route: string, correlationId: string | undefined, work: () => Promise<Result>) =>
    traces ? tracer.service('annals', undefined, { attributes: { route }, correlationId }, work) : work();
  return {
    ...streams,
    execute: (aggregate, id, command, given) =>
      traced(`execute ${aggregate.aggregateType}`, given?.correlationId, () =>
        streams.execute(aggregate, id, command, given),
      ),
    append: (stream, events, given) =>
      traced('append', given?.correlationId, () => streams.append(stream, events, given)),
    view: async (projection, id, moment = {}) =>
      (await readView(projection, id, { ...RECORDED, ...moment }, engine)).body,
    sharedView: async (projection, key, moment = {}) =>
      (await readSharedView(projection, key, { ...RECORDED, ...moment }, { ...engine, past })).body,
    views: (projection, { group, limit = PAGE, cursor } = {}) => {
      const from = parse(listCursor(projection.group.values), cursor);
      return listViews(projection, engine, { limit, cursor: from, filters: { state: group } });
    },
    follow: (options) => new EventStream(engine.log, options).getEventIterator(),
    listen: (options) => listen(service, options),
    close: () => service.close(),
  };
}
