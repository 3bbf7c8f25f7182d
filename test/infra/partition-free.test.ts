import { describe, expect, it } from 'vitest';
import { everyTemplate } from './every-template.ts';
import { byRegion, resolveIn } from './partitions.ts';

interface Text {
  /** Names of the members that lead to it. */
  readonly path: readonly string[];
  readonly text: string;
}

function textsIn(value: unknown, path: readonly string[] = []): Text[] {
  if (typeof value === 'string') return [{ path, text: value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => textsIn(member, [...path, name]));
}

/** Principals of services are `<service>.amazonaws.com` in every partition. */
const isPrincipal = ({ path, text }: Text) =>
  /^(delivery\.)?[a-z]+\.amazonaws\.com$/.test(text) &&
  (path.slice(-2).join('.') === 'Principal.Service' || path.at(-1) === 'iam:PassedToService');
/** Lambda and EventBridge permissions name the service beside the action. */
const isPermitted = ({ path, text }: Text) => /^[a-z]+\.amazonaws\.com$/.test(text) && path.at(-1) === 'Principal';

const templates = everyTemplate().flatMap(({ variant, templates: own }) =>
  own.map(({ stack, json }) => ({ place: `${variant.name} ${stack}`, json })),
);

describe('templates of every variant', () => {
  it('leave partition and domain to the region that they are deployed to', () => {
    const fixed = templates.flatMap(({ place, json }) =>
      textsIn({ ...json, Metadata: undefined })
        .filter((found) => !found.path.includes('Metadata') && !isPrincipal(found) && !isPermitted(found))
        .filter(({ text }) => /\barn:aws\b|amazonaws\.com/.test(text))
        .map(({ path, text }) => `${place} ${path.join('.')}: ${text}`),
    );
    expect(templates.length).toBeGreaterThan(50);
    expect(fixed).toEqual([]);
  });

  it.each(byRegion)('allow keys to be used through the services of %s', (_, where) => {
    const suffix = `.${where['AWS::Region']}.${where['AWS::URLSuffix']}`;
    const services = templates.flatMap(({ json }) =>
      textsIn(resolveIn(where, json))
        .filter(({ path }) => path.includes('kms:ViaService'))
        .map(({ text }) => text),
    );
    expect(services.length).toBeGreaterThan(100);
    expect(services.filter((service) => !service.endsWith(suffix))).toEqual([]);
  });
});
