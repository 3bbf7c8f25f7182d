import validate from 'asl-validator';
import { describe, expect, it } from 'vitest';
import { variants } from '../../bin/templates/variants.ts';
import agents from '../../domain/application.ts';
import { everyResource } from './every-template.ts';
import { byRegion, type Partition, partitions, resolveIn } from './partitions.ts';

const { sagas } = agents;

const machines = everyResource().filter(({ resource }) => resource.Type === 'AWS::StepFunctions::StateMachine');

/** What Step Functions would be given, with all references filled in. */
const definitionsIn = (where: Partition) =>
  machines.map(({ variant, id, resource }) => {
    const text = resolveIn(where, resource.Properties?.['DefinitionString']);
    return { place: `${variant.name} ${id}`, text: String(text), definition: JSON.parse(String(text)) };
  });

describe.each(byRegion)('the state machines in %s', (_, where) => {
  const definitions = definitionsIn(where);

  it('are those of every saga and of replays, in every variant', () => {
    expect(definitions).toHaveLength(variants.length * (sagas.length + 1));
  });

  it('are valid Amazon States Language', () => {
    // Most variants have the same definitions, and each takes half a second.
    const distinct = new Map(definitions.map(({ place, text }) => [text, place]));
    expect(distinct.size).toBeGreaterThanOrEqual(sagas.length + 1);
    for (const [text, place] of distinct) expect(validate(JSON.parse(text)).errors, place).toEqual([]);
  });

  it('name integrations and functions of their partition', () => {
    for (const { place, definition } of definitions) {
      const resources = JSON.stringify(definition).match(/arn:[^"]*/g) ?? [];
      expect(resources.length, place).toBeGreaterThan(0);
      expect(new Set(resources.map((arn) => arn.split(':')[1])), place).toEqual(new Set([where['AWS::Partition']]));
    }
  });
});

describe('the validator', () => {
  const [first] = definitionsIn(partitions[0] as Partition);
  const planted = [
    ['a state that nothing leads on from', (text: string) => text.replace('"Next"', '"Nxt"')],
    ['a goal that is not there', (text: string) => text.replace('"Default":"', '"Default":"No such ')],
    ['a path that is none', (text: string) => text.replace('"ResultPath":"$.', '"ResultPath":"$$[')],
  ] as const;

  it.each(planted)('finds %s', (_, plant) => {
    const text = JSON.stringify(first?.definition);
    expect(plant(text)).not.toBe(text);
    expect(validate(JSON.parse(plant(text))).isValid).toBe(false);
  });
});
