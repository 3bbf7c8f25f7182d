import { expectTypeOf, it } from 'vitest';
import type { SchemaVersion, StreamVersion } from '../../../../core/base/versions.ts';
import type { DomainEvent } from '../../../../core/events/catalogue.ts';
import type { Folded } from '../../../../core/state/fold.ts';

it('the compiler tells the version of a schema from the version of a stream', () => {
  expectTypeOf<SchemaVersion>().not.toExtend<StreamVersion>();
  expectTypeOf<DomainEvent['version']>().not.toExtend<Folded<unknown>['version']>();
  expectTypeOf<DomainEvent['sequenceNumber']>().toExtend<Folded<unknown>['version']>();
  expectTypeOf<number>().toExtend<SchemaVersion>();
});
